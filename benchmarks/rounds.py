"""Timing several contenders in turn, so that a slow moment of the machine strikes them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from time import perf_counter

Contender = Callable[[], Awaitable[object]]


async def measure(
    contenders: Mapping[str, Contender], *, rounds: int = 60, calls: int = 500
) -> dict[str, float]:
    """
    The median seconds of one call of each contender.

    Args:
        contenders: What to call, by name.
        rounds: How often each has its turn.
        calls: How many calls a turn takes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            started = perf_counter()
            for _ in range(calls):
                await contender()
            seconds[name].append((perf_counter() - started) / calls)
    return {name: median(times) for name, times in seconds.items()}


def table(seconds: Mapping[str, float], reference: str) -> str:
    """The medians in microseconds, and how many times the reference each takes."""
    lines = [f"{'':44}{'median':>10}   times {reference}"]
    for name, median_seconds in seconds.items():
        ratio = median_seconds / seconds[reference]
        lines.append(f"{name:44}{median_seconds * 1e6:8.2f} µs   {ratio:.2f}")
    return "\n".join(lines)
