"""Killing a process at random moments, and counting what became of its events."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from attrs import frozen

from tests.inbox.killed import lines

ROOT = Path(__file__).parents[2]
LONGEST = 0.25  # seconds that a process lives at most, but the last


@frozen
class Outcome:
    """
    What became of the events of one run.

    Attributes:
        kills: How often the process was killed.
        completed: How many events were processed.
        duplicates: How often one was processed once more.
        in_flight: How many were being processed, or being accepted, when the process was killed.
        left: How many entries, and dead letters, there are in the end.
    """

    kills: int
    completed: int
    duplicates: int
    in_flight: int
    left: int


def run(folder: Path, events: int, kills: int) -> Outcome:
    """
    Have events accepted and processed by a process that is killed and started again.

    Args:
        folder: An empty one.
        events: How many events.
        kills: How often the process is killed, unless all is done before.
    """
    killed = 0
    # An event that is killed twice without being taken anew is in flight once.
    processed: set[tuple[int, ...]] = set()
    while True:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.inbox.killed", str(folder), str(events)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            if killed < kills:
                time.sleep(random.uniform(0, LONGEST))
                process.kill()
            process.stdout.read()
        if process.returncode == 0:
            break
        assert process.returncode == -9, process.returncode
        killed += 1
        processed |= taken(folder)
    # A sender whose event was being accepted does not know, and sends it again.
    accepted = len(lines(folder / "sent")) - len(lines(folder / "accepted"))
    effects = Counter(lines(folder / "effects"))
    return Outcome(
        killed,
        len(effects),
        effects.total() - len(effects),
        len(processed) + accepted,
        left(folder),
    )


def taken(folder: Path) -> set[tuple[int, ...]]:
    """The entries that a process has, each with how often it was taken."""
    if not query(folder, "SELECT 1 FROM sqlite_master WHERE name = 'entries'"):
        return set()  # it was killed before it had made the table
    return set(query(folder, "SELECT id, attempts FROM entries WHERE token IS NOT NULL"))


def left(folder: Path) -> int:
    [(count,)] = query(
        folder, "SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM letters)"
    )
    return count


def query(folder: Path, statement: str) -> list[tuple[int, ...]]:
    connection = sqlite3.connect(folder / "events.db")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
