"""What the number of routes costs a dispatch: exact ones, and patterns."""

from __future__ import annotations

import asyncio
import gc
from itertools import count
from typing import Any

from benchmarks.contenders.contender import Seen, counting
from benchmarks.events import SAMPLES, VERSION
from benchmarks.payloads.classes import UserCreated
from benchmarks.rounds import Run, measure, repeated
from benchmarks.tables.effort import Effort
from eventrouter import Router

SAMPLE = SAMPLES[0]


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of a dispatch for each kind and number of routes."""
    return asyncio.run(_measured(effort))


async def _measured(effort: Effort) -> dict[str, Any]:
    runs: dict[str, Run] = {}
    for number in effort.routes:
        runs[f"exact {number}"] = repeated(with_exact_routes(number).dispatch, SAMPLE.raw)
    for number in effort.routes[:3]:
        router = with_patterns(number)
        runs[f"patterns {number}"] = repeated(router.dispatch, SAMPLE.raw)
        runs[f"patterns, each type new {number}"] = each_type_new(router)
    gc.collect()
    seconds = await measure(runs, rounds=effort.rounds, turn=effort.turn)
    kinds: dict[str, dict[str, float]] = {}
    for name, taken in seconds.items():
        kind, _, number_of_routes = name.rpartition(" ")
        kinds.setdefault(kind, {})[number_of_routes] = taken
    return kinds


def with_exact_routes(number: int) -> Router:
    """A router with that many exact routes, one of them the sample's."""
    router = Router()
    handle = counting(UserCreated, Seen())
    router.add_route(SAMPLE.event_type, handle, version=VERSION)
    for other in range(number - 1):
        router.add_route(f"{SAMPLE.event_type}.{other}", handle, version=VERSION)
    router.compile()
    return router


def with_patterns(number: int) -> Router:
    """A router with that many patterns, the sample's the last of them."""
    router = Router()
    handle = counting(UserCreated, Seen())
    for other in range(number - 1):
        router.add_route(f"user{other}.*", handle, version=VERSION)
    router.add_route("user.*", handle, version=VERSION)
    router.compile()
    return router


def each_type_new(router: Router) -> Run:
    """Events of types that the router never saw before, so that it remembers none."""
    head, tail = SAMPLE.raw.split(b"user.created")
    fresh = count()

    async def run(calls: int) -> None:
        for _ in range(calls):
            await router.dispatch(b"%suser.created%d%s" % (head, next(fresh), tail))

    return run


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'routes':44}{'median':>12}{'x the fewest':>15}", ""]
    for kind, seconds in table.items():
        fewest = next(iter(seconds.values()))
        shown += [
            f"{f'{int(number):,} {kind}':44}{taken * 1e6:9.2f} µs{taken / fewest:15.2f}"
            for number, taken in seconds.items()
        ]
        shown.append("")
    return shown
