"""pyventus: its asyncio emitter, fed with what msgspec makes in one pass."""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from msgspec.json import Decoder
from pyventus.core.processing.asyncio import AsyncIOProcessingService
from pyventus.events import EventEmitter, EventLinker

from benchmarks.contenders.contender import (
    FED_BY_MSGSPEC,
    HANDS_OVER,
    Contender,
    Seen,
    at_once,
    counting,
)
from benchmarks.events import Sample
from benchmarks.payloads.structs import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    class Linker(EventLinker):
        """Handlers of this contender alone; they are kept by class."""

    decode = Decoder[Any](EVENTS[sample.size]).decode
    event_types = {EVENTS[sample.size]: sample.event_type}
    Linker.subscribe(sample.event_type, event_callback=counting(TYPES[sample.size], seen))
    tasks = AsyncIOProcessingService()
    emit = EventEmitter(event_processor=tasks, event_linker=Linker).emit

    async def dispatch(raw: bytes) -> None:
        event = decode(raw)
        emit(event_types[type(event)], event.payload)
        await tasks.wait_for_tasks()

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "pyventus + msgspec",
        "framework",
        at_once(make),
        notes=(FED_BY_MSGSPEC, HANDS_OVER),
        does_the_same_work=False,
    ),
)
