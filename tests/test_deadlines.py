"""Handlers that take longer than they may."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio
import trio.testing

from eventrouter import (
    EventRouterError,
    HandlerTimeout,
    RegistrationError,
    Result,
    Retry,
    Router,
    Status,
    TooManyAbandoned,
)
from eventrouter.testing import FakeSleep, Recorder
from eventrouter.threads import WorkerThreads
from tests.events import Paid, raw_event

SOON = 0.01  # seconds; what is ended then would else run for ever
BEGUN = 0.2  # seconds; the same for what runs in a thread, which first has to begin
NEVER = 60  # seconds; what has that long is done at once
GUARD = 10  # seconds; only in case of a deadlock


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What threads wait for; open at the end, whatever happens."""
    gate = threading.Event()
    yield gate
    gate.set()


def left_behind(router: Router, count: int) -> bool:
    """Whether so many threads of the router are left behind, or will be within a while."""
    for _ in range(1000):
        if router.abandoned_threads == count:
            return True
        threading.Event().wait(0.01)
    return False


# Async handlers


def add_waiting(router: Router, **policy: Any) -> None:
    @router.on("order.paid", **policy)
    async def wait(paid: Paid) -> None:
        await anyio.sleep_forever()


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("seconds", [SOON, timedelta(seconds=SOON)])
@pytest.mark.anyio
async def test_an_async_handler_is_cancelled_when_its_time_is_over(
    seconds: Any, concurrent: bool
) -> None:
    router = Router(concurrent=concurrent)
    ended: list[BaseException] = []

    @router.on("order.paid", timeout=seconds)
    async def wait(paid: Paid) -> None:
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            ended.append(error)
            raise

    with pytest.raises(HandlerTimeout, match=r"wait took longer than 0\.01 s") as caught:
        await router.dispatch(raw_event())

    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, EventRouterError)
    assert isinstance(ended[0], anyio.get_cancelled_exc_class())


@pytest.mark.anyio
async def test_other_handlers_run_all_the_same() -> None:
    router, recorder = Router(), Recorder()
    add_waiting(router, timeout=SOON)
    router.on("order.paid", timeout=NEVER)(recorder)

    result = await router.process(raw_event())

    assert [type(handler.error) for handler in result.handlers] == [HandlerTimeout, type(None)]
    assert (result.status, result.retryable, len(recorder.events)) == (Status.FAILED, True, 1)


@pytest.mark.anyio
async def test_a_timeout_is_retried_as_the_timeout_error_it_is() -> None:
    """The deadline is that of each attempt."""
    router = Router(sleep=FakeSleep())
    add_waiting(router, timeout=SOON, retry=Retry(3, on=TimeoutError))

    [handler] = (await router.process(raw_event())).handlers

    assert handler.attempts == 3
    assert {type(attempt.error) for attempt in handler.earlier} == {HandlerTimeout}


@pytest.mark.anyio
async def test_a_cancellation_from_outside_stays_one() -> None:
    router = Router()
    with anyio.CancelScope() as scope:

        @router.on("order.paid", timeout=NEVER, retry=Retry(3, on=Exception))
        async def wait(paid: Paid) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await router.process(raw_event())

    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_a_handler_s_own_timeout_error_is_its_own() -> None:
    router = Router()

    @router.on("order.paid", timeout=NEVER)
    async def wait(paid: Paid) -> None:
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    result = await router.process(raw_event())

    assert type(result.error) is TimeoutError


@pytest.mark.anyio
async def test_what_a_handler_returns_although_it_was_cancelled_counts() -> None:
    router = Router()

    @router.on("order.paid", timeout=SOON)
    async def save(paid: Paid) -> str:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(2 * SOON)
        return "saved"

    assert (await router.process(raw_event())).handlers[0].value == "saved"


def test_a_deadline_is_counted_by_the_event_loop_s_clock() -> None:
    router = Router()

    @router.on("order.paid", timeout=3600)
    async def wait(paid: Paid) -> None:
        await trio.sleep(3601 if paid.cents else 3599)

    async def process(cents: int) -> Any:
        return await router.process(raw_event(payload={"order": "o-1", "cents": cents}))

    late = trio.run(process, 1, clock=trio.testing.MockClock(autojump_threshold=0))
    in_time = trio.run(process, 0, clock=trio.testing.MockClock(autojump_threshold=0))

    assert isinstance(late.error, HandlerTimeout)
    assert in_time.ok


