"""What became of one dispatch."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

from attrs import define

from eventrouter.errors import EventError
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


# Both are made for each event, and frozen ones would take three times as long to make.


@define
class HandlerResult:
    """
    What became of one handler.

    Attributes:
        handler: The handler's name, with its module.
        value: What it returned.
        error: What it raised, or None.
        attempts: How often it was called.
        elapsed: How long that took, in seconds.
    """

    handler: str
    value: Any
    error: Exception | None
    attempts: int
    elapsed: float


@define
class Result:
    """
    What became of one event.

    Attributes:
        status: The outcome in one word.
        event: The event, its payload raw; None if what arrived was no event.
        handlers: What became of each handler, in registration order.
        error: What ``dispatch`` raises: the error of the event or of the one handler that
            failed, an ``ExceptionGroup`` where several failed, or None.
        raw: What arrived, as it arrived.
    """

    status: Status
    event: Event[Any] | None
    handlers: tuple[HandlerResult, ...] = ()
    error: Exception | None = None
    raw: Raw | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do: the event was handled, or ignored by choice."""
        return self.error is None and self.status is not Status.IN_PROGRESS

    @property
    def retryable(self) -> bool:
        """Whether delivering the same event again may help."""
        if self.status is Status.IN_PROGRESS:
            return True
        if self.status is not Status.FAILED or self.error is None:
            return False
        return not _holds_event_error(self.error)


def _holds_event_error(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return any(map(_holds_event_error, group.exceptions))
    return isinstance(error, EventError)
