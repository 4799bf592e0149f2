"""Hand-written: orjson and cattrs, its detailed validation off."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cattrs.preconf.orjson import make_converter
from orjson import loads

from benchmarks.contenders.contender import Contender, Open, Seen, at_once, counting
from benchmarks.contenders.stdlib_cattrs import COERCES
from benchmarks.events import VERSION, Sample
from benchmarks.payloads.classes import CONVERTED_TYPES, TYPES
from benchmarks.rounds import Run, repeated


def by_hand(types: Mapping[str, Any]) -> Open:
    converter = make_converter(detailed_validation=False)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))

    def make(sample: Sample, seen: Seen) -> Run:
        payload_type = types[sample.size]
        build = converter.get_structure_hook(payload_type)
        handlers = {
            (sample.event_type, VERSION): (counting(payload_type, seen), build, payload_type)
        }

        async def dispatch(raw: bytes) -> None:
            event = loads(raw)
            datetime.fromisoformat(event["timestamp"])
            handle, build, payload_type = handlers[
                event["event_type"], event["metadata"]["version"]
            ]
            await handle(build(event["payload"], payload_type))

        return repeated(dispatch, sample.raw)

    return at_once(make)


CONTENDERS = (
    Contender("orjson + cattrs", "by hand", by_hand(TYPES), notes=(COERCES,)),
    Contender(
        "orjson + cattrs, a field converter", "by hand", by_hand(CONVERTED_TYPES), notes=(COERCES,)
    ),
)
