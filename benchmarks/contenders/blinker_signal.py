"""blinker: one signal an event type, fed with what msgspec makes in one pass."""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from blinker import Signal
from msgspec.json import Decoder

from benchmarks.contenders.contender import FED_BY_MSGSPEC, Contender, Seen, at_once, counting
from benchmarks.events import Sample
from benchmarks.payloads.structs import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    decode = Decoder[Any](EVENTS[sample.size]).decode
    handle = counting(TYPES[sample.size], seen)
    signals = {EVENTS[sample.size]: Signal()}
    # The signal holds its receivers weakly, unless it is told otherwise.
    signals[EVENTS[sample.size]].connect(handle, weak=False)

    async def dispatch(raw: bytes) -> None:
        event = decode(raw)
        await signals[type(event)].send_async(event.payload)

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "blinker + msgspec",
        "framework",
        at_once(make),
        notes=(FED_BY_MSGSPEC, "a dict finds the signal"),
        does_the_same_work=False,
    ),
)
