"""
How many events a second 1, 2 and 4 workers of a broker handle, whose handler waits 5 ms.

The broker is one of the command's own. Counted is what was handled while all of the workers worked.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.broker_kills import connection_to
from benchmarks.brokers.waiting import SECONDS
from benchmarks.machine import described
from tests.brokers.kills import Run
from tests.brokers.servers import KINDS, end_in_order, serving

#: How many events each worker has, by how many it handles at the same time.
EVENTS = {2: 1_500, 50: 15_000}
PROCESSES = (1, 2, 4)


def main() -> None:
    options = read_options()
    end_in_order()
    machine = described()
    print(f"{machine['cpu']}, {machine['cores']} cores; handlers wait {SECONDS * 1_000:g} ms")
    print(f"{'':10}{'at a time':>10}{'workers':>9}{'events/s':>10}{'ratio':>8}{'cores':>8}")
    found = list[dict[str, Any]]()
    for broker in options.broker:
        for at_once in options.at_once:
            events, one = EVENTS[at_once], 0.0
            for processes in PROCESSES:
                runs = [
                    measured(broker, processes, at_once, events * processes)
                    for _ in range(options.rounds)
                ]
                rate, cores = median(r for r, _ in runs), median(c for _, c in runs)
                one = one or rate
                print(
                    f"{broker:10}{at_once:10}{processes:9}{rate:10,.0f}{rate / one:8.2f}"
                    f"{cores:8.2f}",
                    flush=True,
                )
                found.append(
                    {"broker": broker, "at_once": at_once, "processes": processes,
                     "events_a_second": rate, "ratio": rate / one, "cores": cores}
                )  # fmt: skip
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine, "scaling": found}, indent=1))


def measured(broker: str, processes: int, at_once: int, events: int) -> tuple[float, float]:
    """The events a second, and how many cores the workers used meanwhile."""
    with TemporaryDirectory() as folder, serving(broker, Path(folder)) as server:
        work = Path(folder) / "work"
        work.mkdir()
        run = Run(work, connection_to(broker, server.url), app="benchmarks.brokers.waiting:router")
        run.declare()
        run.publish(events)
        before, began = os.times(), time.monotonic()
        run.process_all(processes, "--concurrency", str(at_once))
        used, seconds = os.times(), time.monotonic() - began
        calls = [[int(line) for line in path.open()] for path in work.glob("calls-*")]
    calls = [times for times in calls if times]
    if len(calls) < processes:
        raise SystemExit("a worker had nothing to do: there were too few events")
    first, last = max(times[0] for times in calls), min(times[-1] for times in calls)
    handled = sum(first <= called <= last for times in calls for called in times)
    spent = used.children_user + used.children_system
    spent -= before.children_user + before.children_system
    return handled / (last - first) * 1e9, spent / seconds


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.broker_scaling", description=__doc__
    )
    parser.add_argument("--broker", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--at-once", type=int, choices=EVENTS, nargs="+", default=list(EVENTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
