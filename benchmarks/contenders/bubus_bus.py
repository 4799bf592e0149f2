"""bubus: an event bus whose events are pydantic models."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bubus import BaseEvent, EventBus
from pydantic import create_model
from pydantic_core import from_json

from benchmarks.contenders.contender import PAYLOAD_ALONE, Contender, Seen, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import TYPES
from benchmarks.rounds import Run, repeated


@asynccontextmanager
async def opened(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    event_class: Any = create_model("Received", __base__=BaseEvent, payload=TYPES[sample.size])
    event_classes = {sample.event_type: event_class}
    count = counting(TYPES[sample.size], seen)

    async def handle(event: Any) -> None:
        await count(event.payload)

    bus = EventBus(name=f"bus_{sample.size}")
    bus.on(event_class, handle)

    async def dispatch(raw: bytes) -> None:
        event = from_json(raw)
        await bus.dispatch(event_classes[event["event_type"]](payload=event["payload"]))

    yield repeated(dispatch, sample.raw)
    await bus.stop()


CONTENDERS = (
    Contender(
        "bubus",
        "framework",
        opened,
        notes=(
            "reads no JSON: pydantic's parser does; a dict finds the class of the event",
            PAYLOAD_ALONE,
            "queues events, and walks through the last 50 that it keeps",
        ),
    ),
)
