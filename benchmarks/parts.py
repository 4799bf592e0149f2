"""
What one dispatch through msgspec consists of, part by part.

Each part is timed alone, so their sum is not the whole; what is left over is the bytecode
between them. It says where a target that is not met goes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from time import perf_counter
from timeit import repeat
from typing import Any

from msgspec.json import Decoder

from benchmarks.events import SAMPLES, TIMESTAMP, VERSION
from benchmarks.payloads.classes import TYPES, Line
from benchmarks.payloads.structs import EVENTS
from eventrouter import Router, make_converter
from eventrouter.result import handled
from eventrouter.structuring.twins import build_marked, twin_of
from eventrouter.timestamps import DATETIME_PATTERN

CALLS = 20_000
LINES = b"[" + b",".join([b'{"sku": "tea-001", "quantity": 1, "price": "12.50"}'] * 10) + b"]"


async def handle(payload: Any) -> None: ...


def driven(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return


def nanoseconds(call: Callable[[], object]) -> float:
    """The least of seven rounds, the call of an empty function taken off."""
    empty = min(repeat(lambda: None, number=CALLS, repeat=7))
    return (min(repeat(call, number=CALLS, repeat=7)) - empty) / CALLS * 1e9


def of_small() -> dict[str, Callable[[], object]]:
    sample = SAMPLES[0]
    raw = sample.raw
    router = Router()
    handle.__annotations__["payload"] = TYPES[sample.size]
    router.add_route(sample.event_type, handle, version=VERSION)
    asyncio.run(router.dispatch(raw))  # the first event of a type shows how it is read
    decode = Decoder(EVENTS[sample.size]).decode
    matches = re.compile(DATETIME_PATTERN).match
    made_of = (None, (raw, None), None, None, 0.0)
    return {
        "the whole dispatch": lambda: driven(router.dispatch(raw)),
        "msgspec decodes the envelope and payload": lambda: decode(raw),
        "the timestamp is matched": lambda: matches(TIMESTAMP),
        "the bytes are looked at for UTF-8": lambda: raw.isascii(),
        "the handler is awaited": lambda: driven(handle(None)),
        "the clock is read twice": lambda: (perf_counter(), perf_counter()),
        "the Result is made": lambda: handled(made_of, raw),
    }


def of_medium() -> dict[str, Callable[[], object]]:
    converter = make_converter()
    twin = Decoder(twin_of(list[Line], converter).type, dec_hook=build_marked).decode
    native = Decoder(list[Line]).decode
    return {
        "ten lines, decimals as msgspec reads them": lambda: native(LINES),
        "ten lines, decimals as the strict hook does": lambda: twin(LINES),
        "one Decimal of text": lambda: Decimal("12.50"),
    }


def main() -> None:
    for title, parts in (("a small event", of_small()), ("of a medium event", of_medium())):
        print(title)
        for name, call in parts.items():
            print(f"  {name:46}{nanoseconds(call):8,.0f} ns")


if __name__ == "__main__":
    main()
