"""One server, several processes; some are killed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from eventrouter import Status
from eventrouter.contexts import driven
from eventrouter.stores import RedisStore
from tests.services import REDIS
from tests.stores.processes import line_of, started, tell
from tests.stores.redis.servers import emptied, require_redis

DELIVER = """
import sys
import anyio
from eventrouter import Router
from eventrouter.stores import RedisStore

backend, url, prefix, ran, count = sys.argv[1:]
router = Router(idempotency=RedisStore(url, prefix=prefix), max_threads=50)

@router.on("order.paid")
def charge(payload: dict[str, int]) -> None:
    with open(ran, "a") as file:
        file.write("charged\\n")
    print("charged", flush=True)
    sys.stdin.readline()

RAW = b'{"event_type": "order.paid", "payload": {}, "metadata": {"id": "e-7"}}'
statuses = []

async def deliver() -> None:
    statuses.append((await router.process(RAW)).status)

async def main() -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(int(count)):
            tasks.start_soon(deliver)

router.compile()
print("ready", flush=True)
sys.stdin.readline()
anyio.run(main, backend=backend)
print(*statuses, flush=True)
"""

KILLED = """
import os, signal, sys
from eventrouter import Idempotency, Router
from eventrouter.stores import RedisStore

how, url, prefix = sys.argv[1:]
router = Router(idempotency=Idempotency(RedisStore(url, prefix=prefix), lease=0.2, wait=60))

@router.on("order.paid")
def charge(payload: dict[str, int]) -> None:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)

raw = b'{"event_type": "order.paid", "payload": {}, "metadata": {"id": "e-7"}}'
print(router.dispatch_sync(raw).status, flush=True)
"""

FORK = """
import os, sys
from eventrouter.contexts import driven
from eventrouter.stores import RedisStore
store = RedisStore(sys.argv[1], prefix=sys.argv[2])
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
def prefix() -> Iterator[str]:
    require_redis()
    prefix = f"test-{uuid4().hex}:"
    with emptied(prefix):
        yield prefix


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_of_fifty_deliveries_at_once_in_four_processes_one_runs(
    backend: str, prefix: str, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(DELIVER, backend, REDIS, prefix, ran, count))
            for count in (13, 13, 12, 12)
        ]
        assert [line_of(process) for process in processes] == ["ready"] * 4
        for process in processes:
            tell(process, "go")
        first = [line_of(process) for process in processes]
        statuses = Counter[str]()
        for process, line in zip(processes, first, strict=True):
            if line == "charged":  # it waits until the other processes have ended
                tell(process, "end")
                line = line_of(process)
            statuses.update(line.split())

    assert ran.read_text() == "charged\n"
    # In the process that charged, some may ask only after that.
    assert statuses["handled"] == 1
    assert statuses["in_progress"] >= 36
    assert statuses["in_progress"] + statuses["duplicate"] == 49


def test_what_a_process_was_killed_at_runs_once_its_lease_is_over(prefix: str) -> None:
    said = []
    for how in ("killed", "alive", "alive"):
        with started(KILLED, how, REDIS, prefix) as process:
            said.append(line_of(process))
            process.wait()

    assert said == ["", "handled", "duplicate"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_goes_on_with_the_store_it_inherited(prefix: str) -> None:
    with started(FORK, REDIS, prefix) as process:
        assert line_of(process) == "0 0 0 0"

    with closing(RedisStore(REDIS, prefix=prefix)) as store:
        for name in (*range(4), "parent"):
            for key in range(20):
                assert driven(store.claim(f"{name} {key}", 60)).refused is Status.DUPLICATE
        assert driven(store.claim("before", 60)).refused is Status.IN_PROGRESS
