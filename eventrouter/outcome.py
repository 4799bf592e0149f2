"""From what became of each handler to what became of the event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from eventrouter.errors import InvalidPayload, MalformedEvent, MissingKey, UnroutedEvent, identified
from eventrouter.event import Event
from eventrouter.json import Raw
from eventrouter.result import HandlerResult, Result, Status

_MOST_NOTES = 16

#: What became of each handler, and the errors outside handlers.
Outcome: TypeAlias = tuple[list[HandlerResult], list[Exception]]


def summed_up(
    event_error: Exception | None, results: Iterable[HandlerResult], others: Iterable[Exception]
) -> Exception | None:
    """
    One error for all.

    An error of the event stands for all the rest, which become notes on it: the event can't be
    handled, whatever else happened.
    """
    errors = [result.error for result in results if result.error is not None]
    errors.extend(others)
    if event_error is not None:
        for error in errors:
            note(event_error, besides(error))
        return event_error
    if len(errors) > 1:
        return ExceptionGroup(f"{len(errors)} errors while handling one event", errors)
    return errors[0] if errors else None


def settled(
    event: Event[Any],
    event_error: Exception | None,
    results: Iterable[HandlerResult],
    others: Iterable[Exception],
    raw: Raw | None = None,
    success: Status = Status.HANDLED,
    upcasts: tuple[str, ...] = (),
) -> Result:
    """The result of a run, with ``success`` as its status if nothing failed."""
    results = tuple(results)
    error = summed_up(event_error, results, others)
    status = success
    if isinstance(event_error, UnroutedEvent):
        status = Status.UNROUTED
    elif isinstance(event_error, (InvalidPayload, MissingKey)):
        status = Status.INVALID
    elif error is not None:
        status = Status.FAILED
    return Result(status, event, results, error, raw, upcasts)


def status_of(results: Iterable[HandlerResult]) -> Status:
    """
    What became of an event whose handlers run once, if none failed.

    It is in progress while any of them is, elsewhere; a duplicate if all had run before; and
    handled if any ran now.
    """
    skipped = {result.skipped for result in results}
    if Status.IN_PROGRESS in skipped:
        return Status.IN_PROGRESS
    return Status.DUPLICATE if skipped == {Status.DUPLICATE} else Status.HANDLED


def malformed(error: MalformedEvent, raw: Raw) -> Result:
    """The result of what is no event."""
    return Result(Status.MALFORMED, None, (), error, raw)


def annotate(error: Exception, event: Event[Any], where: str) -> None:
    """Say on the error which event it came from, and where."""
    note(error, f"while {where} handled {identified(event.type, event.id)}")


def spoken_of(event: Event[Any] | None) -> str:
    """What a log calls an event, or what was none."""
    return "what is no event" if event is None else f"the event {identified(event.type, event.id)}"


def note(error: Exception, text: str) -> None:
    """Add a note, unless it is there, or there are many: an error may be raised over and over."""
    notes: list[str] = getattr(error, "__notes__", [])
    if text not in notes and len(notes) < _MOST_NOTES:
        error.add_note(text)


def besides(error: Exception) -> str:
    """A note about an error beside the one that is raised."""
    try:
        text = f": {error}"
    except Exception:  # its __str__ is broken
        text = ""
    return f"besides, {type(error).__name__} was raised{text}"
