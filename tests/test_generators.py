"""Handlers that yield run to their end, and what they yielded is what they gave."""

from __future__ import annotations

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from eventrouter import HandlerTimeout, RegistrationError, Retry, Router, Status
from eventrouter.testing import FakeSleep
from tests.events import Paid, raw_event

pytestmark = pytest.mark.anyio


def count(paid: Paid) -> Iterator[int]:
    yield 1
    yield 2


async def count_later(paid: Paid) -> AsyncIterator[int]:
    yield 1
    await anyio.lowlevel.checkpoint()
    yield 2


class Counting:
    def __call__(self, paid: Paid) -> Iterator[int]:
        yield from (1, 2)


class CountingLater:
    async def __call__(self, paid: Paid) -> AsyncIterator[int]:
        yield 1
        yield 2


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


def decorated_async(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


HANDLERS = [
    count,
    count_later,
    Counting(),
    CountingLater(),
    functools.partial(count),
    functools.partial(count_later),
    decorated(count),
    decorated(count_later),
    decorated_async(count),
    decorated_async(count_later),
]


@pytest.mark.parametrize("thread", [True, False])
@pytest.mark.parametrize("handler", HANDLERS)
async def test_the_value_is_the_tuple_of_what_was_yielded(
    handler: Callable[..., Any], thread: bool
) -> None:
    router = Router()
    router.add_route("order.paid", handler, thread=thread)

    for _ in range(2):  # the second is read straight
        result = await router.dispatch(raw_event())

        assert [handler.value for handler in result.handlers] == [(1, 2)]


@pytest.mark.parametrize("handler", HANDLERS)
def test_it_is_so_from_sync_code(handler: Callable[..., Any]) -> None:
    router = Router()
    router.add_route("order.paid", handler)

    assert router.dispatch_sync(raw_event()).handlers[0].value == (1, 2)


def test_a_sync_one_needs_no_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anyio, "run", None)
    router = Router()
    router.add_route("order.paid", count)

    assert router.dispatch_sync(raw_event()).handlers[0].value == (1, 2)


async def test_a_decorator_that_takes_what_is_yielded_gives_what_it_makes_of_it() -> None:
    router = Router()

    @functools.wraps(count)
    def summed(*arguments: Any) -> int:
        return sum(count(*arguments))

    router.add_route("order.paid", summed)

    assert (await router.dispatch(raw_event())).handlers[0].value == 3


async def test_a_sync_one_runs_in_one_worker_thread_from_its_start_to_its_end() -> None:
    router, threads = Router(), list[int]()

    @router.on("order.paid")
    def handle(paid: Paid) -> Iterator[int]:
        threads.append(threading.get_ident())
        yield 1
        threads.append(threading.get_ident())

    await router.dispatch(raw_event())

    assert len(threads) == 2
    assert len({*threads, threading.get_ident()}) == 2


async def test_one_that_raises_gives_nothing() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("the bank is away")

    result = await router.process(raw_event())

    assert (result.status, result.handlers[0].value) == (Status.FAILED, None)
    assert isinstance(result.error, ConnectionError)


@pytest.mark.parametrize("is_async", [True, False])
async def test_each_attempt_begins_anew(is_async: bool) -> None:
    router = Router(retry=Retry(3, on=OSError, wait=1), sleep=FakeSleep())
    begun = list[int]()

    def attempt() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ConnectionError

    @router.on("order.paid")
    async def handle_later(paid: Paid) -> AsyncIterator[str]:
        yield "a"
        attempt()
        yield "b"

    @router.on("order.sent")
    def handle(paid: Paid) -> Iterator[str]:
        yield "a"
        attempt()
        yield "b"

    result = await router.dispatch(raw_event("order.paid" if is_async else "order.sent"))

    assert (result.handlers[0].value, result.handlers[0].attempts) == (("a", "b"), 3)


async def test_one_that_takes_too_long_is_closed() -> None:
    router, closed = Router(), list[str]()

    @router.on("order.paid", timeout=0.01)
    async def handle(paid: Paid) -> AsyncIterator[int]:
        try:
            yield 1
            await anyio.sleep_forever()
        finally:
            closed.append("closed")

    result = await router.process(raw_event())

    assert isinstance(result.error, HandlerTimeout)
    assert closed == ["closed"]


async def test_one_that_is_cancelled_is_closed() -> None:
    router, said = Router(), list[str]()

    @router.on("order.paid")
    async def handle(paid: Paid) -> AsyncIterator[int]:
        try:
            yield 1
            tasks.cancel_scope.cancel()
            await anyio.sleep_forever()
        finally:
            said.append("closed")

    async def dispatch() -> None:
        await router.dispatch(raw_event())
        said.append("returned")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatch)

    assert said == ["closed"]


def test_a_sync_one_can_have_a_timeout_only_if_it_may_be_left_behind() -> None:
    with pytest.raises(RegistrationError, match="no thread can be stopped"):
        Router().add_route("order.paid", count, timeout=1)
    Router().add_route("order.paid", count, timeout=1, abandon=True)
    with pytest.raises(RegistrationError, match="is async, so a timeout cancels it"):
        Router().add_route("order.paid", count_later, timeout=1, abandon=True)


async def test_one_that_is_left_behind_gives_nothing() -> None:
    router, go_on = Router(), threading.Event()

    @router.on("order.paid", timeout=0.01, abandon=True)
    def handle(paid: Paid) -> Iterator[int]:
        yield 1
        assert go_on.wait(30)
        yield 2

    result = await router.process(raw_event())
    go_on.set()

    assert isinstance(result.error, HandlerTimeout)
    assert result.handlers[0].value is None
