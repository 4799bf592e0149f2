"""What a contender is: a way to get from raw JSON to a handler that takes a typed payload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, TypeAlias

from attrs import define, frozen

from benchmarks.events import Sample
from benchmarks.rounds import Run

#: Said of all that get their payload from a parser that is not theirs.
FED_BY_MSGSPEC = "does less: reads no JSON, so msgspec makes the payload in one pass"

#: Said of all that leave the handler to a task.
HANDS_OVER = "hands over to a task; the next event is sent when the handler has run"

#: Said of all whose payload is built by cattrs, added by hand.
BUILT_BY_CATTRS = "gives the JSON as a dict; cattrs, not detailed, builds the payload"

#: Said of all that take the payload out of the event and nothing else.
PAYLOAD_ALONE = "reads neither the timestamp nor the version"

Handler: TypeAlias = Callable[[Any], Awaitable[None]]


@define
class Seen:
    """What a contender's handlers saw: how many events, and the last payload."""

    count: int = 0
    last: Any = None


Open: TypeAlias = Callable[[Sample, Seen], AbstractAsyncContextManager[Run]]
Kind: TypeAlias = Literal["floor", "by hand", "framework", "eventrouter"]


@frozen
class Contender:
    """
    One row of the table.

    Args:
        name: What it is called there.
        kind: What it is compared as.
        open: Sets it up for a sample and tears it down; between the two it handles events.
        notes: Where it does less or more than the others, for the footnotes.
        does_the_same_work: Whether it gets a typed payload from the raw event by itself; a
            framework is held to that before it is compared as one.
        handlers: How many handlers one event runs.
    """

    name: str
    kind: Kind
    open: Open
    notes: tuple[str, ...] = ()
    does_the_same_work: bool = True
    handlers: int = 1


def at_once(make: Callable[[Sample, Seen], Run]) -> Open:
    """The ``open`` of a contender that has nothing to start or stop."""

    @asynccontextmanager
    async def opened(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
        yield make(sample, seen)

    return opened


def counting(payload_type: Any, seen: Seen) -> Handler:
    """A new async handler annotated to take such a payload; it counts."""

    async def handle(payload: Any) -> None:
        seen.count += 1
        seen.last = payload

    handle.__annotations__["payload"] = payload_type
    return handle
