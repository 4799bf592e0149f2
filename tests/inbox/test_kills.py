"""Processes that are killed, at random and between each pair of steps: nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from eventrouter import Inbox, Router, SqliteStore, Status
from eventrouter.stores import EntryCounts
from tests.events import raw_event
from tests.inbox.conftest import process_all
from tests.inbox.killed import append, lines
from tests.inbox.kills import ROOT, run

#: Kills itself before or after a call of the store, which is where each step ends.
AT_A_STEP = """
import os, signal, sys
from pathlib import Path
import anyio
from eventrouter import Inbox, Router, SqliteStore
from tests.events import raw_event
from tests.inbox.killed import append

folder, method, moment, kind = Path(sys.argv[1]), *sys.argv[2:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly(SqliteStore):
    pass

def deadly(name):
    async def call(self, *arguments, **named):
        if moment == "before":
            die()
        await getattr(SqliteStore, name)(self, *arguments, **named)
        die()
    return call

if method != "handler":
    setattr(Deadly, method, deadly(method))

store = Deadly(folder / "events.db")
router = Router(idempotency=store, dead_letters=store) if "once" in kind else Router()

async def handle(number: int) -> None:
    if method == "handler" and moment == "before":
        die()
    append(folder / "effects", number)
    if method == "handler":
        die()
    if "failing" in kind:
        raise ConnectionError

handle.__module__ = "shop"
router.on("counted")(handle)

async def main():
    inbox = Inbox(store, attempts=1 if method == "set_aside" else 5)
    await inbox.accept(raw_event("counted", 1, id="e-1"))
    append(folder / "accepted", 1)
    async with inbox.workers(router) as workers:
        await workers.emptied()

anyio.run(main)
"""


@pytest.mark.parametrize(
    ("method", "moment", "kind", "effects", "letters"),
    [
        ("put", "before", "good", 0, 0),
        ("put", "after", "good", 1, 0),
        ("take", "before", "good", 1, 0),
        ("take", "after", "good", 1, 0),
        ("handler", "before", "good", 1, 0),
        ("handler", "after", "good", 2, 0),
        ("done", "before", "good", 2, 0),
        ("done", "after", "good", 1, 0),
        ("give_back", "before", "failing", 2, 1),
        ("give_back", "after", "failing", 2, 1),
        ("set_aside", "before", "failing", 2, 1),
        ("set_aside", "after", "failing", 1, 1),
        ("claim", "before", "once", 1, 0),
        ("claim", "after", "once", 1, 0),
        ("handler", "after", "once", 2, 0),
        ("complete", "before", "once", 2, 0),
        ("complete", "after", "once", 1, 0),
        ("done", "before", "once", 1, 0),
        ("release", "before", "failing once", 2, 1),
        ("release", "after", "failing once", 2, 1),
        ("add_letter", "before", "failing once", 2, 1),
        ("add_letter", "after", "failing once", 2, 2),  # as the inbox did not hear of the first
        ("done", "before", "failing once", 2, 2),
    ],
)
def test_no_kill_between_two_steps_loses_or_makes_up_an_event(
    tmp_path: Path, method: str, moment: str, kind: str, effects: int, letters: int
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", AT_A_STEP, str(tmp_path), method, moment, kind],
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == -9

    store = SqliteStore(tmp_path / "events.db", clock=in_an_hour)  # when leases have run out
    anyio.run(finish, store, tmp_path, kind)

    counts = anyio.run(store.count_entries), anyio.run(store.count_letters)
    was_accepted = bool(lines(tmp_path / "accepted"))
    assert was_accepted is (method != "put")
    assert len(lines(tmp_path / "effects")) == effects
    assert counts == (EntryCounts(0, 0, 0), letters)


def in_an_hour() -> float:
    return time.time() + 3_600


async def finish(store: SqliteStore, folder: Path, kind: str) -> None:
    """Process what the process that was killed left."""
    router = Router(idempotency=store, dead_letters=store) if "once" in kind else Router()

    async def handle(number: int) -> None:
        append(folder / "effects", number)
        if "failing" in kind:
            raise ConnectionError

    handle.__module__, handle.__qualname__ = "shop", "handle"  # as which it is known
    router.on("counted")(handle)

    await process_all(Inbox(store, attempts=1), router)


@pytest.mark.parametrize("number", range(2))
def test_no_kill_at_a_random_moment_loses_an_event(tmp_path: Path, number: int) -> None:
    found = run(tmp_path, events=100, kills=4)

    assert (found.completed, found.left) == (100, 0)
    assert found.duplicates <= found.in_flight


#: Dies of an event, whatever else is being processed then.
OF_POISON = """
import os, sys
from pathlib import Path
import anyio
from eventrouter import Inbox, Router, SqliteStore
from tests.inbox.killed import append

folder = Path(sys.argv[1])
router = Router()

@router.on("poison")
async def die(number: int) -> None:
    append(folder / "begun", number)
    os._exit(9)

@router.on("counted")
async def handle(number: int) -> None:
    await anyio.sleep(0)
    append(folder / "effects", number)

async def main():
    inbox = Inbox(SqliteStore(folder / "events.db"), deaths=3, lease=0.05, poll=0.02)
    async with inbox.workers(router) as workers:
        await workers.emptied()

anyio.run(main)
"""


def test_an_event_that_ends_its_process_is_set_aside_and_no_other(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "events.db")
    raw = raw_event("poison", 7)

    async def fill() -> None:
        inbox = Inbox(store)
        await inbox.accept(raw)
        for number in range(30):
            await inbox.accept(raw_event("counted", number))

    anyio.run(fill)
    store.close()
    statuses = list[int]()
    while not statuses or statuses[-1] != 0:
        statuses.append(
            subprocess.run(
                [sys.executable, "-c", OF_POISON, str(tmp_path)], cwd=ROOT, check=False
            ).returncode
        )

    [letter] = anyio.run(store.find_letters).letters
    assert statuses == [9, 9, 9, 0]
    assert lines(tmp_path / "begun") == ["7"] * 3
    assert sorted(map(int, set(lines(tmp_path / "effects")))) == list(range(30))
    assert (letter.raw, letter.status, letter.type) == (raw, Status.FAILED, "poison")
    assert letter.error == "eventrouter.errors.NeverEnded"
