"""An application that leaves an effect of each event, for workers that are killed."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import anyio
from psycopg import Connection

from eventrouter import Event, Idempotency, Router
from eventrouter.stores import PostgresStore, RedisStore
from tests.inbox.killed import append

#: Seconds that another delivery waits for a key whose process was killed.
LEASE = 10.0

FOLDER = Path(os.environ.get("COUNTING_FOLDER", "."))
SECONDS = float(os.environ.get("COUNTING_SECONDS", "0.02"))  # that a handler takes at most
STORE = os.environ.get("COUNTING_STORE", "none")


def plain(**settings: Any) -> Router:
    """Leaves a line in a file, which nothing can take back."""
    router = Router(**settings)

    @router.on("counted")
    async def count(number: int) -> None:
        await anyio.sleep(random.uniform(0, SECONDS / 2))
        append(FOLDER / "effects", number)
        await anyio.sleep(random.uniform(0, SECONDS / 2))

    return router


def remembered() -> Router:
    """The same, once for each event as far as Redis remembers it."""
    store = RedisStore(os.environ["COUNTING_SERVER"], prefix=os.environ["COUNTING_PLACE"])
    return plain(idempotency=Idempotency(store, lease=LEASE))


def transactional() -> Router:
    """Leaves a row, in the transaction that remembers that the event was handled."""
    place = os.environ["COUNTING_PLACE"]
    store = PostgresStore(os.environ["COUNTING_SERVER"], schema=place, connections=8)
    router = Router(idempotency=Idempotency(store, lease=LEASE), max_threads=8)

    insert = f"INSERT INTO {place}_effects.effects VALUES (%s)".encode()

    @router.on("counted")
    def count(event: Event[int], connection: Connection) -> None:
        time.sleep(random.uniform(0, SECONDS / 2))
        connection.execute(insert, [event.payload])
        time.sleep(random.uniform(0, SECONDS / 2))

    return router


router = {"none": plain, "redis": remembered, "postgres": transactional}[STORE]()