def test_waits_and_attempts_pass_by_the_event_loop_s_clock() -> None:
    router = Router()
    began: list[float] = []

    @router.on("order.paid", timeout=10, retry=Retry(3, on=TimeoutError, wait=5, jitter=0))
    async def wait(paid: Paid) -> None:
        began.append(trio.current_time())
        await trio.sleep_forever()

    trio.run(router.process, raw_event(), clock=trio.testing.MockClock(autojump_threshold=0))

    assert [round(moment - began[0]) for moment in began] == [0, 15, 30]


def test_an_async_handler_s_deadline_holds_from_sync_code() -> None:
    router = Router()
    add_waiting(router, timeout=SOON)

    assert isinstance(router.process_sync(raw_event()).error, HandlerTimeout)


# Sync handlers


def do_nothing(paid: Paid) -> None: ...


def sync_handler(paid: Paid) -> None:
    raise AssertionError("it is never called")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "no thread can be stopped"),
        ({"thread": False}, "thread=False: nothing can end it"),
        ({"thread": False, "abandon": True}, "thread=False: nothing can end it"),
    ],
    ids=str,
)
def test_a_deadline_that_a_sync_handler_can_t_keep_is_refused(
    settings: dict[str, Any], text: str
) -> None:
    with pytest.raises(RegistrationError, match=rf"sync_handler \(.*{text}"):
        Router().on("order.paid", timeout=5, **settings)(sync_handler)


def test_so_is_the_deadline_of_its_router() -> None:
    with pytest.raises(RegistrationError, match="no thread can be stopped"):
        Router(timeout=5).on("order.paid")(sync_handler)


def test_so_is_that_of_a_router_around_when_it_is_compiled() -> None:
    included, router = Router(), Router(timeout=5)
    included.on("order.paid")(sync_handler)
    router.include(included)

    with pytest.raises(RegistrationError, match="no thread can be stopped"):
        router.compile()


def test_timeout_none_lets_it_take_as_long_as_it_likes() -> None:
    router = Router(timeout=5)
    router.on("order.paid", timeout=None)(sync_handler)

    assert router.routes()[0].policy.timeout is None


def test_an_async_handler_is_not_abandoned() -> None:
    with pytest.raises(RegistrationError, match="remove abandon=True"):
        add_waiting(Router(), timeout=5, abandon=True)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "5", True])
def test_a_timeout_that_can_t_work_is_refused(timeout: Any) -> None:
    with pytest.raises(RegistrationError, match="timeout="):
        Router(timeout=timeout)


def add_blocking(router: Router, gate: threading.Event, **policy: Any) -> None:
    @router.on("order.paid", timeout=BEGUN, abandon=True, **policy)
    def block(paid: Paid) -> None:
        gate.wait(GUARD)


@pytest.mark.anyio
async def test_a_thread_is_left_behind_and_counted_while_it_runs(gate: threading.Event) -> None:
    router, recorder = Router(), Recorder()
    add_blocking(router, gate)
    router.on("order.paid")(recorder)

    result = await router.process(raw_event())

    assert isinstance(result.error, HandlerTimeout)
    assert len(recorder.events) == 1
    assert router.abandoned_threads == 1
    gate.set()
    assert left_behind(router, 0)


@pytest.mark.anyio
async def test_a_sync_handler_that_is_in_time_is_not_left_behind() -> None:
    router = Router()

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def handle(paid: Paid) -> int:
        return paid.cents

    assert (await router.process(raw_event())).handlers[0].value == 995
    assert router.abandoned_threads == 0


@pytest.mark.anyio
async def test_what_it_raises_in_time_is_its_error() -> None:
    router = Router()

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def handle(paid: Paid) -> None:
        raise ConnectionError("its own")

    assert isinstance((await router.process(raw_event())).error, ConnectionError)


@pytest.mark.anyio
async def test_what_ends_the_program_in_a_thread_ends_it() -> None:
    router = Router()

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def handle(paid: Paid) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        await router.process(raw_event())

    assert router.abandoned_threads == 0


@pytest.mark.anyio
async def test_no_other_is_started_while_too_many_are_left_behind(gate: threading.Event) -> None:
    router = Router(max_abandoned=2, sleep=FakeSleep())
    add_blocking(router, gate, retry=Retry(5, on=(TimeoutError, TooManyAbandoned)))

    [handler] = (await router.process(raw_event())).handlers

    assert isinstance(handler.error, TooManyAbandoned)
    assert "2 threads of handlers" in str(handler.error)
    errors = [type(attempt.error) for attempt in handler.earlier]
    assert errors == [HandlerTimeout] * 2 + [TooManyAbandoned] * 2
    assert router.abandoned_threads == 2
    gate.set()
    assert left_behind(router, 0)
    router.on("order.sent", timeout=NEVER, abandon=True)(do_nothing)
    assert (await router.process(raw_event("order.sent"))).ok


