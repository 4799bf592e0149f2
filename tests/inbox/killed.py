"""A process that accepts events and processes them, to be killed at any moment."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import anyio

from eventrouter import Inbox, Router, SqliteStore
from tests.events import raw_event

WORKERS = 10
ACCEPTING = 3  # events that are accepted at the same time


def append(path: Path, line: object) -> None:
    """Add a line, in one go: it is there whenever the process is killed after."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def main(folder: Path, events: int) -> None:
    """Accept what has not been accepted yet, and process it, until nothing is left."""
    router = Router()

    @router.on("counted")
    async def handle(number: int) -> None:
        await anyio.sleep(random.uniform(0, 0.02))
        append(folder / "effects", number)
        await anyio.sleep(random.uniform(0, 0.02))

    # Kills from outside are no fault of an event; here there are many.
    inbox = Inbox(SqliteStore(folder / "events.db"), deaths=1_000, lease=0.5, poll=0.05)
    accepted = {int(line) for line in lines(folder / "accepted")}
    left = iter([number for number in range(events) if number not in accepted])

    async def accept() -> None:
        for number in left:
            append(folder / "sent", number)
            await inbox.accept(raw_event("counted", number))
            append(folder / "accepted", number)

    async with inbox.workers(router, count=WORKERS) as workers:
        print("ready", flush=True)
        async with anyio.create_task_group() as tasks:
            for _ in range(ACCEPTING):
                tasks.start_soon(accept)
        await workers.emptied()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
