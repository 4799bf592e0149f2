"""What became of one dispatch."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define, field

from eventrouter.errors import (
    ClaimLost,
    HandlerPaused,
    NotSetAside,
    PublishError,
    StoreError,
    asked_wait,
    is_permanent,
)
from eventrouter.event import Event
from eventrouter.json import Raw


class Status(StrEnum):
    """What became of an event; each transport maps it to its own acknowledgement."""

    HANDLED = "handled"
    IGNORED = "ignored"
    MALFORMED = "malformed"
    UNROUTED = "unrouted"
    INVALID = "invalid"
    FAILED = "failed"
    DUPLICATE = "duplicate"
    IN_PROGRESS = "in_progress"


class FailedAttempt(NamedTuple):
    """
    A call of a handler that failed, and was followed by another.

    Attributes:
        error: What it raised.
        wait: How long the next call was put off, in seconds.
    """

    error: Exception
    wait: float


# Both are made for each event, and frozen ones would take three times as long to make.


@define
class HandlerResult:
    """
    What became of one handler.

    Attributes:
        handler: The handler's name, with its module.
        value: What it returned, or the tuple of what it yielded; events as they were published, if
            they were.
        error: What it raised, the last time it was called; or None.
        attempts: How often it was called.
        elapsed: How long that took, in seconds, with the waits between.
        earlier: The attempts before the last.
        skipped: Why it was not called, where each handler runs once for an event: ``DUPLICATE`` if
            it did what it should at an earlier delivery, ``IN_PROGRESS`` while it runs for another.
            None if that is not why.
    """

    handler: str
    value: Any
    error: Exception | None
    attempts: int
    elapsed: float
    earlier: tuple[FailedAttempt, ...] = ()
    skipped: Status | None = None


@define
class Result:
    """
    What became of one event.

    Attributes:
        status: The outcome in one word.
        event: The event as it came, its payload raw; None if what arrived was no event.
        handlers: What became of each handler, in registration order.
        error: What ``dispatch`` raises: the error of the event or of the one handler that
            failed, an ``ExceptionGroup`` where several failed, or None.
        raw: What arrived, as it arrived.
        upcasts: The versions that its payload went through, the event's own first and that of
            the handlers last; empty if it was not upcast.
        dead_letter: The id of the dead letter that it was set aside as, or None.
    """

    status: Status
    event: Event[Any] | None
    handlers: tuple[HandlerResult, ...] = ()
    error: Exception | None = None
    raw: Raw | None = None
    upcasts: tuple[str, ...] = ()
    dead_letter: str | None = None
    # What the event, and the result of the one handler, are made of when first asked for.
    _unmade: tuple[Any, ...] | None = field(default=None, init=False, eq=False, repr=False)

    if not TYPE_CHECKING:  # or any attribute would pass as one it has

        def __getattr__(self, name: str) -> Any:
            if name == "dead_letter":  # of one that was handled
                self.dead_letter = None
                return None
            if name not in ("event", "handlers", "upcasts"):
                raise AttributeError(f"a Result has no attribute {name!r}")
            make_event, parts, *of_handler = self._unmade
            self.event = make_event(parts)
            if of_handler:
                route, value, elapsed = of_handler
                self.handlers = (HandlerResult(route.named.name, value, None, 1, elapsed),)
                self.upcasts = route.upcasts
            self._unmade = None
            return getattr(self, name)

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do: the event was handled, or ignored by choice."""
        return self.error is None and self.status is not Status.IN_PROGRESS

    @property
    def retryable(self) -> bool:
        """Whether delivering the same event again may help; once it is set aside, it is not due."""
        if self.status is Status.IN_PROGRESS:
            return True
        if self.status is not Status.FAILED or self.dead_letter is not None:
            return False
        return self.is_open or not all(map(is_permanent, self._failures()))

    @property
    def is_open(self) -> bool:
        """Whether only another delivery can tell what becomes of it, however it failed here."""
        return (
            isinstance(self.error, NotSetAside)
            or self.is_paused
            or any(handler.skipped is Status.IN_PROGRESS for handler in self.handlers)
            or any(_is_of_elsewhere(handler.error) for handler in self.handlers)
        )

    @property
    def is_paused(self) -> bool:
        """Whether a handler was not called for it, since it failed for those before."""
        return any(isinstance(handler.error, HandlerPaused) for handler in self.handlers)

    @property
    def retry_after(self) -> float | None:
        """
        How long to wait before delivering it again, in seconds.

        None if no handler asked for that, and none is paused.
        """
        if not self.retryable:
            return None
        asked = [wait for wait in map(_asked_wait, self._failures()) if wait is not None]
        return max(asked, default=None)

    def _failures(self) -> list[Exception]:
        """What each handler that failed raised; or what else went wrong."""
        of_handlers = [handler.error for handler in self.handlers if handler.error is not None]
        return of_handlers or ([] if self.error is None else [self.error])


def _is_of_elsewhere(error: Exception | None) -> bool:
    """Whether a handler did its work, and what came after that failed, which may pass."""
    if isinstance(error, PublishError):
        return not is_permanent(error)
    return isinstance(error, (ClaimLost, StoreError))


def _asked_wait(error: Exception) -> float | None:
    return error.retry_after if isinstance(error, HandlerPaused) else asked_wait(error)


def handled(unmade: tuple[Any, ...], raw: Raw | None) -> Result:
    """
    The result of an event that was handled; what is in it is made when asked for.

    Args:
        unmade: What makes the event, of what; and for a lone handler, its route, what it
            returned, and how long that took, in seconds. Of several, ``handlers`` and ``upcasts``
            are to be set.
        raw: What arrived.
    """
    result = _new(Result)
    result.status = _HANDLED
    result.error = None
    result.raw = raw
    result._unmade = unmade  # pyright: ignore[reportPrivateUsage]
    return result


def with_raw(result: Result, raw: Raw | None) -> Result:
    """The same result of what arrived; what is unmade in it stays so."""
    copy = _new(Result)
    copy.status = result.status
    copy.error = result.error
    copy.raw = raw
    copy._unmade = unmade = result._unmade  # pyright: ignore[reportPrivateUsage]
    if unmade is None:
        copy.event = result.event
        copy.dead_letter = result.dead_letter
    if unmade is None or len(unmade) == 2:  # of the event alone
        copy.handlers = result.handlers
        copy.upcasts = result.upcasts
    return copy


_new = Result.__new__
_HANDLED = Status.HANDLED  # looking it up takes as long as setting all the rest
