"""What it costs to claim a key and complete it, however many are remembered."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast
from uuid import uuid4

import anyio.to_thread
import redis.asyncio

from benchmarks.rounds import Run, measure
from benchmarks.tables.effort import Effort
from eventrouter import MemoryStore, SqliteStore, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import IdempotencyStore, PostgresStore, RedisStore, make_key
from eventrouter.stores.redis.scripts import CLAIM, COMPLETE
from eventrouter.stores.sqlite.database import Database

T = TypeVar("T")

POSTGRES = os.environ.get("EVENTROUTER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
LEASE = 60
TTL = 7 * 86_400


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of a claim and its completion by store and number of keys."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder), effort))


async def _measured(folder: Path, effort: Effort) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        return await _measured_with(stack, folder, effort)


async def _measured_with(stack: AsyncExitStack, folder: Path, effort: Effort) -> dict[str, Any]:
    runs: dict[str, Run] = {}
    for number in effort.keys:
        memory, sqlite = MemoryStore(), SqliteStore(folder / f"{number}.db")
        await remember(memory, number)
        fill(sqlite, number)
        runs[f"memory {number}"] = claims_of(memory)
        runs[f"SQLite {number}"] = claims_of(sqlite)
        runs[f"SQLite, the disk not waited for {number}"] = claims_of(unsynced(sqlite))
        postgres = stack.enter_context(postgres_store())
        if postgres is not None:
            fill_database(postgres, number)
            runs[f"PostgreSQL {number}"] = claims_of(postgres)
            runs[f"PostgreSQL, in a transaction {number}"] = transactions_of(postgres)
    servers = await stack.enter_async_context(on_server())
    runs |= {f"{name} {effort.keys[0]}": run for name, run in servers.items()}
    # A turn is long, so that each pays its share of what SQLite does once in a while.
    seconds = await measure(runs, rounds=max(1, effort.rounds // 3), turn=effort.turn * 40)
    stores: dict[str, dict[str, float]] = {}
    for name, taken in seconds.items():
        store, _, number_of_keys = name.rpartition(" ")
        stores.setdefault(store, {})[number_of_keys] = taken
    return {"seconds": stores}


def claims_of(store: IdempotencyStore) -> Run:
    """Claims keys that are new, as those of most events are, and completes them."""

    async def run(calls: int) -> None:
        await remember(store, calls)

    return run


async def remember(store: IdempotencyStore, number: int) -> None:
    for _ in range(number):
        claim = await store.claim(new_key(), LEASE)
        if not await store.complete(claim, TTL):
            raise AssertionError("a claim was lost")


def fill(store: SqliteStore, number: int) -> None:
    """Write that many completed keys at once, which one by one would take an hour."""
    until = int((time.time() + TTL) * 1_000_000)
    rows = [(key, "0123456789abcdef", 1, until) for key in sorted(new_key() for _ in range(number))]
    store._database.write(
        lambda connection: connection.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", rows),
        synced=False,
    )


@contextmanager
def postgres_store() -> Generator[PostgresStore | None]:
    """A store in a schema of its own, which is dropped then; None if there is no server."""
    store = PostgresStore(POSTGRES, schema=f"benchmarks_{uuid4().hex}", timeout=600)
    try:
        driven(store.count_entries())
    except StoreError:
        yield None
        return
    try:
        yield store
    finally:
        store._database.do(lambda session: session.execute("DROP SCHEMA {schema} CASCADE"))
        store.close()


def fill_database(store: PostgresStore, number: int) -> None:
    store._database.do(
        lambda session: session.execute(
            "INSERT INTO {schema}.keys SELECT format(%(form)s, gen_random_uuid()),"
            " '0123456789abcdef', true, now() + %(ttl)s FROM generate_series(1, %(number)s)",
            form=make_key("user_service", "%s", "shop.handlers.send_welcome"),
            ttl=timedelta(seconds=TTL),
            number=number,
        )
    )


def transactions_of(store: PostgresStore) -> Run:
    """Completes keys that are new, each in a transaction that does nothing else."""

    async def run(calls: int) -> None:
        for _ in range(calls):
            work = partial(store.transact, new_key(), TTL, lambda _: (None, ()))
            await anyio.to_thread.run_sync(work)

    return run


class Unsynced(Database):
    """Leaves it to the system when the disk writes, so that SQLite alone is timed."""

    def write(self, work: Callable[[Connection], T], *, synced: bool) -> T:
        return super().write(work, synced=False)


def unsynced(store: SqliteStore) -> SqliteStore:
    """The same file."""
    other = SqliteStore(store.path)
    object.__setattr__(other, "_database", Unsynced(store.path, store.timeout))
    return other


@asynccontextmanager
async def on_server() -> AsyncGenerator[dict[str, Run]]:
    """A Redis server that runs, by the store and by hand in the loop; nothing if none does."""
    url = os.environ.get("EVENTROUTER_TEST_REDIS", "redis://127.0.0.1:6379")
    prefix = f"benchmark-{uuid4().hex}:"
    store, client = RedisStore(url, prefix=prefix), cast("Any", redis.asyncio.Redis).from_url(url)
    try:
        try:
            await store.check()
        except StoreError:
            yield {}
            return
        await remember(store, 1)  # so that the server knows the scripts
        yield {"Redis": claims_of(store), "Redis, redis.asyncio by hand": by_hand(client, prefix)}
        async for key in client.scan_iter(match=f"{prefix}*", count=10_000):
            await client.unlink(key)
    finally:
        store.close()
        await client.aclose()


def by_hand(client: Any, prefix: str) -> Run:
    """The same scripts, awaited where the store waits in a thread."""

    async def run(calls: int) -> None:
        for _ in range(calls):
            key = prefix + new_key()
            await client.evalsha(CLAIM.digest, 1, key, "0", LEASE * 1_000)
            await client.evalsha(COMPLETE.digest, 1, key, "0", TTL * 1_000)

    return run


def new_key() -> str:
    return make_key("user_service", str(uuid4()), "shop.handlers.send_welcome")


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'claim and complete':44}{'median':>12}{'x the fewest':>15}", ""]
    for store, seconds in table["seconds"].items():
        fewest = next(iter(seconds.values()))
        shown += [
            f"{f'{store}, {int(number):,} keys':44}{taken * 1e6:9.2f} µs{taken / fewest:15.2f}"
            for number, taken in seconds.items()
        ]
    return shown
