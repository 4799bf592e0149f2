"""gidgethub: its router alone, fed by msgspec; and with its own reading of a delivery."""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from gidgethub.routing import Router
from gidgethub.sansio import Event
from msgspec.json import Decoder

from benchmarks.contenders.contender import (
    BUILT_BY_CATTRS,
    FED_BY_MSGSPEC,
    PAYLOAD_ALONE,
    Contender,
    Seen,
    at_once,
    counting,
)
from benchmarks.contenders.stdlib_cattrs import COERCES, cattrs_converter
from benchmarks.events import Sample
from benchmarks.payloads import classes, structs
from benchmarks.rounds import Run, repeated


def router_alone(sample: Sample, seen: Seen) -> Run:
    decode = Decoder[Any](structs.EVENTS[sample.size]).decode
    count = counting(structs.TYPES[sample.size], seen)
    event_type = sample.event_type
    router = Router()

    async def handle(event: Event) -> None:
        await count(event.data)

    router.add(handle, event_type)

    async def dispatch(raw: bytes) -> None:
        await router.dispatch(Event(decode(raw).payload, event=event_type, delivery_id="1"))

    return repeated(dispatch, sample.raw)


def from_http(sample: Sample, seen: Seen) -> Run:
    payload_type: Any = classes.TYPES[sample.size]
    build = cattrs_converter(detailed_validation=False).get_structure_hook(payload_type)
    count = counting(payload_type, seen)
    router = Router()

    async def handle(event: Event) -> None:
        await count(build(event.data["payload"], payload_type))

    router.add(handle, sample.event_type)

    headers = {
        "content-type": "application/json",
        "x-github-event": sample.event_type,
        "x-github-delivery": "1",
    }

    async def dispatch(raw: bytes) -> None:
        await router.dispatch(Event.from_http(headers, raw))

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "gidgethub's router + msgspec",
        "framework",
        at_once(router_alone),
        notes=(FED_BY_MSGSPEC, "is told the event's type"),
        does_the_same_work=False,
    ),
    Contender(
        "gidgethub, from_http + cattrs",
        "framework",
        at_once(from_http),
        notes=(
            BUILT_BY_CATTRS,
            COERCES,
            PAYLOAD_ALONE,
            "takes the type from a header; no signature to check",
        ),
    ),
)
