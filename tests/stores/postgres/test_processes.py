"""One schema, several processes; some are killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from time import time

import pytest

from eventrouter import Status
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
from eventrouter.testing import run_and_kill
from eventrouter.testing.letters import NOON
from tests.postgres import backends, schema
from tests.services import POSTGRES
from tests.stores.processes import line_of, started, tell

CLAIM = """
import sys, threading
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
store = PostgresStore(sys.argv[1], schema=sys.argv[2])
refused = []
def claim():
    together.wait()
    refused.append(driven(store.claim("key", 60)).refused)
threads = [threading.Thread(target=claim) for _ in range(int(sys.argv[3]))]
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
from eventrouter import DeadLetter, Status
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
store = PostgresStore(sys.argv[1], schema=sys.argv[2])
now = datetime.now(UTC)
for number in range(1_000_000):
    claim = driven(store.claim(f"key {number}", 600))
    letter = DeadLetter(
        raw=b"%d" % number, received=now, status=Status.FAILED, error="OSError", message=""
    )
    letter_id = driven(store.add_letter(letter))
    put = driven(store.put(b"x" * 10_000, {}, now, key="k" if number % 3 else None))
    gone = "-"
    if number % 2:
        [entry] = driven(store.take("w", limit=1, lease=600))
        driven(store.done(entry))
        gone = entry.id
    driven(store.complete(claim, 600))
    print(number, letter_id, put, gone, flush=True)
"""

TAKE = """
import sys
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
store = PostgresStore(sys.argv[1], schema=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
taken = []
while entries := driven(store.take("w", limit=3, lease=600)):
    for entry in entries:
        taken.append(entry.id)
        driven(store.done(entry))
print(*taken, flush=True)
"""

FORK = """
import os, sys
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
store = PostgresStore(sys.argv[1], schema=sys.argv[2], connections=1)
driven(store.claim("before", 60))
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        for key in range(20):
            driven(store.complete(driven(store.claim(f"{number} {key}", 60)), 60))
        store.close()
        os._exit(0)
    children.append(child)
for key in range(20):
    driven(store.complete(driven(store.claim(f"parent {key}", 60)), 60))
print(*(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.fixture
def name() -> Iterator[str]:
    with schema() as name:
        yield name


@pytest.fixture
def store(name: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(POSTGRES, schema=name, connections=3)) as store:
        yield store


def test_of_twenty_claims_at_once_in_four_processes_one_wins(name: str) -> None:
    """The schema is made by whichever comes first."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started(CLAIM, POSTGRES, name, 5)) for _ in range(4)]
        for process in processes:
            assert line_of(process) == "ready"
        for process in processes:
            tell(process, "go")
        refused = " ".join(line_of(process) for process in processes).split()

    assert sorted(refused) == sorted(["None", *["in_progress"] * 19])


@pytest.mark.parametrize("rounds", [1, 4, 15, 40])
def test_what_returned_is_there_after_the_writer_was_killed(
    name: str, store: PostgresStore, rounds: int
) -> None:
    written = run_and_kill(WRITE, POSTGRES, name, until=rounds)  # and may be anywhere

    in_an_hour = PostgresStore(POSTGRES, schema=name, clock=lambda: time() + 3_600)
    left = set[str]()
    while taken := driven(in_an_hour.take("w", limit=1_000, lease=60)):
        left |= {entry.id for entry in taken}
        for entry in taken:
            driven(in_an_hour.done(entry))
    in_an_hour.close()
    lines = [line.split() for line in written]
    gone = {id for _, _, _, id in lines if id != "-"}
    assert not gone & left
    # One more may be gone, of which the process had no time to tell.
    assert len({id for _, _, id, _ in lines} - gone - left) <= 1
    for number, letter_id, _, _ in lines:
        assert driven(store.claim(f"key {number}", 60)).refused is Status.DUPLICATE
        letter = driven(store.get_letter(letter_id))
        assert letter is not None
        assert letter.raw == number.encode()


def test_processes_that_take_at_once_wait_for_none_and_get_each_entry_once(
    name: str, store: PostgresStore
) -> None:
    put = [driven(store.put(b"{}", {}, NOON, key=key)) for key in [None, "a", "b"] * 40]
    with ExitStack() as stack:
        processes = [stack.enter_context(started(TAKE, POSTGRES, name)) for _ in range(3)]
        for process in processes:
            assert line_of(process) == "ready"
        for process in processes:
            tell(process, "go")
        taken = [line_of(process).split() for process in processes]
    # A process ends when there is nothing to take just then, as where others have it.
    while entries := driven(store.take("w", limit=3, lease=600)):
        taken.append([entry.id for entry in entries])
        for entry in entries:
            driven(store.done(entry))

    assert sorted((id for ids in taken for id in ids), key=int) == put


def test_threads_that_put_and_take_one_key_at_once_lose_and_block_none(
    store: PostgresStore,
) -> None:
    """A key whose last entry is done, while the next is put, must have a first one still."""
    put, taken = list[str](), list[str]()

    def work(_: int) -> None:
        put.append(driven(store.put(b"{}", {}, NOON, key="a")))
        for entry in driven(store.take("w", limit=1, lease=600)):
            taken.append(entry.id)
            driven(store.done(entry))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(150)))
    while entries := driven(store.take("w", limit=1, lease=600)):
        taken.append(entries[0].id)
        driven(store.done(entries[0]))

    assert taken == sorted(put, key=int)
    assert driven(store.count_entries()).waiting == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_goes_on_with_the_store_it_inherited(
    name: str, store: PostgresStore
) -> None:
    with started(FORK, POSTGRES, name) as process:
        assert line_of(process) == "0 0 0 0"

    for process_name in (*range(4), "parent"):
        for key in range(20):
            assert driven(store.claim(f"{process_name} {key}", 60)).refused is Status.DUPLICATE
    assert driven(store.claim("before", 60)).refused is Status.IN_PROGRESS


def test_many_threads_may_share_a_store(store: PostgresStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda n: driven(store.claim(f"{n % 20}", 60)), range(200)))

    granted = [claim.key for claim in claims if claim.refused is None]
    assert sorted(granted) == sorted(f"{n}" for n in range(20))


def test_a_store_that_is_left_open_closes_its_connections_when_it_is_gone(name: str) -> None:
    store = PostgresStore(POSTGRES, schema=name)
    driven(store.claim("a", 60))
    assert store.transact("b", 60, lambda _: ("worked", ()))[1] == "worked"
    processes = backends(store)
    database = store._database
    connections = database._own.idle() + database._for_transactions.idle()

    del store, database

    assert len(processes) == 2
    assert all(connection.closed for connection in connections)
