"""What becomes of a context variable that a handler sets."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

import anyio
import pytest
from anyio import from_thread, to_thread

from eventrouter import Event, Result, Router
from tests.events import raw_event

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")

AddSetters: TypeAlias = Callable[[Router, int], None]

ONE_OR_SEVERAL = pytest.mark.parametrize("count", [1, 2])


def add_async_setters(router: Router, count: int) -> None:
    """Add handlers that return the variable as they found it, and set it to their number."""

    def add(number: int) -> None:
        @router.on("order.paid")
        async def handle(event: object) -> str:
            found = tenant.get()
            tenant.set(f"handler {number}")
            await anyio.lowlevel.checkpoint()
            assert tenant.get() == f"handler {number}"
            return found

    for number in range(1, count + 1):
        add(number)


def add_sync_setters(router: Router, count: int, thread: bool = True) -> None:
    def add(number: int) -> None:
        @router.on("order.paid", thread=thread)
        def handle(event: object) -> str:
            found = tenant.get()
            tenant.set(f"handler {number}")
            return found

    for number in range(1, count + 1):
        add(number)


def found_by_handlers(result: Result) -> list[str]:
    return [handler.value for handler in result.handlers]


@ONE_OR_SEVERAL
@pytest.mark.anyio
async def test_what_an_async_handler_sets_is_seen_by_the_next_and_by_the_caller(
    count: int,
) -> None:
    router = Router()
    add_async_setters(router, count)
    tenant.set("caller")

    result = await router.dispatch(raw_event())

    assert found_by_handlers(result) == ["caller", "handler 1"][:count]
    assert tenant.get() == f"handler {count}"


@ONE_OR_SEVERAL
@pytest.mark.anyio
async def test_what_an_inline_sync_handler_sets_is_seen_by_the_next_and_by_the_caller(
    count: int,
) -> None:
    router = Router()
    add_sync_setters(router, count, thread=False)
    tenant.set("caller")

    result = await router.dispatch(raw_event())

    assert found_by_handlers(result) == ["caller", "handler 1"][:count]
    assert tenant.get() == f"handler {count}"


@ONE_OR_SEVERAL
@pytest.mark.anyio
async def test_what_a_concurrent_handler_sets_is_seen_by_nobody_else(count: int) -> None:
    router = Router(concurrent=True)
    add_async_setters(router, count)
    tenant.set("caller")

    result = await router.dispatch(raw_event())

    assert found_by_handlers(result) == ["caller"] * count
    assert tenant.get() == "caller"


@pytest.mark.parametrize("concurrent", [False, True])
@ONE_OR_SEVERAL
@pytest.mark.anyio
async def test_what_a_handler_in_a_thread_sets_is_seen_by_nobody_else(
    count: int, concurrent: bool
) -> None:
    router = Router(concurrent=concurrent)
    add_sync_setters(router, count)
    tenant.set("caller")

    result = await router.dispatch(raw_event())

    assert found_by_handlers(result) == ["caller"] * count
    assert tenant.get() == "caller"


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("async_ones", [0, 1, 2])
@pytest.mark.parametrize("sync_ones", [0, 1, 2])
def test_what_a_handler_sets_in_dispatch_sync_is_not_seen_by_the_caller(
    sync_ones: int, async_ones: int, concurrent: bool
) -> None:
    router = Router(concurrent=concurrent, unrouted="ignore")
    add_sync_setters(router, sync_ones)
    add_async_setters(router, async_ones)
    token = tenant.set("caller")

    try:
        result = router.dispatch_sync(raw_event())
        assert tenant.get() == "caller"
    finally:
        tenant.reset(token)

    assert found_by_handlers(result)[:1] in ([], ["caller"])


@pytest.mark.parametrize("add_setters", [add_sync_setters, add_async_setters])
def test_what_a_concurrent_handler_sets_in_dispatch_sync_is_not_seen_by_the_next(
    add_setters: AddSetters,
) -> None:
    router = Router(concurrent=True)
    add_setters(router, 3)

    result = router.dispatch_sync(raw_event())

    assert found_by_handlers(result) == ["nobody"] * 3


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("add_setters", [add_sync_setters, add_async_setters])
@pytest.mark.anyio
async def test_what_a_before_hook_sets_is_seen_by_the_handlers(
    add_setters: AddSetters, concurrent: bool
) -> None:
    router = Router(concurrent=concurrent)
    add_setters(router, 1)

    @router.before
    def identify(event: Event[object]) -> None:
        tenant.set(event.metadata["tenant"])

    result = await router.dispatch(raw_event(tenant="shop 7"))

    assert found_by_handlers(result) == ["shop 7"]


@pytest.mark.parametrize("add_setters", [add_sync_setters, add_async_setters])
def test_what_a_before_hook_sets_is_seen_by_the_handlers_in_dispatch_sync(
    add_setters: AddSetters,
) -> None:
    router = Router()
    add_setters(router, 1)

    @router.before
    def identify(event: Event[object]) -> None:
        tenant.set(event.metadata["tenant"])

    result = router.dispatch_sync(raw_event(tenant="shop 7"))

    assert found_by_handlers(result) == ["shop 7"]
    assert tenant.get() == "nobody"


@pytest.mark.anyio
async def test_a_lone_concurrent_handler_is_in_the_context_of_a_thread_that_dispatches() -> None:
    """Trio runs what a thread asks for in the waiting task, with another context."""
    router = Router(concurrent=True)

    @router.on("outer")
    async def outer(event: object) -> str:
        return await to_thread.run_sync(set_and_dispatch)

    def set_and_dispatch() -> str:
        tenant.set("thread")
        found: str = from_thread.run(router.dispatch, raw_event("inner")).handlers[0].value
        return found

    @router.on("inner")
    async def inner(event: object) -> str:
        return tenant.get()

    result = await router.dispatch(raw_event("outer"))

    assert found_by_handlers(result) == ["thread"]
    assert tenant.get() == "nobody"
