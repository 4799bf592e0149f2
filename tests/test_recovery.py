"""Handlers that failed are called again, as they declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrouter import (
    Event,
    FailedAttempt,
    HandlerResult,
    InvalidPayload,
    RegistrationError,
    Result,
    Retry,
    RetryAfter,
    Router,
    Status,
    Unrecoverable,
)
from eventrouter.testing import FailTimes, FakeSleep, Recorder, deliver_twice
from tests.events import PAID, Paid, raw_event
from tests.three_ways import is_read_straight

THRICE = Retry(3, on=ConnectionError, wait=10, jitter=0)


class Declined(Exception):
    """What no policy here is for."""


@pytest.fixture
def sleep() -> FakeSleep:
    return FakeSleep()


@pytest.fixture
def router(sleep: FakeSleep) -> Router:
    return Router(sleep=sleep)


def failing(*outcomes: Exception | None, ran: list[Any] | None = None) -> Callable[[], Any]:
    """A function that raises these, one after the other, and then returns how often it ran."""
    calls = [] if ran is None else ran

    def call() -> int:
        calls.append(len(calls))
        error = outcomes[len(calls) - 1] if len(calls) <= len(outcomes) else None
        if error is not None:
            raise error
        return len(calls)

    return call


# On each way that an event can take


def way_async(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    @router.on("order.paid", **policy)
    async def handle(paid: Paid) -> Any:
        assert paid == PAID
        return work()


def way_event(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    @router.on("order.paid", **policy)
    async def handle(event: Event[Paid]) -> Any:
        assert event.payload == PAID
        return work()


def way_thread(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    @router.on("order.paid", **policy)
    def handle(paid: Paid) -> Any:
        assert paid == PAID
        return work()


def way_inline(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    @router.on("order.paid", thread=False, **policy)
    def handle(paid: Paid) -> Any:
        assert paid == PAID
        return work()


def way_disguised(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    async def handle(paid: Paid) -> Any:
        return work()

    @router.on("order.paid", thread=False, **policy)
    @wraps(handle)
    def call(paid: Paid) -> Any:
        return handle(paid)


def way_hooked(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    way_async(router, work, **policy)
    router.before(lambda event: None)


def way_middleware(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    way_async(router, work, **policy)

    @router.middleware
    async def around(event: Event[Any], call_next: Any) -> Result:
        result: Result = await call_next(event)
        return result


def way_upcast(router: Router, work: Callable[[], Any], **policy: Any) -> None:
    @router.upcast("order.paid", "v1", "v2")
    def upcast(old: dict[str, Any]) -> dict[str, Any]:
        return old

    @router.on("order.paid", version="v2", **policy)
    async def handle(paid: Paid) -> Any:
        assert paid == PAID
        return work()


WAYS = {
    name.removeprefix("way_"): way for name, way in globals().items() if name.startswith("way_")
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


async def processed(router: Router) -> Result:
    """What becomes of an event, once the router knows how events of its type are read."""
    return await router.process(raw_event(version="v1"))


def without_time(handler: HandlerResult) -> tuple[Any, ...]:
    return handler.value, handler.error, handler.attempts, handler.earlier


@each_way
@pytest.mark.anyio
async def test_a_handler_is_called_again_until_it_succeeds(
    way: Any, router: Router, sleep: FakeSleep
) -> None:
    errors = ConnectionError(1), ConnectionError(2)
    way(router, failing(None, *errors), retry=THRICE)
    await processed(router)

    result = await processed(router)

    earlier = (FailedAttempt(errors[0], 10), FailedAttempt(errors[1], 10))
    assert result.status is Status.HANDLED
    assert [without_time(handler) for handler in result.handlers] == [(4, None, 3, earlier)]
    assert sleep.waits == [10, 10]


@each_way
@pytest.mark.anyio
async def test_past_the_last_attempt_the_last_error_is_raised(way: Any, router: Router) -> None:
    errors = [ConnectionError(number) for number in range(4)]
    way(router, failing(None, *errors), retry=THRICE)
    await processed(router)

    with pytest.raises(ConnectionError) as caught:
        await router.dispatch(raw_event(version="v1"))

    assert caught.value is errors[2]
    assert caught.value.__context__ is None
    assert len(caught.value.__notes__) == 1


@each_way
@pytest.mark.anyio
async def test_an_error_that_is_not_retried_ends_it(way: Any, router: Router) -> None:
    ran: list[Any] = []
    declined = Declined()
    way(router, failing(ConnectionError(), declined, ran=ran), retry=THRICE)

    result = await processed(router)

    assert (result.error, len(ran), result.handlers[0].attempts) == (declined, 2, 2)


@each_way
@pytest.mark.anyio
async def test_dispatch_returns_what_succeeded_in_the_end(way: Any, router: Router) -> None:
    way(router, failing(None, ConnectionError()), retry=THRICE)
    await processed(router)

    result = await router.dispatch(raw_event(version="v1"))

    assert (result.handlers[0].value, result.handlers[0].attempts) == (3, 2)
    assert result.upcasts == (("v1", "v2") if way is way_upcast else ())


@pytest.mark.parametrize("way", [way_async, way_middleware])
@pytest.mark.anyio
async def test_a_retried_handler_s_events_are_read_straight_all_the_same(
    way: Any, router: Router
) -> None:
    way(router, failing(), retry=THRICE, timeout=60)
    await processed(router)

    assert is_read_straight(router, raw_event(version="v1"))


# Without an event loop


@pytest.mark.parametrize("way", [way_thread, way_inline, way_hooked, way_async])
def test_it_is_called_again_from_sync_code(way: Any, router: Router, sleep: FakeSleep) -> None:
    way(router, failing(ConnectionError(), ConnectionError()), retry=THRICE)

    result = router.dispatch_sync(raw_event())

    assert (result.handlers[0].value, result.handlers[0].attempts) == (3, 3)
    assert sleep.waits == [10, 10]


def test_real_waits_block_where_there_is_no_loop() -> None:
    router = Router()
    way_thread(router, failing(OSError()), retry=Retry(2, on=OSError, wait=0.001))

    assert router.dispatch_sync(raw_event()).handlers[0].elapsed >= 0.001


# Which errors


@pytest.mark.anyio
async def test_retry_after_waits_as_long_as_asked(router: Router, sleep: FakeSleep) -> None:
    way_async(router, failing(RetryAfter(60)), retry=THRICE)

    assert (await processed(router)).ok
    assert sleep.waits == [60]


@pytest.mark.parametrize("retry", [None, THRICE])
@pytest.mark.anyio
async def test_past_the_last_attempt_the_result_tells_the_wait(
    retry: Retry | None, router: Router
) -> None:
    way_async(router, failing(*[RetryAfter(30)] * 9), retry=retry)

    result = await processed(router)

    assert (result.status, result.retryable, result.retry_after) == (Status.FAILED, True, 30)


@pytest.mark.anyio
async def test_unrecoverable_is_called_once_and_not_worth_another_delivery(
    router: Router,
) -> None:
    handler = FailTimes(1, Unrecoverable("declined"))
    router.on("order.paid", retry=Retry(3, on=Exception))(handler)

    result = await processed(router)

    assert (result.handlers[0].attempts, result.retryable, result.retry_after) == (1, False, None)


@pytest.mark.anyio
async def test_a_delivery_helps_if_one_of_the_handlers_may_succeed(router: Router) -> None:
    router.on("order.paid")(FailTimes(1, Unrecoverable))
    router.on("order.paid")(FailTimes(1, ConnectionError))

    assert (await processed(router)).retryable


@pytest.mark.anyio
async def test_an_invalid_payload_is_not_retried(router: Router, sleep: FakeSleep) -> None:
    way_async(router, failing(), retry=Retry(3, on=Exception))

    result = await router.process(raw_event(payload={}))

    assert isinstance(result.error, InvalidPayload)
    assert sleep.waits == []


@pytest.mark.anyio
async def test_an_error_in_telling_what_to_retry_is_told(router: Router) -> None:
    def is_on(error: Exception) -> bool:
        raise KeyError("no such code")

    way_async(router, failing(ConnectionError()), retry=Retry(3, on=is_on))

    result = await processed(router)

    assert isinstance(result.error, ConnectionError)
    assert result.handlers[0].attempts == 1
    assert any("KeyError was raised: 'no such code'" in n for n in result.error.__notes__)


# Other handlers


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.anyio
async def test_other_handlers_run_whether_or_not_one_is_retried(concurrent: bool) -> None:
    router = Router(sleep=FakeSleep(), concurrent=concurrent)
    before, after = Recorder(), Recorder()
    router.on("order.paid")(before)
    way_async(router, failing(*[ConnectionError()] * 9), retry=THRICE)
    router.on("order.paid")(after)

    result = await processed(router)

    assert [handler.attempts for handler in result.handlers] == [1, 3, 1]
    assert (len(before.events), len(after.events)) == (1, 1)


@pytest.mark.anyio
async def test_one_after_the_other_a_handler_waits_for_the_retries_before_it() -> None:
    ran: list[Any] = []

    async def sleep(seconds: float) -> None:
        ran.append(seconds)

    router = Router(sleep=sleep)
    way_async(router, failing(ConnectionError()), retry=THRICE)

    @router.on("order.paid")
    async def handle(paid: Paid) -> None:
        ran.append("next")

    await processed(router)

    assert ran == [10, "next"]


@pytest.mark.anyio
async def test_a_cancellation_ends_the_wait() -> None:
    ran: list[Any] = []
    with anyio.CancelScope() as scope:

        async def sleep(seconds: float) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        router = Router(sleep=sleep)
        way_async(router, failing(*[ConnectionError()] * 9, ran=ran), retry=THRICE)
        await processed(router)

    assert scope.cancelled_caught
    assert len(ran) == 1


# What handlers are given


class Database:
    """Something to be provided."""


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.anyio
async def test_what_could_not_be_provided_is_made_anew(concurrent: bool) -> None:
    router = Router(sleep=FakeSleep(), concurrent=concurrent)
    opened: list[str] = []
    connect = failing(ConnectionError(), ConnectionError())

    @contextmanager
    def database() -> Iterator[Database]:
        connect()
        opened.append("opened")
        yield Database()
        opened.append("closed")

    router.provide(Database, database)

    @router.on("order.paid", retry=THRICE)
    async def handle(paid: Paid, database: Database) -> None: ...

    result = await processed(router)

    if concurrent:  # as it must be opened by the task that closes it, before the handlers run
        assert isinstance(result.error, ConnectionError)
    else:
        assert (result.ok, opened) == (True, ["opened", "closed"])


# Whose policy counts


def attempts_of(router: Router) -> int:
    """How often a handler of the router that always fails is called."""
    return router.process_sync(raw_event()).handlers[0].attempts


def test_the_router_s_policy_is_for_all_its_handlers(sleep: FakeSleep) -> None:
    router = Router(retry=THRICE, sleep=sleep)
    way_inline(router, failing(*[ConnectionError()] * 9))

    assert attempts_of(router) == 3


def test_a_handler_s_own_policy_counts_first(sleep: FakeSleep) -> None:
    router = Router(retry=THRICE, sleep=sleep)
    way_inline(router, failing(*[ConnectionError()] * 9), retry=Retry(5, on=OSError))

    assert attempts_of(router) == 5


def test_retry_none_switches_the_router_s_off(sleep: FakeSleep) -> None:
    router = Router(retry=THRICE, sleep=sleep)
    way_inline(router, failing(*[ConnectionError()] * 9), retry=None)

    assert attempts_of(router) == 1


@pytest.mark.parametrize(
    ("inner", "attempts"), [({}, 3), ({"retry": None}, 1), ({"retry": Retry(2, on=OSError)}, 2)]
)
def test_an_included_router_s_policy_goes_before_that_around_it(
    inner: dict[str, Any], attempts: int, sleep: FakeSleep
) -> None:
    router = Router(retry=THRICE, sleep=sleep)
    included = Router(**inner)
    way_inline(included, failing(*[ConnectionError()] * 9))
    router.include(included)

    assert attempts_of(router) == attempts


@pytest.mark.parametrize("register", ["on_any", "fallback"])
def test_observers_and_fallbacks_have_policies_too(register: str, router: Router) -> None:
    handler = FailTimes(1, ConnectionError)
    getattr(router, register)(retry=THRICE, timeout=60)(handler)

    router.process_sync(raw_event())

    assert len(handler.events) == 2


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(RegistrationError, match="retry=5"):
        Router(retry=5)  # type: ignore[arg-type]


# Any policy


@given(
    attempts=st.integers(1, 6),
    wait=st.floats(0, 100),
    jitter=st.floats(0, 2),
    max_elapsed=st.none() | st.floats(0, 500),
    failures=st.integers(0, 8),
)
@settings(max_examples=50)
def test_a_handler_is_called_as_often_and_as_late_as_any_policy_allows(
    attempts: int, wait: float, jitter: float, max_elapsed: float | None, failures: int
) -> None:
    sleep = FakeSleep()
    router = Router(sleep=sleep)
    ran: list[Any] = []
    policy = Retry(attempts, on=OSError, wait=wait, jitter=jitter, max_elapsed=max_elapsed)
    way_inline(router, failing(*[OSError()] * failures, ran=ran), retry=policy)

    [handler] = router.process_sync(raw_event()).handlers

    assert len(ran) == handler.attempts == len(sleep.waits) + 1
    assert handler.attempts <= min(attempts, failures + 1)
    assert max_elapsed is not None or handler.attempts == min(attempts, failures + 1)
    assert [attempt.wait for attempt in handler.earlier] == sleep.waits
    assert all(wait <= waited <= wait * (1 + jitter) for waited in sleep.waits)
    assert max_elapsed is None or sum(sleep.waits) <= max_elapsed
    assert handler.elapsed >= sum(sleep.waits)


# What tests are given


@pytest.mark.anyio
async def test_deliver_twice_delivers_the_same_event_twice(router: Router) -> None:
    recorder = Recorder()
    router.on_any(recorder)
    router.on("order.paid")(FailTimes(1, OSError()))

    first, second = await deliver_twice(router, raw_event())

    assert (first.status, second.status) == (Status.FAILED, Status.HANDLED)
    assert recorder.types == ["order.paid", "order.paid"]
    assert [Paid(**payload) for payload in recorder.payloads] == [PAID, PAID]


@pytest.mark.anyio
async def test_a_router_that_waits_is_tested_within_one_that_does_not(sleep: FakeSleep) -> None:
    router = Router()
    way_async(router, failing(ConnectionError()), retry=Retry(2, on=OSError, wait=3600, jitter=0))
    quick = Router(sleep=sleep)
    quick.include(router)

    assert (await quick.process(raw_event())).ok
    assert sleep.waits == [3600]
