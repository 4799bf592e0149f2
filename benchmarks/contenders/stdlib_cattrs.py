"""Hand-written: the standard library's JSON parser and cattrs."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

from cattrs import Converter
from cattrs.preconf.json import make_converter

from benchmarks.contenders.contender import Contender, Open, Seen, at_once, counting
from benchmarks.events import VERSION, Sample
from benchmarks.payloads.classes import TYPES
from benchmarks.rounds import Run, repeated


def cattrs_converter(*, detailed_validation: bool = True) -> Converter:
    """cattrs's own converter for JSON, and the hook for decimals that it lacks."""
    converter = make_converter(detailed_validation=detailed_validation)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    return converter


def by_hand(converter: Converter) -> Open:
    def make(sample: Sample, seen: Seen) -> Run:
        payload_type = TYPES[sample.size]
        build = converter.get_structure_hook(payload_type)
        handlers = {
            (sample.event_type, VERSION): (counting(payload_type, seen), build, payload_type)
        }

        async def dispatch(raw: bytes) -> None:
            event = json.loads(raw)
            datetime.fromisoformat(event["timestamp"])
            handle, build, payload_type = handlers[
                event["event_type"], event["metadata"]["version"]
            ]
            await handle(build(event["payload"], payload_type))

        return repeated(dispatch, sample.raw)

    return at_once(make)


#: Said of all that cattrs builds without eventrouter's strict hooks.
COERCES = "checks less: cattrs as it comes makes a str of any value, and an int of any number"

CONTENDERS = (
    Contender("stdlib + cattrs", "by hand", by_hand(cattrs_converter()), notes=(COERCES,)),
    Contender(
        "stdlib + cattrs, not detailed",
        "by hand",
        by_hand(cattrs_converter(detailed_validation=False)),
        notes=(COERCES,),
    ),
)
