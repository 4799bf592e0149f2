"""Memory while a million events go through ``dispatch_many``; they come from a generator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.events import SAMPLES, VERSION
from benchmarks.payloads.classes import UserCreated
from benchmarks.rss import resident
from benchmarks.tables.effort import Effort
from eventrouter import Router

ROOT = Path(__file__).parents[2]
SAMPLE = SAMPLES[0]
CONCURRENCY = 100


def results(effort: Effort) -> dict[str, Any]:
    """The bytes held after a tenth of the events, half of them and all; and the most."""
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks.tables.memory", str(effort.streamed)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    held: dict[str, int] = json.loads(shown)
    return {"events": effort.streamed, "bytes": held}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    head = f"{table['events']:,} events through dispatch_many"
    shown = [f"{head:44}{'memory':>12}", ""]
    return shown + [f"{at:44}{held / 2**20:9.1f} MB" for at, held in table["bytes"].items()]


async def held_while(events: int) -> dict[str, int]:
    """The bytes held along the way."""
    router = Router()

    @router.on(SAMPLE.event_type, version=VERSION)
    async def handle(user: UserCreated) -> None: ...

    head, tail = SAMPLE.raw.split(b"12345")

    def generated() -> Iterator[bytes]:
        for number in range(events):
            yield b"%s%d%s" % (head, number, tail)

    marks = {events // 10: "10 %", events // 2: "50 %", events: "100 %"}
    held: dict[str, int] = {}
    done = peak = 0
    async for _ in router.dispatch_many(generated(), concurrency=CONCURRENCY):
        done += 1
        if done in marks:
            held[marks[done]] = resident()
        if done % 1_000 == 0:
            peak = max(peak, resident())
    return held | {"peak": max(peak, *held.values())}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(held_while(int(sys.argv[1])))))
