"""The dead letter that an event which could not be handled becomes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import datetime

from cattrs import BaseValidationError

from eventrouter.envelope import Headers
from eventrouter.errors import EventError, InvalidPayload, MalformedEvent, members_of
from eventrouter.event import Event
from eventrouter.result import Result, Status
from eventrouter.stores.letters import DeadLetter, HandlerOutcome

_LIBRARIES = ("pydantic_core", "pydantic", "msgspec")


def letter_of(
    result: Result, raw: bytes, headers: Headers, received: datetime, attempts: int
) -> DeadLetter:
    """
    Make a dead letter of what became of an event.

    Args:
        result: What became of it; something went wrong.
        raw: What arrived, as it arrived.
        headers: What came with it.
        received: When it arrived, with an offset.
        attempts: How often it was tried in all.
    """
    error = result.error or RuntimeError(f"it is {result.status}")
    handlers = tuple(
        HandlerOutcome(h.handler, h.attempts, None if h.error is None else name_of(h.error))
        for h in result.handlers
    )
    return letter_about(
        error, result.status, result.event, raw, headers, received, attempts, handlers
    )


def letter_about(
    error: BaseException,
    status: Status,
    event: Event[object] | None,
    raw: bytes,
    headers: Headers,
    received: datetime,
    attempts: int,
    handlers: tuple[HandlerOutcome, ...] = (),
) -> DeadLetter:
    """
    Make a dead letter that tells of an error.

    Args:
        error: What went wrong.
        status: What became of the event.
        event: The event; None if what arrived is none, or was not read.
        raw: What arrived, as it arrived.
        headers: What came with it.
        received: When it arrived, with an offset.
        attempts: How often it was tried in all.
        handlers: What became of each handler.
    """
    return DeadLetter(
        raw=raw,
        headers=headers,
        received=received,
        status=status,
        error=name_of(error),
        message=_message(error),
        traceback=_traceback(error),
        type=event.type if event is not None else None,
        version=event.version if event is not None else None,
        event_id=event.id if event is not None else None,
        attempts=attempts,
        handlers=handlers,
    )


def name_of(error: BaseException) -> str:
    """The name of the type of an error, with its module."""
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"


# The values of a payload are in the payload alone, and in no text that lists show.


def _message(error: BaseException) -> str:
    if isinstance(error, InvalidPayload):
        return "; ".join(f"{at.path}: expected {at.expected_by_us}" for at in error.errors)
    if isinstance(error, MalformedEvent):
        return error.reason
    if _is_of_library(error) and not members_of(error):
        return "(not told here, as it may repeat values)"
    try:
        return str(error)
    except Exception as broken:
        return f"(its __str__ raised {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    if not members_of(error):
        return _traceback_of_one(error)
    return "\n".join(f"{name_of(one)}:\n{_traceback_of_one(one)}" for one in _ones_in(error))


def _ones_in(group: BaseException) -> Iterator[BaseException]:
    """The errors in a group and in the groups in it; one that tells values is not taken apart."""
    unseen = [group]
    while unseen:
        found = unseen.pop()
        members = members_of(found)
        if members and not _tells_values(found):
            unseen += reversed(members)
        else:
            yield found


def _traceback_of_one(error: BaseException) -> str:
    if any(map(_tells_values, _told_of(error))):
        return "".join(traceback.format_tb(error.__traceback__))
    return "".join(traceback.format_exception(error))


def _tells_values(error: BaseException) -> bool:
    return isinstance(error, EventError) or _is_of_library(error)


def _is_of_library(error: BaseException) -> bool:
    """Whether it is what libraries raise that build classes, of what did not fit."""
    if isinstance(error, BaseValidationError):
        return True
    package = type(error).__module__.partition(".")[0]
    return type(error).__name__ == "ValidationError" and package in _LIBRARIES


def _told_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that its traceback would tell of."""
    seen: set[int] = set()
    unseen: list[BaseException | None] = [error]
    while unseen:
        found = unseen.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            unseen += [found.__cause__, found.__context__, *members_of(found)]
