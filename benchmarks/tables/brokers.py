"""Events a second that one process consumes from a broker, beside the same work done by hand."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Iterator
from importlib import import_module
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.brokers.contest import AT_ONCE, BY_HAND, Contest
from benchmarks.tables.effort import Effort

#: The modules that each give a ``CONTEST``.
MODULES: Final = ("nats", "rabbit", "redis")


def results(effort: Effort) -> dict[str, Any]:
    """The median events a second by broker and consumer, of the brokers that answer."""
    logging.getLogger("faststream").setLevel(logging.WARNING)
    count, rounds = effort.consumed
    found = {contest.name: _measured(contest, count, rounds) for contest in _contests()}
    return {"events_a_second": found, "events": count, "at_once": AT_ONCE}


def _contests() -> Iterator[Contest]:
    for name in MODULES:
        contest: Contest = import_module(f"benchmarks.brokers.{name}").CONTEST
        if _answers(contest.url):
            yield contest
        else:
            print(f"{contest.name} is left out: no server answers")


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), 5).close()
    except OSError:
        return False
    return True


def _measured(contest: Contest, count: int, rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in contest.consumers}
    for number in range(rounds):
        for name in list(contest.consumers)[:: -1 if number % 2 else 1]:
            gc.collect()
            seconds[name].append(asyncio.run(contest.seconds(name, count)))
    return {name: count / median(taken) for name, taken in seconds.items()}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [
        f"{table['events']:,} events, one process, {table['at_once']} at a time",
        f"{'':56}{'events a second':>16}{'x by hand':>12}",
        "",
    ]
    for broker, consumers in table["events_a_second"].items():
        shown += [
            f"{f'{broker}: {name}':56}{rate:16,.0f}{rate / consumers[BY_HAND]:12.2f}"
            for name, rate in consumers.items()
        ]
    return shown
