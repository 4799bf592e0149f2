"""What importing each peer takes, in seconds and in memory; each import is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import PEERS, installed_version
from benchmarks.tables.effort import Effort

ROOT = Path(__file__).parents[2]

PROGRAM = """
from time import perf_counter
from benchmarks.rss import resident
before, started = resident(), perf_counter()
{program}
taken = perf_counter() - started
print(taken, resident() - before)
"""


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of each import, and the median bytes that the process grows by."""
    peers = [peer for peer in PEERS if installed_version(peer) is not None]
    # One after the other in each round; the first, unmeasured one writes the compiled files.
    measured = [{peer.distribution: imported(peer.program) for peer in peers}]
    for _ in range(effort.processes):
        measured.append({peer.distribution: imported(peer.program) for peer in peers})
    return {
        "peers": {
            peer.distribution: {
                "seconds": median(one[peer.distribution][0] for one in measured[1:]),
                "bytes": median(one[peer.distribution][1] for one in measured[1:]),
                "program": peer.program,
            }
            for peer in peers
        },
        "missing": [peer.distribution for peer in PEERS if peer not in peers],
    }


def imported(program: str) -> tuple[float, int]:
    """The seconds and the bytes of one import."""
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(program=program)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    ).stdout
    seconds, grown = shown.split()
    return float(seconds), int(grown)


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'import':44}{'median':>12}{'memory':>12}", ""]
    for name, taken in sorted(table["peers"].items(), key=lambda item: item[1]["seconds"]):
        shown.append(f"{name:44}{taken['seconds'] * 1e3:9.1f} ms{taken['bytes'] / 2**20:9.1f} MB")
    return shown + [f"{name}: not installed" for name in table["missing"]]
