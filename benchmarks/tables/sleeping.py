"""Handlers that sleep 10 ms, many at a time, beside how long they would take by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.events import SAMPLES, VERSION
from benchmarks.payloads.classes import UserCreated
from benchmarks.tables.effort import Effort
from eventrouter import Router

SAMPLE = SAMPLES[0]
SLEEP = 0.01
CONCURRENCIES = (100, 1_000)

Contender = Callable[[int, int], Awaitable[None]]


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds by contender and concurrency, and the ideal."""
    events, times = effort.sleeping
    return asyncio.run(_measured(events, times))


async def _measured(events: int, times: int) -> dict[str, Any]:
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(times):
        for concurrency in CONCURRENCIES:
            for name, contender in CONTENDERS.items():
                started = perf_counter()
                await contender(events, concurrency)
                seconds.setdefault((name, concurrency), []).append(perf_counter() - started)
    return {
        str(concurrency): {
            "ideal": events / concurrency * SLEEP,
            "events": events,
            "seconds": {name: median(seconds[name, concurrency]) for name in CONTENDERS},
        }
        for concurrency in CONCURRENCIES
    }


async def with_dispatch_many(events: int, concurrency: int) -> None:
    router = Router()

    @router.on(SAMPLE.event_type, version=VERSION)
    async def handle(user: UserCreated) -> None:
        await asyncio.sleep(SLEEP)

    router.compile()
    stream = router.dispatch_many(repeat(SAMPLE.raw, events), concurrency=concurrency)
    async for _ in stream:
        pass


async def with_asyncio_alone(events: int, concurrency: int) -> None:
    left = iter(range(events))

    async def work() -> None:
        for _ in left:
            await asyncio.sleep(SLEEP)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(work())


CONTENDERS: dict[str, Contender] = {
    "dispatch_many": with_dispatch_many,
    "asyncio alone": with_asyncio_alone,
}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'handlers that sleep 10 ms':44}{'median':>12}{'x ideal':>10}", ""]
    for concurrency, found in table.items():
        shown += [
            f"{f'{name}, {int(concurrency):,} at a time':44}{taken:10.3f} s"
            f"{taken / found['ideal']:10.2f}"
            for name, taken in found["seconds"].items()
        ]
    return shown
