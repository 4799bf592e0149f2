"""Hand-written: one pydantic TypeAdapter that tells the events apart by their type."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    events: Any = Annotated[reduce(or_, EVENTS.values()), Field(discriminator="event_type")]
    validate = TypeAdapter[Any](events).validate_json
    handlers = {EVENTS[sample.size]: counting(TYPES[sample.size], seen)}

    async def dispatch(raw: bytes) -> None:
        event = validate(raw)
        await handlers[type(event)](event.payload)

    return repeated(dispatch, sample.raw)


CONTENDERS = (Contender("pydantic", "by hand", at_once(make)),)
