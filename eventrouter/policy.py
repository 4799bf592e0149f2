"""What is declared about how a handler is called, and what if it fails or takes long."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeAlias, TypedDict, TypeVar

from attrs import evolve, field, fields, frozen

from eventrouter.errors import RegistrationError, is_whole, seconds_of
from eventrouter.event import Event
from eventrouter.retry import Retry
from eventrouter.signature import AnyHandler, is_async, named, runs_in_loop, takes

T = TypeVar("T")


class Unset(Enum):
    """The setting of whoever does not say."""

    UNSET = "what is around says it"


UNSET: Final = Unset.UNSET
RetrySetting: TypeAlias = Retry | Unset | None
TimeoutSetting: TypeAlias = float | timedelta | Unset | None
PauseAfterSetting: TypeAlias = int | Unset | None

#: Gives a key for an event, its payload raw.
OrderedBy: TypeAlias = Callable[[Event[Any]], Hashable]
OrderedBySetting: TypeAlias = OrderedBy | Unset | None


class HandlerSettings(TypedDict, total=False):
    """The arguments of ``Settings`` that ``Router.on`` has, for whoever hands them on."""

    retry: RetrySetting
    timeout: TimeoutSetting
    abandon: bool
    concurrency: int | None
    ordered_by: OrderedBySetting
    pause_after: PauseAfterSetting


def _read_retry(retry: RetrySetting) -> Retry | Unset | None:
    if retry is None or retry is UNSET or isinstance(retry, Retry):  # pyright: ignore[reportUnnecessaryIsInstance]
        return retry
    raise RegistrationError(f"retry={retry!r}: it is a Retry, or None")


def _read_timeout(timeout: TimeoutSetting) -> float | Unset | None:
    if timeout is None or timeout is UNSET:
        return timeout
    seconds = seconds_of(timeout, "timeout")
    if seconds <= 0:
        raise RegistrationError(f"timeout={timeout!r}: it is above 0")
    return seconds


def _read_concurrency(concurrency: int | None) -> int | None:
    if concurrency is None or (is_whole(concurrency) and concurrency >= 1):
        return concurrency
    raise RegistrationError(f"concurrency={concurrency!r}: it is 1 or more, or None")


def _read_pause_after(pause_after: PauseAfterSetting) -> int | Unset | None:
    if pause_after is None or pause_after is UNSET:
        return pause_after
    if is_whole(pause_after) and pause_after >= 1:
        return pause_after
    raise RegistrationError(f"pause_after={pause_after!r}: it is 1 or more, or None")


def _read_ordered_by(ordered_by: OrderedBySetting) -> OrderedBy | Unset | None:
    if ordered_by is None or ordered_by is UNSET:
        return ordered_by
    if callable(ordered_by) and takes(ordered_by, 1) and not is_async(ordered_by):
        return ordered_by
    raise RegistrationError(
        f"ordered_by={ordered_by!r}: it is a sync function of the event that returns a key, or None"
    )


@frozen
class Settings:
    """
    What a router or a handler says; what it says nothing of is for what is around it to say.

    Attributes:
        retry: When it is called again; None for never.
        timeout: How long a call may take, in seconds; None for as long as it likes.
        abandon: Whether a sync handler that takes longer is left behind in its thread.
        concurrency: How many calls of it run at a time; None for any number.
        ordered_by: Gives the key of an event; those of one key run one after the other. None for
            no order.
        pause_after: For how many events in a row it fails before it is paused; None for never.
    """

    retry: Retry | Unset | None = field(default=UNSET, converter=_read_retry)
    timeout: float | Unset | None = field(default=UNSET, converter=_read_timeout)
    abandon: bool = False
    concurrency: int | None = field(default=None, converter=_read_concurrency)
    ordered_by: OrderedBy | Unset | None = field(default=UNSET, converter=_read_ordered_by)
    pause_after: int | Unset | None = field(default=UNSET, converter=_read_pause_after)

    def within(self, outer: Settings) -> Settings:
        """The same, with what the outer ones say where these say nothing."""
        unsaid = [at.name for at in fields(Settings) if getattr(self, at.name) is UNSET]
        return evolve(self, **{name: getattr(outer, name) for name in unsaid})


@frozen
class Policy:
    """
    How a handler is called, and what is done if it fails or takes long.

    Attributes:
        retry: When it is called again; None for never.
        timeout: How long a call may take, in seconds; None for as long as it likes.
        abandon: Whether it is then left behind in its thread.
        concurrency: How many calls of it run at a time; None for any number.
        ordered_by: Gives the key of an event; those of one key run one after the other. None for
            no order.
        pause_after: For how many events in a row it fails before it is paused; None for never.
    """

    retry: Retry | None = None
    timeout: float | None = None
    abandon: bool = False
    concurrency: int | None = None
    ordered_by: OrderedBy | None = None
    pause_after: int | None = None

    def __str__(self) -> str:
        parts = [] if self.retry is None else [str(self.retry)]
        if self.timeout is not None:
            parts.append(f"timeout {self.timeout:g} s{', then abandoned' if self.abandon else ''}")
        if self.concurrency is not None:
            parts.append(f"{self.concurrency} at a time")
        if self.ordered_by is not None:
            parts.append(f"ordered by {named(self.ordered_by).name}")
        if self.pause_after is not None:
            parts.append(f"paused after {self.pause_after} in a row")
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
    if runs_in_loop(handler):
        if settings.abandon:
            raise RegistrationError(
                f"{named(handler)} is async, so a timeout cancels it; remove abandon=True"
            )
    elif timeout is not None and not (thread and settings.abandon):
        raise RegistrationError(_unstoppable(handler, thread, timeout))
    return Policy(
        _said(settings.retry),
        timeout,
        settings.abandon and timeout is not None,
        settings.concurrency,
        _said(settings.ordered_by),
        _said(settings.pause_after),
    )


def _said(setting: T | Unset | None) -> T | None:
    return None if setting is UNSET else setting


def _unstoppable(handler: AnyHandler, thread: bool, timeout: float) -> str:
    what = f"{named(handler)} has a timeout of {timeout:g} s and is sync"
    if not thread:
        return f"{what}, with thread=False: nothing can end it; make it async, or timeout=None"
    return (
        f"{what}: no thread can be stopped. Make it async; or abandon=True, to leave the thread "
        "behind, running; or timeout=None"
    )
