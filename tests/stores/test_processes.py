"""One file, several processes; some are killed."""

from __future__ import annotations

import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from time import time

import pytest

from eventrouter import SqliteStore, Status
from eventrouter.contexts import driven
from eventrouter.testing import run_and_kill
from tests.stores.processes import line_of, started, tell

CLAIM = """
import sys, threading
from eventrouter import SqliteStore
from eventrouter.contexts import driven
store = SqliteStore(sys.argv[1])
refused = []
def claim():
    together.wait()
    refused.append(driven(store.claim("key", 60)).refused)
threads = [threading.Thread(target=claim) for _ in range(int(sys.argv[2]))]
together = threading.Barrier(len(threads) + 1)
for thread in threads:
    thread.start()
print("ready", flush=True)
sys.stdin.readline()
together.wait()
for thread in threads:
    thread.join()
print(*refused, flush=True)
"""

WRITE = """
import sys
from datetime import UTC, datetime
from eventrouter import DeadLetter, SqliteStore, Status
from eventrouter.contexts import driven
store = SqliteStore(sys.argv[1])
now = datetime.now(UTC)
for number in range(1_000_000):
    claim = driven(store.claim(f"key {number}", 600))
    letter = DeadLetter(
        raw=b"%d" % number, received=now, status=Status.FAILED, error="OSError", message=""
    )
    letter_id = driven(store.add_letter(letter))
    put = driven(store.put(b"x" * 10_000, {}, now))
    gone = "-"
    if number % 2:
        [entry] = driven(store.take("w", limit=1, lease=600))
        driven(store.done(entry))
        gone = entry.id
    driven(store.complete(claim, 600))
    print(number, letter_id, put, gone, flush=True)
"""

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM keys")
print("ready", flush=True)
sys.stdin.readline()
"""

FORK = """
import os, sys
from eventrouter import SqliteStore
from eventrouter.contexts import driven
store = SqliteStore(sys.argv[1])
driven(store.claim("before", 60))
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        for key in range(20):
            driven(store.complete(driven(store.claim(f"{number} {key}", 60)), 60))
        os._exit(0)
    children.append(child)
for key in range(20):
    driven(store.complete(driven(store.claim(f"parent {key}", 60)), 60))
print(*(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def test_of_fifty_claims_at_once_in_four_processes_one_wins(path: Path) -> None:
    """The file is made by whichever comes first."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started(CLAIM, path, n)) for n in (13, 13, 12, 12)]
        for process in processes:
            assert line_of(process) == "ready"
        for process in processes:
            tell(process, "go")
        refused = " ".join(line_of(process) for process in processes).split()

    assert sorted(refused) == sorted(["None", *["in_progress"] * 49])


@pytest.mark.parametrize("rounds", [1, 4, 15, 40])
def test_what_returned_is_there_after_the_writer_was_killed(path: Path, rounds: int) -> None:
    written = run_and_kill(WRITE, path, until=rounds)  # it goes on, and may be anywhere

    in_an_hour = SqliteStore(path, clock=lambda: time() + 3_600)  # when leases have run out
    left = {entry.id for entry in driven(in_an_hour.take("w", limit=1_000, lease=60))}
    in_an_hour.close()
    lines = [line.split() for line in written]
    gone = {id for _, _, _, id in lines if id != "-"}
    assert not gone & left
    # One more may be gone, of which the process had no time to tell.
    assert len({id for _, _, id, _ in lines} - gone - left) <= 1
    store = SqliteStore(path)
    for number, letter_id, _, _ in lines:
        assert driven(store.claim(f"key {number}", 60)).refused is Status.DUPLICATE
        letter = driven(store.get_letter(letter_id))
        assert letter is not None
        assert letter.raw == number.encode()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    store.close()


def test_what_a_killed_process_had_not_committed_did_not_happen(path: Path) -> None:
    store = SqliteStore(path)
    driven(store.complete(driven(store.claim("a", 60)), 60))

    run_and_kill(HOLD, path, until="ready")

    assert driven(store.claim("a", 60)).refused is Status.DUPLICATE
    store.close()


def test_a_claim_waits_while_another_process_writes(path: Path) -> None:
    store = SqliteStore(path)
    driven(store.claim("a", 60))
    with started(HOLD, path) as process, ThreadPoolExecutor(1) as threads:
        assert line_of(process) == "ready"
        waiting = threads.submit(lambda: driven(store.claim("b", 60)))
        tell(process, "go")

        assert waiting.result().refused is None
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_goes_on_with_the_store_it_inherited(path: Path) -> None:
    with started(FORK, path) as process:
        assert line_of(process) == "0 0 0 0"

    store = SqliteStore(path)
    for process_name in (*range(4), "parent"):
        for key in range(20):
            assert driven(store.claim(f"{process_name} {key}", 60)).refused is Status.DUPLICATE
    assert driven(store.claim("before", 60)).refused is Status.IN_PROGRESS
    store.close()


def test_many_threads_may_share_a_store(path: Path) -> None:
    store = SqliteStore(path)
    driven(store.claim("opened", 60))  # so that all have the same connection
    together = Barrier(8)

    def claim_all(_: int) -> list[str]:
        together.wait()
        claims = [driven(store.claim(f"{number}", 60)) for number in range(20)]
        granted = [claim for claim in claims if claim.refused is None]
        assert all(driven(store.complete(claim, 60)) for claim in granted)
        return [claim.key for claim in granted]

    with ThreadPoolExecutor(8) as threads:
        granted = [key for keys in threads.map(claim_all, range(8)) for key in keys]

    assert sorted(granted) == sorted(f"{n}" for n in range(20))
    store.close()


def test_a_store_that_is_left_open_closes_its_file_when_it_is_gone(path: Path) -> None:
    store = SqliteStore(path)
    driven(store.claim("a", 60))
    assert path.with_name("events.db-wal").exists()

    del store

    assert not path.with_name("events.db-wal").exists()
    assert sys.implementation.name == "cpython"
