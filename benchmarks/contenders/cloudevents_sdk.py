"""The CloudEvents SDK, and a dict of functions."""

# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from benchmarks.contenders.contender import BUILT_BY_CATTRS, Contender, Seen, at_once, counting
from benchmarks.contenders.stdlib_cattrs import COERCES, cattrs_converter
from benchmarks.events import SOURCE, TIMESTAMP, VERSION, Sample
from benchmarks.payloads.classes import TYPES
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    payload_type: Any = TYPES[sample.size]
    build = cattrs_converter(detailed_validation=False).get_structure_hook(payload_type)
    handlers = {(sample.event_type, VERSION): (counting(payload_type, seen), build, payload_type)}
    read = JSONFormat().read
    raw = (
        f'{{"specversion": "1.0", "id": "1", "source": "{SOURCE}", "type": "{sample.event_type}", '
        f'"time": "{TIMESTAMP}", "version": "{VERSION}", "data": {sample.payload.decode()}}}'
    ).encode()

    async def dispatch(raw: bytes) -> None:
        event = read(CloudEvent, raw)
        handle, build, payload_type = handlers[event.get_type(), event.get_extension("version")]
        await handle(build(event.get_data(), payload_type))

    return repeated(dispatch, raw)


CONTENDERS = (
    Contender(
        "CloudEvents SDK + cattrs",
        "framework",
        at_once(make),
        notes=(BUILT_BY_CATTRS, COERCES, "the event as a CloudEvent; a dict finds the handler"),
    ),
)
