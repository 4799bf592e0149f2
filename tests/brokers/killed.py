"""A process that consumes from a broker, and that an event kills."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import anyio

from eventrouter import Router
from eventrouter.integrations.faststream.consuming import consuming
from tests.brokers.rig import queue_of
from tests.inbox.killed import append


async def main(connection: str, folder: Path) -> None:
    """Consume until nothing is left."""
    router = Router()

    @router.on("counted")
    async def handle(number: int) -> None:
        append(folder / "effects", number)

    @router.on("deadly")
    async def end(_: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    queue = queue_of(**json.loads(connection))
    async with (
        consuming(
            router,
            queue,
            concurrency=4,
            attempts=3,
            wait=0.01,
            longest_wait=0.1,
            grace=5,
        ) as workers,
    ):
        await workers.emptied()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]))