@pytest.mark.anyio
async def test_no_more_are_left_behind_than_may_run_and_may_be_left(gate: threading.Event) -> None:
    router = Router(max_threads=3, max_abandoned=1)
    add_blocking(router, gate)

    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(router.process, raw_event())

    assert 1 <= router.abandoned_threads <= 3
    gate.set()
    assert left_behind(router, 0)


@pytest.mark.anyio
async def test_a_thread_left_behind_is_in_no_one_s_way(gate: threading.Event) -> None:
    router = Router(max_threads=1)
    add_blocking(router, gate)
    router.on("order.sent")(do_nothing)

    with anyio.fail_after(GUARD):
        await router.process(raw_event())
        assert (await router.process(raw_event("order.sent"))).ok


def test_waiting_for_a_free_thread_does_not_count(gate: threading.Event) -> None:
    router = Router(max_threads=1)
    clock = trio.testing.MockClock()

    @router.on("order.held")
    def hold(payload: Any) -> None:
        gate.wait(GUARD)

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def handle(paid: Paid) -> None: ...

    async def process_both() -> None:
        async with trio.open_nursery() as tasks:
            for event_type in ("order.held", "order.paid"):
                tasks.start_soon(process, event_type)
                await trio.testing.wait_all_tasks_blocked()
            clock.jump(2 * NEVER)
            gate.set()

    async def process(event_type: str) -> None:
        results.append(await router.process(raw_event(event_type)))

    results: list[Result] = []
    trio.run(process_both, clock=clock)

    assert [result.ok for result in results] == [True, True]


@pytest.mark.anyio
async def test_a_cancelled_caller_waits_for_a_handler_that_may_be_left() -> None:
    router = Router()
    finished: list[str] = []
    with anyio.CancelScope() as scope:

        @router.on("order.paid", timeout=NEVER, abandon=True)
        def cancel(paid: Paid) -> None:
            anyio.from_thread.run_sync(scope.cancel)
            finished.append("finished")

        await router.process(raw_event())

    assert finished == ["finished"]
    assert router.abandoned_threads == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_thread_that_a_task_is_cancelled_around_is_left_behind_too(
    gate: threading.Event, anyio_backend: str
) -> None:
    """asyncio's own cancellation goes through a shield."""
    router, begun = Router(), threading.Event()

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def block(paid: Paid) -> None:
        begun.set()
        gate.wait(GUARD)

    task = asyncio.create_task(router.process(raw_event()))
    await anyio.to_thread.run_sync(begun.wait, GUARD)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert router.abandoned_threads == 1


@pytest.mark.anyio
async def test_a_call_whose_time_is_over_before_its_thread_begins_is_not_made() -> None:
    threads = WorkerThreads(1, 1)

    assert await threads.run_or_abandon(lambda: "made", 0) is None
    assert threads.abandoned == 0


@pytest.mark.anyio
async def test_a_handler_in_the_only_thread_may_dispatch_to_one_that_may_be_left() -> None:
    router = Router(max_threads=1)

    @router.on("order.paid", timeout=NEVER, abandon=True)
    def outer(paid: Paid) -> Any:
        return anyio.from_thread.run(router.process, raw_event("order.sent"))

    @router.on("order.sent", timeout=NEVER, abandon=True)
    def inner(paid: Paid) -> str:
        return "inner"

    with anyio.fail_after(GUARD):
        result = await router.process(raw_event())

    assert result.handlers[0].value.handlers[0].value == "inner"


def test_from_sync_code_no_sync_handler_can_have_a_deadline() -> None:
    router, recorder = Router(), Recorder()
    router.on("order.paid", timeout=5, abandon=True)(sync_handler)
    router.on("order.paid")(recorder)

    result = router.process_sync(raw_event())

    assert isinstance(result.error, RegistrationError)
    assert "await router.dispatch(...) instead" in str(result.error)
    assert len(recorder.events) == 1


@pytest.mark.parametrize("most", [-1, 2.5, "2", True])
def test_a_cap_that_can_t_work_is_refused(most: Any) -> None:
    with pytest.raises(RegistrationError, match=f"max_abandoned={most!r}"):
        Router(max_abandoned=most)
