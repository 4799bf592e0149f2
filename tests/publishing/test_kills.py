"""Processes that are killed: no event that a handler gave is lost, and none is made up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from eventrouter import Event, Headers, Outbox, SqliteStore
from eventrouter.stores import OutgoingCounts
from tests.inbox.killed import lines
from tests.publishing.killed import ASKED, receive, router_of

ROOT = Path(__file__).parents[2]

#: Kills itself before or after a step.
AT_A_STEP = """
import os, signal, sys
from pathlib import Path
import anyio
from eventrouter import Outbox, SqliteStore
from tests.publishing.killed import ASKED, receive, router_of

folder, step, moment = Path(sys.argv[1]), *sys.argv[2:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def deadly(call):
    async def called(*arguments, **named):
        if moment == "before":
            die()
        returned = await call(*arguments, **named)
        die()
        return returned
    return called

class Deadly(SqliteStore):
    pass

class Publisher:
    async def publish(self, event, raw, headers):
        receive(folder, event)

if hasattr(SqliteStore, step):
    setattr(Deadly, step, deadly(getattr(SqliteStore, step)))
if step == "publish":
    Publisher.publish = deadly(Publisher.publish)

async def main():
    store = Deadly(folder / "events.db")
    router = router_of(store, Publisher(), folder, die if step == "handler" else None, moment)
    await router.dispatch(ASKED)
    async with Outbox(store, Publisher()).relaying() as relay:
        await relay.emptied()

anyio.run(main)
"""


def in_an_hour() -> float:
    return time.time() + 3_600


class Receiving:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def publish(self, event: Event[None], raw: bytes, headers: Headers) -> None:
        receive(self.folder, event)


async def finish(folder: Path, is_delivered_again: bool) -> OutgoingCounts:
    """Do what the process that was killed left, when its leases have run out."""
    store = SqliteStore(folder / "events.db", clock=in_an_hour)
    publisher = Receiving(folder)
    if is_delivered_again:
        await router_of(store, publisher, folder).dispatch(ASKED)
    async with Outbox(store, publisher).relaying() as relay:
        await relay.emptied()
    counts = await store.count_outgoing()
    store.close()
    return counts


@pytest.mark.parametrize(
    ("step", "moment", "runs", "received"),
    [
        ("claim", "after", 1, 2),
        ("handler", "before", 2, 2),
        ("handler", "after", 2, 2),
        ("complete", "before", 2, 2),
        ("complete", "after", 1, 2),
        ("take_outgoing", "before", 1, 2),
        ("take_outgoing", "after", 1, 2),
        ("publish", "before", 1, 2),
        ("publish", "after", 1, 3),
        ("sent", "before", 1, 4),
        ("sent", "after", 1, 2),
    ],
)
def test_no_kill_between_two_steps_loses_what_a_handler_gave_or_makes_it_up(
    tmp_path: Path, step: str, moment: str, runs: int, received: int
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", AT_A_STEP, str(tmp_path), step, moment], cwd=ROOT, check=False
    )
    assert killed.returncode == -9
    was_completed = step not in ("claim", "handler", "complete") or (step, moment) == (
        "complete",
        "after",
    )

    if not was_completed:  # nothing of a handler that did not complete
        assert anyio.run(finish, tmp_path, False) == OutgoingCounts(0, 0, 0, 0)
        assert lines(tmp_path / "received") == []
    assert anyio.run(finish, tmp_path, True) == OutgoingCounts(0, 0, 0, 0)

    found = lines(tmp_path / "received")
    assert len(lines(tmp_path / "ran")) == runs
    assert len(found) == received
    assert [line.split()[0] for line in dict.fromkeys(found)] == ["a", "b"]  # ids and all


#: Handles and relays, both in one process, until nothing is left.
AT_ANY_TIME = """
import sys
from pathlib import Path
import anyio
from eventrouter import Outbox, SqliteStore
from tests.events import raw_event
from tests.publishing.killed import receive, router_of

folder, events = Path(sys.argv[1]), int(sys.argv[2])

class Publisher:
    async def publish(self, event, raw, headers):
        await anyio.sleep(0.002)
        receive(folder, event)
        await anyio.sleep(0.002)

async def main():
    store = SqliteStore(folder / "events.db")
    router = router_of(store, Publisher(), folder, lease=0.5)
    async with Outbox(store, Publisher(), lease=0.5, poll=0.05).relaying() as relay:
        for number in range(events):
            raw = raw_event("asked", ["a", "b"], id=f"e-{number}")
            while (await router.process(raw)).retryable:
                await anyio.sleep(0.05)
            print(number, flush=True)
        await relay.emptied()

anyio.run(main)
"""


def test_no_kill_at_any_time_loses_what_a_handler_gave(tmp_path: Path) -> None:
    events, kills = 40, 0
    command = [sys.executable, "-c", AT_ANY_TIME, str(tmp_path), str(events)]
    while True:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            if kills < 5:
                for _ in range(kills * 8 + 3):  # it goes on, and may be anywhere
                    process.stdout.readline()
                process.kill()
                kills += 1
            process.stdout.read()
        if process.returncode == 0:
            break
        assert process.returncode == -9

    found = [line.split() for line in lines(tmp_path / "received")]
    assert kills == 5
    assert len({id for _, id, _ in found}) == 2 * events
    assert {cause for _, _, cause in found} == {f"e-{number}" for number in range(events)}
    first_times = {(cause, type): n for n, (type, _, cause) in reversed(list(enumerate(found)))}
    for number in range(events):
        assert first_times[f"e-{number}", "a"] < first_times[f"e-{number}", "b"]
