"""From a request to its answer: the endpoint beside one by hand, with Starlette and pydantic."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from importlib.metadata import version
from statistics import fmean
from typing import Any

from benchmarks.contenders.contender import Contender, Seen
from benchmarks.events import SAMPLES, Sample
from benchmarks.rounds import Run, measure
from benchmarks.tables.dispatching import check
from benchmarks.tables.effort import Effort

WAYS = ("the endpoint", "in Starlette", "under uvicorn")


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of each endpoint by size; or what is missing."""
    try:
        from benchmarks.endpoints import CONTENDERS
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "benchmarks":
            raise
        return {"seconds": {}, "missing": error.name}
    return {
        "seconds": {
            sample.size: asyncio.run(_measured(CONTENDERS, sample, effort)) for sample in SAMPLES
        },
        "versions": {name: version(name) for name in ("starlette", "uvicorn", "pydantic")},
    }


async def _measured(
    contenders: tuple[Contender, ...], sample: Sample, effort: Effort
) -> dict[str, float]:
    async with AsyncExitStack() as opened:
        runs: dict[str, Run] = {}
        for contender in contenders:
            seen = Seen()
            run = await opened.enter_async_context(contender.open(sample, seen))
            await check(contender, sample, seen, run)
            runs[contender.name] = run
        # Each pair in both orders: the first and the last of all have two turns on end, which
        # helps them, and over a socket more than the two endpoints differ.
        names = list(runs)
        swapped = [name for pair in zip(names[1::2], names[::2], strict=True) for name in pair]
        rounds = effort.rounds // 2 + 1
        measured = [
            await measure({name: runs[name] for name in order}, rounds=rounds, turn=effort.turn)
            for order in (names, swapped)
        ]
        return {name: fmean(seconds[name] for seconds in measured) for name in names}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = list[str]()
    for size, seconds in table["seconds"].items():
        shown += [f"{f'{size} event, by HTTP':46}{'median':>12}{'x by hand':>12}", ""]
        for way in WAYS:
            reference = seconds[f"by hand, {way}"]
            shown += [
                f"{name:46}{seconds[name] * 1e6:9.2f} µs{seconds[name] / reference:12.2f}"
                for name in (f"by hand, {way}", f"eventrouter, {way}")
            ]
        shown.append("")
    if "missing" in table:
        shown.append(f"endpoints: not installed (no module {table['missing']})")
    return shown
