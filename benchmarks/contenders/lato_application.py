"""lato: an application whose events are pydantic models."""

# pyright: reportMissingImports=false

from __future__ import annotations

from datetime import datetime
from typing import Any

from lato import Application, Event
from pydantic import TypeAdapter, create_model

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import TYPES, Metadata
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    event_class: Any = create_model(
        "Received",
        __base__=Event,
        event_type=str,
        timestamp=datetime,
        payload=TYPES[sample.size],
        metadata=Metadata,
    )
    validate = TypeAdapter[Any](event_class).validate_json
    count = counting(TYPES[sample.size], seen)
    application = Application("benchmark")

    async def handle(event: Any) -> None:
        await count(event.payload)

    application.handler(event_class)(handle)

    async def dispatch(raw: bytes) -> None:
        await application.publish_async(validate(raw))

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "lato",
        "framework",
        at_once(make),
        notes=(
            "pydantic reads the event into its Event, whose class finds the handler",
            "makes an id and a transaction context for each event",
        ),
    ),
)
