"""python-cqrs: its event mediator, whose events are pydantic models."""

# pyright: reportMissingImports=false

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import di
from cqrs import EventHandler
from cqrs.bootstrap.events import bootstrap
from cqrs.models.pydantic import PydanticDomainEvent
from pydantic import TypeAdapter, create_model

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import TYPES, Metadata
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    event_class: Any = create_model(
        "Received",
        __base__=PydanticDomainEvent,
        event_type=str,
        timestamp=datetime,
        payload=TYPES[sample.size],
        metadata=Metadata,
    )
    validate = TypeAdapter[Any](event_class).validate_json
    count = counting(TYPES[sample.size], seen)

    class Handler(EventHandler[Any]):
        async def handle(self, event: Any) -> None:
            await count(event.payload)

    logging.getLogger("cqrs").setLevel(logging.WARNING)
    mediator = bootstrap(
        di_container=di.Container(),
        events_mapper=lambda events: events.bind(event_class, Handler),
    )

    async def dispatch(raw: bytes) -> None:
        await mediator.send(validate(raw))

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "python-cqrs",
        "framework",
        at_once(make),
        notes=(
            "pydantic reads the event into its Event, whose class finds the handler",
            "a container makes a new handler for each event",
        ),
    ),
)
