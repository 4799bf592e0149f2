"""What is declared about a handler that fails or takes long."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeAlias, TypeVar

from attrs import NOTHING, NothingType, field, frozen

from eventrouter.errors import RegistrationError, seconds_of
from eventrouter.retry import Retry
from eventrouter.signature import AnyHandler, is_async, named

T = TypeVar("T")


#: ``NOTHING`` leaves it to what is around to say.
RetrySetting: TypeAlias = Retry | NothingType | None
TimeoutSetting: TypeAlias = float | timedelta | NothingType | None


def _read_retry(retry: RetrySetting) -> Retry | NothingType | None:
    if retry is None or retry is NOTHING or isinstance(retry, Retry):  # pyright: ignore[reportUnnecessaryIsInstance]
        return retry
    raise RegistrationError(f"retry={retry!r}: it is a Retry, or None")


def _read_timeout(timeout: TimeoutSetting) -> float | NothingType | None:
    if timeout is None or timeout is NOTHING:
        return timeout
    seconds = seconds_of(timeout, "timeout")
    if seconds <= 0:
        raise RegistrationError(f"timeout={timeout!r}: it is above 0")
    return seconds


@frozen
class Settings:
    """
    What a router or a handler says; what it says nothing of is for what is around it to say.

    Attributes:
        retry: When it is called again; None for never.
        timeout: How long a call may take, in seconds; None for as long as it likes.
        abandon: Whether a sync handler that takes longer is left behind in its thread.
    """

    retry: Retry | NothingType | None = field(default=NOTHING, converter=_read_retry)
    timeout: float | NothingType | None = field(default=NOTHING, converter=_read_timeout)
    abandon: bool = False

    def within(self, outer: Settings) -> Settings:
        """The same, with what the outer ones say where these say nothing."""
        return Settings(
            outer.retry if self.retry is NOTHING else self.retry,
            outer.timeout if self.timeout is NOTHING else self.timeout,
            self.abandon,
        )


@frozen
class Policy:
    """
    What is done about a handler that fails or takes long.

    Attributes:
        retry: When it is called again; None for never.
        timeout: How long a call may take, in seconds; None for as long as it likes.
        abandon: Whether it is then left behind in its thread.
    """

    retry: Retry | None = None
    timeout: float | None = None
    abandon: bool = False

    def __str__(self) -> str:
        parts = [] if self.retry is None else [str(self.retry)]
        if self.timeout is not None:
            parts.append(f"timeout {self.timeout:g} s{', then abandoned' if self.abandon else ''}")
        return "; ".join(parts)


#: That of a handler about which nothing is declared.
NO_POLICY: Final = Policy()


def policy_of(handler: AnyHandler, thread: bool, settings: Settings) -> Policy:
    """
    What the settings mean for a handler.

    Raises:
        RegistrationError: If it can't be stopped when its time is over.
    """
    timeout = _said(settings.timeout)
    if is_async(handler):
        if settings.abandon:
            raise RegistrationError(
                f"{named(handler)} is async, so a timeout cancels it; remove abandon=True"
            )
    elif timeout is not None and not (thread and settings.abandon):
        raise RegistrationError(_unstoppable(handler, thread, timeout))
    return Policy(_said(settings.retry), timeout, settings.abandon and timeout is not None)


def _said(setting: T | NothingType | None) -> T | None:
    return None if setting is NOTHING else setting


def _unstoppable(handler: AnyHandler, thread: bool, timeout: float) -> str:
    what = f"{named(handler)} has a timeout of {timeout:g} s and is sync"
    if not thread:
        return f"{what}, with thread=False: nothing can end it; make it async, or timeout=None"
    return (
        f"{what}: no thread can be stopped. Make it async; or abandon=True, to leave the thread "
        "behind, running; or timeout=None"
    )
