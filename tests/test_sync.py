"""Dispatching from sync code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest
import trio
from anyio import to_thread

from eventrouter import CallNext, Event, EventLoopRunning, Result, Router, Status
from tests.events import Paid, raw_event


class Database:
    """Something to be provided."""


def loop_runs() -> bool:
    return asyncio._get_running_loop() is not None or trio.lowlevel.in_trio_run()


def observing_router(**settings: Any) -> Router:
    """A router with a sync handler that returns whether an event loop runs."""
    router = Router(**settings)

    @router.on("order.paid")
    def observe(paid: Paid) -> bool:
        return loop_runs()

    return router


# Where no loop is needed


@pytest.mark.parametrize("concurrent", [False, True])
def test_sync_handlers_run_without_an_event_loop_in_this_thread(concurrent: bool) -> None:
    router = observing_router(concurrent=concurrent)

    @router.on("order.paid")
    def where(paid: Paid) -> int:
        return threading.get_ident()

    result = router.dispatch_sync(raw_event())

    assert [handler.value for handler in result.handlers] == [False, threading.get_ident()]


def test_sync_hooks_and_providers_need_no_event_loop() -> None:
    router = Router()
    seen: list[tuple[str, bool]] = []

    @router.before
    def before(event: Event[Any]) -> None:
        seen.append(("before", loop_runs()))

    @router.after
    def after(event: Event[Any], error: BaseException | None) -> None:
        seen.append(("after", loop_runs()))

    @contextmanager
    def connect() -> Iterator[Database]:
        seen.append(("open", loop_runs()))
        yield Database()
        seen.append(("close", loop_runs()))

    router.provide(Database, connect)

    @router.on("order.paid")
    def handle(paid: Paid, database: Database) -> None:
        seen.append(("handler", loop_runs()))

    router.dispatch_sync(raw_event())

    assert seen == [(name, False) for name in ("before", "open", "handler", "close", "after")]


def test_an_event_without_async_handlers_needs_no_loop_though_others_have_some() -> None:
    router = observing_router()

    @router.on("order.sent")
    async def handle(payload: object) -> None: ...

    assert router.dispatch_sync(raw_event()).handlers[0].value is False


def test_malformed_unrouted_and_invalid_events_need_no_loop() -> None:
    router = observing_router()

    statuses = [
        router.process_sync(raw).status
        for raw in (b"{", raw_event("order.lost"), raw_event(payload=None))
    ]

    assert statuses == [Status.MALFORMED, Status.UNROUTED, Status.INVALID]


# Where one is


def test_an_async_handler_runs_in_a_loop_in_this_thread() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> tuple[bool, int]:
        await anyio.lowlevel.checkpoint()
        return loop_runs(), threading.get_ident()

    result = router.dispatch_sync(raw_event())

    assert result.handlers[0].value == (True, threading.get_ident())


def test_a_sync_handler_beside_an_async_one_still_runs_in_this_thread() -> None:
    router = Router()

    @router.on("order.paid")
    def handle(paid: Paid) -> int:
        return threading.get_ident()

    @router.on("order.paid")
    async def other(paid: Paid) -> None: ...

    assert router.dispatch_sync(raw_event()).handlers[0].value == threading.get_ident()


def test_an_async_before_hook_gets_a_loop() -> None:
    router = observing_router()

    @router.before
    async def before(event: Event[Any]) -> None:
        await anyio.lowlevel.checkpoint()

    assert router.dispatch_sync(raw_event()).handlers[0].value is True


def test_an_async_after_hook_gets_a_loop() -> None:
    router = observing_router()
    seen: list[bool] = []

    @router.after
    async def after(event: Event[Any], error: BaseException | None) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(loop_runs())

    router.dispatch_sync(raw_event())

    assert seen == [True]


def test_middleware_gets_a_loop() -> None:
    router = observing_router()

    @router.middleware
    async def around(event: Event[Any], call_next: CallNext) -> Result:
        await anyio.lowlevel.checkpoint()
        return await call_next(event)

    assert router.dispatch_sync(raw_event()).handlers[0].value is True


def test_what_is_around_an_included_router_gets_a_loop() -> None:
    inner, router = observing_router(), Router()

    @inner.before
    async def before(event: Event[Any]) -> None:
        await anyio.lowlevel.checkpoint()

    router.include(inner)

    assert router.dispatch_sync(raw_event()).handlers[0].value is True


async def make_database() -> Database:
    await anyio.lowlevel.checkpoint()
    return Database()


@asynccontextmanager
async def open_database() -> AsyncIterator[Database]:
    await anyio.lowlevel.checkpoint()
    yield Database()
    await anyio.lowlevel.checkpoint()


class AsyncDatabase(Database):
    async def __aenter__(self) -> AsyncDatabase:
        await anyio.lowlevel.checkpoint()
        return self

    async def __aexit__(self, *_: object) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("factory", [make_database, open_database, AsyncDatabase])
def test_an_async_provider_gets_a_loop(factory: Any) -> None:
    router = Router()
    router.provide(Database, factory)

    @router.on("order.paid")
    def handle(paid: Paid, database: Database) -> tuple[bool, bool]:
        return isinstance(database, Database), loop_runs()

    assert router.dispatch_sync(raw_event()).handlers[0].value == (True, True)


@pytest.mark.parametrize("concurrent", [False, True])
def test_no_loop_is_left_running(concurrent: bool) -> None:
    router = Router(concurrent=concurrent)

    @router.on("order.paid")
    async def handle(paid: Paid) -> None: ...

    for _ in range(3):
        router.dispatch_sync(raw_event())

    assert not loop_runs()


# Async that does not look it


def test_a_hook_that_does_not_look_async_is_awaited_all_the_same() -> None:
    router = observing_router()
    seen: list[str] = []

    async def wait(name: str) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(name)

    router.before(lambda event: wait("before"))
    router.after(lambda event, error: wait("after"))

    assert router.process_sync(raw_event()).ok
    assert seen == ["before", "after"]


def test_a_provider_that_does_not_look_async_is_awaited_all_the_same() -> None:
    router = Router()
    router.provide(Database, lambda: make_database())

    @router.on("order.paid")
    def handle(paid: Paid, database: Database) -> bool:
        return isinstance(database, Database)

    assert router.dispatch_sync(raw_event()).handlers[0].value is True


def test_an_async_context_manager_that_does_not_look_it_is_an_error_that_says_so() -> None:
    router = Router()
    router.provide(Database, lambda: AsyncDatabase())

    @router.on("order.paid")
    def handle(paid: Paid, database: Database) -> None: ...

    result = router.process_sync(raw_event())

    assert result.status is Status.FAILED
    assert "async context manager" in str(result.error)


# Within an event loop


@pytest.mark.parametrize("method", ["dispatch_sync", "process_sync"])
@pytest.mark.anyio
async def test_it_is_refused_within_a_loop_and_says_what_to_call(method: str) -> None:
    router = observing_router()

    with pytest.raises(EventLoopRunning, match=r"await router\.dispatch\(\.\.\.\)"):
        getattr(router, method)(raw_event())


@pytest.mark.anyio
async def test_it_is_refused_within_an_async_handler() -> None:
    router = observing_router()

    @router.on("outer")
    async def outer(event: object) -> None:
        router.dispatch_sync(raw_event())

    assert isinstance((await router.process(raw_event("outer"))).error, EventLoopRunning)


@pytest.mark.anyio
async def test_it_is_allowed_in_a_worker_thread_of_a_loop() -> None:
    result = await to_thread.run_sync(observing_router().dispatch_sync, raw_event())

    assert result.handlers[0].value is False


@pytest.mark.anyio
async def test_an_async_handler_gets_a_loop_in_a_worker_thread_of_a_loop() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> bool:
        await anyio.lowlevel.checkpoint()
        return loop_runs()

    result = await to_thread.run_sync(router.dispatch_sync, raw_event())

    assert result.handlers[0].value is True


# Nested


def test_a_sync_handler_may_dispatch_again() -> None:
    router = observing_router()

    @router.on("outer")
    def outer(event: object) -> Result:
        return router.dispatch_sync(raw_event())

    result = router.dispatch_sync(raw_event("outer"))

    assert result.handlers[0].value.handlers[0].value is False


def test_a_sync_handler_may_dispatch_again_to_an_async_one() -> None:
    router = Router()

    @router.on("outer")
    def outer(event: object) -> Result:
        return router.dispatch_sync(raw_event())

    @router.on("order.paid")
    async def handle(paid: Paid) -> int:
        await anyio.lowlevel.checkpoint()
        return paid.cents

    result = router.dispatch_sync(raw_event("outer"))

    assert result.handlers[0].value.handlers[0].value == 995


@pytest.mark.anyio
async def test_a_sync_handler_in_a_thread_may_dispatch_again() -> None:
    router = observing_router()

    @router.on("outer")
    def outer(event: object) -> Result:
        return router.dispatch_sync(raw_event())

    result = await router.dispatch(raw_event("outer"))

    assert result.handlers[0].value.handlers[0].value is False


def test_a_thread_of_a_loop_may_start_a_loop_of_its_own() -> None:
    router = Router()

    @router.on("user.created")
    async def handle(payload: Any) -> str:
        return "handled"

    async def main() -> Result:
        # Unlike anyio's, these threads keep what says that asyncio runs.
        return await asyncio.to_thread(router.dispatch_sync, {"event_type": "user.created"})

    assert anyio.run(main).handlers[0].value == "handled"
