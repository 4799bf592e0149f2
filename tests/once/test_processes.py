"""Many deliveries of one event, in several processes that share a file."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stores.processes import line_of, started, tell

PROGRAM = """
import os, sys
import anyio
from eventrouter import Idempotency, Router, SqliteStore

backend, path, ran, count = sys.argv[1:]
router = Router(idempotency=SqliteStore(path), max_threads=50)

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


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_of_fifty_deliveries_at_once_in_four_processes_one_runs(
    backend: str, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(PROGRAM, backend, tmp_path / "events.db", ran, count))
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


KILLED = """
import os, signal, sys
from eventrouter import Idempotency, Router, SqliteStore

router = Router(idempotency=Idempotency(SqliteStore(sys.argv[1]), lease=0.2, wait=60))
is_killed = sys.argv[2] == "killed"

@router.on("order.paid")
def charge(payload: dict[str, int]) -> None:
    if is_killed:
        os.kill(os.getpid(), signal.SIGKILL)

raw = b'{"event_type": "order.paid", "payload": {}, "metadata": {"id": "e-7"}}'
print(router.dispatch_sync(raw).status, flush=True)
"""


def test_what_a_process_was_killed_at_runs_once_its_lease_is_over(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    said = []
    for how in ("killed", "alive", "alive"):
        with started(KILLED, path, how) as process:
            said.append(line_of(process))
            process.wait()

    assert said == ["", "handled", "duplicate"]
