"""Litestar's event emitter, fed with what msgspec makes in one pass."""

# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar.events import SimpleEventEmitter, listener
from msgspec.json import Decoder

from benchmarks.contenders.contender import FED_BY_MSGSPEC, HANDS_OVER, Contender, Seen, counting
from benchmarks.events import Sample
from benchmarks.payloads.structs import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


@asynccontextmanager
async def opened(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    decode = Decoder[Any](EVENTS[sample.size]).decode
    event_types = {EVENTS[sample.size]: sample.event_type}
    handle = counting(TYPES[sample.size], seen)

    async with SimpleEventEmitter([listener(sample.event_type)(handle)]) as emitter:

        async def dispatch(raw: bytes) -> None:
            before = seen.count
            event = decode(raw)
            emitter.emit(event_types[type(event)], event.payload)
            # The emitter does not tell when a listener has run.
            while seen.count == before:  # noqa: ASYNC110
                await asyncio.sleep(0)

        yield repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "Litestar's emitter + msgspec",
        "framework",
        opened,
        notes=(FED_BY_MSGSPEC, HANDS_OVER),
        does_the_same_work=False,
    ),
)
