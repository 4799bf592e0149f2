"""What events that always fail cost the others: how long those take from accepted to handled."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import anyio
from attrs import define, field

from benchmarks.tables.effort import Effort
from benchmarks.tables.stores import unsynced
from eventrouter import Inbox, MemoryStore, Retry, Router, SqliteStore

POISON_EVERY = 10  # good events
PACE = 0.02  # seconds from one good event to the next
HANDLING = 0.005  # seconds that a handler takes
WORKERS = 10

CALLS = 3  # of the handler, each time that a worker takes the event
ATTEMPTS = 2  # of the inbox
WAIT = 0.01  # seconds before each of both

SQLITE = "SQLite"
UNSYNCED = "SQLite, the disk not waited for"

WITHOUT = "without"
WITH = "with"


def results(effort: Effort) -> dict[str, Any]:
    """The 95th percentile of the others' seconds, by store, with poison events and without."""
    good, rounds = effort.poisoned
    with TemporaryDirectory() as folder, _nothing_logged():
        seconds = asyncio.run(_measured(Path(folder), good, rounds))
    events = {"good": good, "poison": good // POISON_EVERY, "attempts": CALLS * ATTEMPTS}
    return {"seconds": seconds, "events": events}


async def _measured(folder: Path, good: int, rounds: int) -> dict[str, Any]:
    seconds: dict[str, dict[str, list[float]]] = {
        store: {WITHOUT: [], WITH: []} for store in ("memory", SQLITE, UNSYNCED)
    }
    for number in range(rounds):
        for kind, taken in seconds.items():
            for name in (WITHOUT, WITH)[:: -1 if number % 2 else 1]:
                gc.collect()
                store = _store(kind, folder / f"{kind} {name} {number}.db")
                turn = Turn(store, good, has_poison=name == WITH)
                taken[name].append(quantiles(await turn.seconds(), n=20)[-1])
    return {
        kind: {name: median(times) for name, times in taken.items()}
        for kind, taken in seconds.items()
    }


def _store(kind: str, path: Path) -> MemoryStore | SqliteStore:
    if kind == SQLITE:
        return SqliteStore(path)
    return unsynced(SqliteStore(path)) if kind == UNSYNCED else MemoryStore()


@define(eq=False)
class Turn:
    """
    A stream of events through an inbox.

    Args:
        store: An empty one, closed at the end if it can be.
        good: How many events do not fail.
        has_poison: Whether there are others among them, which always do.
    """

    store: MemoryStore | SqliteStore
    good: int
    has_poison: bool
    accepted: dict[int, float] = field(init=False, factory=dict[int, float])
    handled: dict[int, float] = field(init=False, factory=dict[int, float])
    attempts: Counter[int] = field(init=False, factory=Counter[int])

    async def seconds(self) -> list[float]:
        """How long each good event took; the others must be dead letters in the end."""
        router = Router(retry=Retry(CALLS, on=ConnectionError, wait=WAIT, jitter=0))
        router.add_route("counted", self._handle)
        inbox = Inbox(self.store, attempts=ATTEMPTS, wait=WAIT, poll=WAIT)
        async with inbox.workers(router, count=WORKERS) as workers:
            await self._send(inbox)
            await workers.emptied()
        await self._check()
        if isinstance(self.store, SqliteStore):
            self.store.close()
        return [self.handled[number] - self.accepted[number] for number in range(self.good)]

    async def _handle(self, number: int) -> None:
        if number < 0:
            self.attempts[number] += 1
            raise ConnectionError("it fails whenever it is tried")
        await anyio.sleep(HANDLING)
        self.handled[number] = perf_counter()

    async def _send(self, inbox: Inbox) -> None:
        """Send by the clock: else what is slow would be sent less, and look quick."""
        started = perf_counter()
        async with anyio.create_task_group() as tasks:
            for number in range(self.good):
                await anyio.sleep(max(0.0, started + number * PACE - perf_counter()))
                tasks.start_soon(self._accept, inbox, number)
                if self.has_poison and number % POISON_EVERY == 0:
                    tasks.start_soon(inbox.accept, raw_event(-1 - number))

    async def _accept(self, inbox: Inbox, number: int) -> None:
        self.accepted[number] = perf_counter()
        await inbox.accept(raw_event(number))

    async def _check(self) -> None:
        """Refuse to time what did something else."""
        senders = range(0, self.good, POISON_EVERY) if self.has_poison else ()
        poison = [-1 - number for number in senders]
        page = await self.store.find_letters(limit=self.good)
        found = sorted(letter.raw for letter in page.letters)
        if self.attempts != dict.fromkeys(poison, CALLS * ATTEMPTS):
            raise AssertionError(f"not {CALLS * ATTEMPTS} attempts each: {self.attempts}")
        if found != sorted(map(raw_event, poison)):
            raise AssertionError(f"the dead letters are {found}")


def raw_event(number: int) -> bytes:
    return b'{"event_type": "counted", "payload": %d}' % number


@contextmanager
def _nothing_logged() -> Generator[None]:
    """Each failure is logged with its traceback, which would be most of what is printed."""
    logger, silent = logging.getLogger("eventrouter"), logging.NullHandler()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(silent)
    try:
        yield
    finally:
        logger.removeHandler(silent)
        logger.propagate = propagates


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    events = table["events"]
    shown = [
        f"{events['good']} events, and {events['poison']} poison events of "
        f"{events['attempts']} attempts each",
        f"{'from accepted to handled, the others':56}{'95th perc.':>12}{'x without':>15}",
        "",
    ]
    for store, seconds in table["seconds"].items():
        shown += [
            f"{f'{store}, {name} poison events':56}{taken * 1e3:9.2f} ms"
            f"{taken / seconds[WITHOUT]:15.2f}"
            for name, taken in seconds.items()
        ]
    return shown
