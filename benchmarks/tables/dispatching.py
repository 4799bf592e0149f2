"""From raw JSON to a handler with a typed payload: every contender, for each size of event."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.contenders import load
from benchmarks.contenders.contender import Contender, Seen
from benchmarks.events import SAMPLES, Sample, fields_of
from benchmarks.rounds import Run, measure
from benchmarks.tables.effort import Effort

FLOOR = "msgspec, one pass"
ROUTER = "eventrouter"
KINDS = ("floor", "by hand", "eventrouter", "framework")

#: How many seconds a contender may take for its first event.
PATIENCE = 10.0


class ContenderFailed(Exception):
    """Raised when a contender does not do the work that it is timed for."""


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of each contender by size, and what is known of each."""
    loaded = load()
    return {
        "seconds": {
            sample.size: asyncio.run(_measured(loaded.contenders, sample, effort))
            for sample in SAMPLES
        },
        "bytes": {sample.size: len(sample.raw) for sample in SAMPLES},
        "contenders": {
            contender.name: {
                "kind": contender.kind,
                "notes": list(contender.notes),
                "does_the_same_work": contender.does_the_same_work,
            }
            for contender in loaded.contenders
        },
        "missing": loaded.missing,
    }


async def _measured(
    contenders: list[Contender], sample: Sample, effort: Effort
) -> dict[str, float]:
    async with AsyncExitStack() as opened:
        runs: dict[str, Run] = {}
        for contender in contenders:
            seen = Seen()
            run = await opened.enter_async_context(contender.open(sample, seen))
            await check(contender, sample, seen, run)
            runs[contender.name] = run
        return await measure(runs, rounds=effort.rounds, turn=effort.turn)


async def check(contender: Contender, sample: Sample, seen: Seen, run: Run) -> None:
    """
    Hand a contender one event, and look at what its handlers got.

    Raises:
        ContenderFailed: If a handler did not run just once, or got another payload.
    """
    named = f"{contender.name}, {sample.size} event"
    try:
        await asyncio.wait_for(run(1), PATIENCE)
    except TimeoutError:
        raise ContenderFailed(f"{named}: not done after {PATIENCE} seconds") from None
    if seen.count != contender.handlers:
        raise ContenderFailed(f"{named}: {seen.count} handlers ran, not {contender.handlers}")
    try:
        got = fields_of(seen.last)
    except TypeError as error:
        raise ContenderFailed(f"{named}: {error}") from error
    if got != sample.expected:
        raise ContenderFailed(f"{named}: the payload is {seen.last!r}, not {sample.expected}")


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    contenders, shown = table["contenders"], list[str]()
    notes = list(dict.fromkeys(note for c in contenders.values() for note in c["notes"]))
    for size, seconds in table["seconds"].items():
        head = f"{size} event, {table['bytes'][size]:,} bytes"
        shown += [f"{head:46}{'median':>12}{'x floor':>10}{'x eventrouter':>15}", ""]
        for kind in KINDS:
            rows = [name for name in seconds if contenders[name]["kind"] == kind]
            for name in sorted(rows, key=seconds.__getitem__):
                marks = sorted(notes.index(note) + 1 for note in contenders[name]["notes"])
                mark = f" [{', '.join(map(str, marks))}]" if marks else ""
                floor = f"{seconds[name] / seconds[FLOOR]:.2f}" if FLOOR in seconds else "-"
                shown.append(
                    f"{name + mark:46}{seconds[name] * 1e6:9.2f} µs{floor:>10}"
                    f"{seconds[name] / seconds[ROUTER]:15.2f}"
                )
            shown.append("")
    shown += [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    shown += [f"{peer}: {why}" for peer, why in table["missing"].items()]
    return shown
