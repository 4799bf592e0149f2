"""Timing several contenders in turn, so that a slow moment of the machine strikes them all."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

#: Handles one event.
Dispatch: TypeAlias = Callable[[Any], Awaitable[object]]
#: Handles that many events.
Run: TypeAlias = Callable[[int], Awaitable[object]]


def repeated(dispatch: Dispatch, raw: object) -> Run:
    """What hands the same event over that many times, one after the other."""

    async def run(calls: int) -> None:
        for _ in range(calls):
            await dispatch(raw)

    return run


async def measure(
    contenders: Mapping[str, Run], *, rounds: int = 60, turn: float = 0.005
) -> dict[str, float]:
    """
    The median seconds that one event takes each contender.

    Every other round goes through the contenders backwards, and garbage is collected before each
    turn, so that none pays for what another left behind.

    Args:
        contenders: What to measure, by name.
        rounds: How often each has its turn.
        turn: About how many seconds a turn takes; at least one event is handled.
    """
    calls = {name: await _calls_in(turn, run) for name, run in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    gc.collect()
    gc.freeze()
    try:
        for number in range(rounds):
            for name in list(contenders)[:: -1 if number % 2 else 1]:
                gc.collect()
                seconds[name].append(await _seconds(contenders[name], calls[name]) / calls[name])
    finally:
        gc.unfreeze()
    return {name: median(times) for name, times in seconds.items()}


async def _calls_in(turn: float, run: Run) -> int:
    """How many events fit in a turn, found by trying more and more; it warms up too."""
    calls = 1
    while True:
        # The least of three: what is slow once would leave a turn a few events, all start-up.
        taken = min([await _seconds(run, calls) for _ in range(3)])
        if taken >= turn / 4:
            return max(1, round(calls * turn / taken))
        calls *= 2


async def _seconds(run: Run, calls: int) -> float:
    started = perf_counter()
    await run(calls)
    return perf_counter() - started


def table(seconds: Mapping[str, float], reference: str) -> str:
    """The medians in microseconds, and how many times the reference each takes."""
    lines = [f"{'':44}{'median':>10}   times {reference}"]
    for name, median_seconds in seconds.items():
        ratio = median_seconds / seconds[reference]
        lines.append(f"{name:44}{median_seconds * 1e6:8.2f} µs   {ratio:.2f}")
    return "\n".join(lines)
