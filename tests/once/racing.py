"""A process that handles the same events as others do, each in a transaction, to be killed."""

from __future__ import annotations

import random
import sys
import time

import anyio
from psycopg import Connection

from eventrouter import Event, Router
from eventrouter.stores import PostgresStore
from tests.events import raw_event
from tests.postgres import Effects
from tests.services import POSTGRES

AT_ONCE = 4


async def main(schema: str, effects: Effects, events: int, backend: str) -> None:
    """Have each event delivered, in any order, until it was handled, here or elsewhere."""
    store = PostgresStore(POSTGRES, schema=schema, connections=2)
    router = Router(idempotency=store, max_threads=AT_ONCE)

    @router.on("counted")
    def count(event: Event[int], connection: Connection) -> None:
        time.sleep(random.uniform(0, 0.01))
        connection.execute(effects.insert, [event.id])
        time.sleep(random.uniform(0, 0.01))

    router.compile()
    print("ready", flush=True)
    left = random.sample(range(events), events)

    async def deliver() -> None:
        while left:
            number = left.pop()
            result = await router.process(raw_event("counted", number, id=str(number)))
            if result.error is not None:
                raise result.error
            if not result.ok:
                left.insert(0, number)
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(deliver)
    store.close()


if __name__ == "__main__":
    schema, table, number, backend = sys.argv[1:]
    anyio.run(main, schema, Effects(table), int(number), backend, backend=backend)
