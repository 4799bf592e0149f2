"""gidgethub: its router alone, fed by msgspec; and with its own reading of a delivery."""

from __future__ import annotations

from typing import Any

from gidgethub.routing import Router
from gidgethub.sansio import Event
from msgspec.json import Decoder

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.contenders.stdlib_cattrs import COERCES, cattrs_converter
from benchmarks.events import Sample
from benchmarks.payloads import classes, structs
from benchmarks.rounds import Run, repeated


def router_alone(sample: Sample, seen: Seen) -> Run:
    decode = Decoder[Any](structs.EVENTS[sample.size]).decode
    count = counting(structs.TYPES[sample.size], seen)
    event_type = sample.event_type
    router = Router()

    @router.register(event_type)
    async def handle(event: Event) -> None:
        await count(event.data)

    async def dispatch(raw: bytes) -> None:
        await router.dispatch(Event(decode(raw).payload, event=event_type, delivery_id="1"))

    return repeated(dispatch, sample.raw)


def from_http(sample: Sample, seen: Seen) -> Run:
    payload_type: Any = classes.TYPES[sample.size]
    build = cattrs_converter(detailed_validation=False).get_structure_hook(payload_type)
    count = counting(payload_type, seen)
    router = Router()

    @router.register(sample.event_type)
    async def handle(event: Event) -> None:
        await count(build(event.data["payload"], payload_type))

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
        note="does not read JSON; msgspec does it for it, and is told the event's type",
        does_the_same_work=False,
    ),
    Contender(
        "gidgethub, from_http + cattrs",
        "framework",
        at_once(from_http),
        note="takes the type from a header, no signature to check; "
        "the handler has cattrs, not detailed, build the payload: " + COERCES,
    ),
)
