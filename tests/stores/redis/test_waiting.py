"""The store in event loops, in threads, and where a task is cancelled or a connection killed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Lock
from uuid import uuid4

import anyio
import anyio.lowlevel
import pytest

from eventrouter import Router, Status
from eventrouter.contexts import driven, in_new_loop
from eventrouter.stores import RedisStore
from tests.events import raw_event
from tests.services import REDIS
from tests.stores.redis.servers import OwnServer, emptied, own_server, require_redis


@pytest.fixture
def store() -> Iterator[RedisStore]:
    require_redis()
    prefix = f"test-{uuid4().hex}:"
    with emptied(prefix), closing(RedisStore(REDIS, prefix=prefix)) as store:
        yield store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as server:
        yield server


@pytest.mark.anyio
async def test_the_loop_goes_on_while_the_server_does_not(server: OwnServer) -> None:
    with closing(server.store()) as store:
        await store.check()
        server.pause()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.claim, "a", 60)
                await anyio.wait_all_tasks_blocked()
                server.go_on()
        finally:
            server.go_on()

        assert (await store.claim("a", 60)).refused is Status.IN_PROGRESS


@pytest.mark.anyio
async def test_a_cancelled_task_ends_when_the_server_has_answered(server: OwnServer) -> None:
    with closing(server.store()) as store:
        await store.check()
        server.pause()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.claim, "a", 60)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
                server.go_on()
        finally:
            server.go_on()

        assert (await store.claim("a", 60)).refused is Status.IN_PROGRESS


@pytest.mark.anyio
async def test_a_task_cancelled_before_it_asked_has_done_nothing(store: RedisStore) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.claim("a", 60)

    assert (await store.claim("a", 60)).refused is None


@pytest.mark.anyio
async def test_handlers_of_a_router_run_once(store: RedisStore) -> None:
    router = Router(idempotency=store)

    @router.on("order.paid")
    async def charge(payload: object) -> None: ...

    statuses = [(await router.process(raw_event(id="e-1"))).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]


def test_without_a_loop_nothing_waits_for_one(store: RedisStore) -> None:
    """As ``dispatch_sync`` would find out."""
    router = Router(idempotency=store)

    @router.on("order.paid")
    def charge(payload: object) -> None: ...

    statuses = [router.process_sync(raw_event(id="e-1")).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]


def test_one_loop_after_the_other_may_use_it(store: RedisStore) -> None:
    refused = [in_new_loop(store.claim, "a", 60).refused for _ in range(3)]

    assert refused == [None, Status.IN_PROGRESS, Status.IN_PROGRESS]


def test_a_store_that_was_closed_opens_its_connections_again(store: RedisStore) -> None:
    driven(store.claim("a", 60))
    store.close()

    assert driven(store.claim("a", 60)).refused is Status.IN_PROGRESS


def test_a_client_that_was_given_is_not_closed(server: OwnServer) -> None:
    with server.client() as client, closing(RedisStore(client)) as store:
        driven(store.claim("a", 60))
        before = client.client_id()
        store.close()

        assert client.client_id() == before


def test_many_threads_whose_connections_are_killed_each_get_what_is_theirs(
    server: OwnServer,
) -> None:
    with (
        closing(server.store()) as store,
        server.client() as client,
        ThreadPoolExecutor(8) as threads,
    ):
        one_at_a_time = Lock()

        def claim(number: int) -> Status | None:
            if number % 4 == 0:
                with one_at_a_time:  # or they kill one another's connections
                    client.client_kill_filter(_type="normal", skipme=True)
            return driven(store.claim(f"{number % 50}", 60)).refused

        refused = list(threads.map(claim, range(400)))

        assert refused.count(None) == 50
        assert refused.count(Status.IN_PROGRESS) == 350
