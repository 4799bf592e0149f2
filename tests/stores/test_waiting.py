"""Stores in event loops, in threads, and where a task is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from eventrouter import SqliteStore, Status
from eventrouter.contexts import driven, in_new_loop
from eventrouter.stores import PostgresStore
from tests.postgres import postgres_store
from tests.services import POSTGRES

pytestmark = pytest.mark.anyio

AnyStore: TypeAlias = SqliteStore | PostgresStore


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[AnyStore]:
    if request.param == "PostgreSQL":
        with postgres_store() as in_database:
            driven(in_database.count_entries())  # makes the tables
            yield in_database
        return
    with closing(SqliteStore(tmp_path / "events.db")) as store:
        yield store


@pytest.fixture
def held(store: AnyStore) -> tuple[threading.Event, ...]:
    """What says that the store is in the midst of a claim, and what lets it go on."""
    entered, go_on = threading.Event(), threading.Event()

    def clock() -> float:
        entered.set()
        assert go_on.wait(10)
        return 1_000.0

    if isinstance(store, PostgresStore):
        store._database._clock = clock
    else:
        object.__setattr__(store, "clock", clock)
    return entered, go_on


async def test_the_loop_goes_on_while_the_store_works(
    store: AnyStore, held: tuple[threading.Event, ...]
) -> None:
    entered, go_on = held

    async def let_go() -> None:
        while not entered.is_set():
            await anyio.lowlevel.checkpoint()
        go_on.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(let_go)
        assert (await store.claim("a", 60)).refused is None


async def test_a_cancelled_task_ends_when_the_store_has_done_all(
    store: AnyStore, held: tuple[threading.Event, ...]
) -> None:
    entered, go_on = held

    async def let_go() -> None:
        while not entered.is_set():
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
        go_on.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(let_go)
        await store.claim("a", 60)

    assert (await store.claim("a", 60)).refused is Status.IN_PROGRESS


async def test_a_task_cancelled_before_the_store_began_has_done_nothing(
    store: AnyStore,
) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.claim("a", 60)

    assert (await store.claim("a", 60)).refused is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_task_that_asyncio_interrupts_leaves_nothing_half_done(
    store: AnyStore, held: tuple[threading.Event, ...]
) -> None:
    entered, go_on = held
    task = asyncio.create_task(store.claim("a", 60))
    await asyncio.to_thread(entered.wait, 10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()

    assert (await store.claim("a", 60)).refused is Status.IN_PROGRESS


def test_without_a_loop_nothing_waits_for_one(store: AnyStore) -> None:
    """As ``driven`` would find out."""
    assert driven(store.claim("a", 60)).refused is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_thread_that_a_loop_started_has_no_loop(store: AnyStore) -> None:
    claim = await anyio.to_thread.run_sync(lambda: driven(store.claim("a", 60)))

    assert claim.refused is None


def test_one_loop_after_the_other_may_use_it(store: AnyStore) -> None:
    refused = [in_new_loop(store.claim, "a", 60).refused for _ in range(3)]

    assert refused == [None, Status.IN_PROGRESS, Status.IN_PROGRESS]


async def test_two_stores_of_the_same_in_one_loop(store: AnyStore) -> None:
    another = (
        PostgresStore(POSTGRES, schema=store.schema, connections=3)
        if isinstance(store, PostgresStore)
        else SqliteStore(store.path)
    )
    with closing(another) as other:
        claims: list[Any] = []

        async def claim(one: AnyStore) -> None:
            claims.append((await one.claim("a", 60)).refused)

        async with anyio.create_task_group() as tasks:
            for one in (store, other) * 10:
                tasks.start_soon(claim, one)

    assert claims.count(None) == 1
