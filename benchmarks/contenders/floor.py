"""The floor: msgspec and a direct await, in one pass or two."""

from __future__ import annotations

from datetime import datetime

from msgspec import Raw, Struct
from msgspec.json import Decoder

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.events import VERSION, Sample
from benchmarks.payloads.structs import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


class Envelope(Struct, frozen=True):
    event_type: str
    timestamp: datetime
    payload: Raw
    metadata: dict[str, str]


def one_pass(sample: Sample, seen: Seen) -> Run:
    handle = counting(TYPES[sample.size], seen)
    decode = Decoder(EVENTS[sample.size]).decode

    async def dispatch(raw: bytes) -> None:
        await handle(decode(raw).payload)

    return repeated(dispatch, sample.raw)


def two_steps(sample: Sample, seen: Seen) -> Run:
    payload_type = TYPES[sample.size]
    handlers = {
        (sample.event_type, VERSION): (counting(payload_type, seen), Decoder(payload_type).decode)
    }
    read = Decoder(Envelope).decode

    async def dispatch(raw: bytes) -> None:
        event = read(raw)
        handle, decode = handlers[event.event_type, event.metadata["version"]]
        await handle(decode(event.payload))

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "msgspec, one pass",
        "floor",
        at_once(one_pass),
        notes=("knows one event type, so it looks nothing up",),
    ),
    Contender("msgspec, two steps", "floor", at_once(two_steps)),
)
