"""What a broker gives to the table of brokers, and what all consumers of it share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from time import perf_counter
from typing import Any, Final, TypeAlias

import anyio
from attrs import define, field, frozen
from msgspec import Raw, Struct
from msgspec.json import Decoder

from benchmarks.events import SAMPLES, VERSION, Sample
from benchmarks.payloads.classes import TYPES as CLASSES
from benchmarks.payloads.models import EVENTS as MODELS
from benchmarks.payloads.structs import TYPES as STRUCTS
from eventrouter import Router

SAMPLE: Final[Sample] = SAMPLES[0]
AT_ONCE: Final = 50  # events that a consumer has at the same time, or takes in a batch

BY_HAND: Final = "by hand"
OURS: Final = "eventrouter, consume()"
FASTSTREAM: Final = "FastStream, typed subscriber"


@define(eq=False)
class Counted:
    """
    Counts the events that a handler got, and tells when all have come.

    Args:
        wanted: How many there are.
    """

    wanted: int
    count: int = 0
    last: Any = None
    all_came: anyio.Event = field(factory=anyio.Event)

    async def handle(self, payload: Any) -> None:
        self.count += 1
        self.last = payload
        if self.count == self.wanted:
            self.all_came.set()


#: Consumes all that is there, at a place of its own; the seconds count from its call.
Consume: TypeAlias = Callable[[Any, Counted], Awaitable[None]]


@frozen
class Contest:
    """
    The consumers of one broker.

    Args:
        name: The broker's.
        url: Where it is.
        filled: A place of its own on it, deleted at the end, with so many times the raw event.
        consumers: What consumes from such a place, by name.
    """

    name: str
    url: str
    filled: Callable[[str, bytes, int], AbstractAsyncContextManager[Any]]
    consumers: Mapping[str, Consume]

    async def seconds(self, consumer: str, count: int) -> float:
        """How long a consumer takes for that many events."""
        counted = Counted(count)
        async with self.filled(self.url, SAMPLE.raw, count) as place:
            started = perf_counter()
            await self.consumers[consumer](place, counted)
            taken = perf_counter() - started
        if counted.count != count or not counted.last.username == "johndoe":
            raise AssertionError(f"{consumer} got {counted.count} of {count} events")
        return taken


class _Envelope(Struct, frozen=True):
    event_type: str
    timestamp: datetime
    payload: Raw
    metadata: dict[str, str]


def read_by_hand(counted: Counted) -> Callable[[bytes], Awaitable[None]]:
    """What is written by hand: the envelope, the handler by type and version, its payload."""
    read = Decoder(_Envelope).decode
    decode = Decoder(STRUCTS[SAMPLE.size]).decode
    handlers = {(SAMPLE.event_type, VERSION): (counted.handle, decode)}

    async def process(raw: bytes) -> None:
        event = read(raw)
        handle, decode = handlers[event.event_type, event.metadata["version"]]
        await handle(decode(event.payload))

    return process


def router_of(counted: Counted) -> Router:
    """A router that does the same."""
    router = Router()

    async def handle(payload: Any) -> None:
        await counted.handle(payload)

    handle.__annotations__["payload"] = CLASSES[SAMPLE.size]
    router.add_route(SAMPLE.event_type, handle, version=VERSION)
    return router


def typed_handler(counted: Counted) -> Callable[[Any], Awaitable[None]]:
    """A handler that FastStream gives the event to as a pydantic model."""

    async def handle(event: Any) -> None:
        await counted.handle(event.payload)

    handle.__annotations__["event"] = MODELS[SAMPLE.size]
    return handle
