"""How handlers are called: with what, where, and how far they are isolated from each other."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

import anyio
import pytest
from attrs import field, frozen

from eventrouter import Event, InvalidPayload, Metadata, Router, Status
from tests.events import PAID, PAYLOAD, Paid, raw_event

request_id: ContextVar[str] = ContextVar("request_id", default="none")

EVERY_PLACE = pytest.mark.parametrize("thread", [True, False], ids=["thread", "inline"])


class Database:
    """Something to be provided."""


@frozen
class Counted:
    """A payload that tells how often one was built."""

    order: str = field()
    built = 0

    def __attrs_post_init__(self) -> None:
        Counted.built += 1


@frozen
class Refunded:
    reason: str


def hiding_async(function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """A decorator as many are: the function it makes does not look async."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


# What they are given


@pytest.mark.anyio
async def test_a_handler_is_given_the_built_payload() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> Paid:
        return paid

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == PAID


@pytest.mark.anyio
async def test_a_handler_of_any_is_given_the_payload_as_it_came() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(payload: Any) -> Any:
        return payload

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == PAYLOAD


@pytest.mark.anyio
async def test_a_handler_may_take_the_event_alone_with_the_built_payload_in_it() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(event: Event[Paid]) -> Event[Paid]:
        return event

    result = await router.dispatch(raw_event(id="e-1"))

    event: Event[Paid] = result.handlers[0].value
    assert (event.type, event.payload, event.id) == ("order.paid", PAID, "e-1")


@pytest.mark.anyio
async def test_a_bare_event_has_the_payload_as_it_came() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(event: Event) -> Any:
        return event.payload

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == PAYLOAD


@pytest.mark.anyio
async def test_further_parameters_are_filled_by_their_annotation() -> None:
    router = Router()
    database = Database()
    router.provide(Database, database)

    @router.on("order.paid")
    async def handle(
        paid: Paid, db: Database, event: Event[Paid], metadata: Metadata
    ) -> tuple[Paid, Database, Paid, Metadata]:
        return paid, db, event.payload, metadata

    result = await router.dispatch(raw_event(source="shop"))

    assert result.handlers[0].value == (PAID, database, PAID, {"source": "shop"})


@EVERY_PLACE
@pytest.mark.anyio
async def test_a_sync_handler_is_given_the_same(thread: bool) -> None:
    router = Router()
    database = Database()
    router.provide(Database, database)

    @router.on("order.paid", thread=thread)
    def handle(paid: Paid, metadata: Metadata, *, db: Database) -> tuple[Paid, Metadata, Database]:
        return paid, metadata, db

    result = await router.dispatch(raw_event(source="shop"))

    assert result.handlers[0].value == (PAID, {"source": "shop"}, database)


@pytest.mark.anyio
async def test_a_parameter_with_a_default_that_nothing_provides_keeps_its_default() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid, db: Database | None = None, tries: int = 3) -> tuple[Any, int]:
        return db, tries

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == (None, 3)


@pytest.mark.anyio
async def test_a_handler_in_a_partial_is_called() -> None:
    router = Router()

    async def handle(paid: Paid, prefix: str) -> str:
        return prefix + paid.order

    router.on("order.paid")(partial(handle, prefix="no. "))

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == "no. o-1"


@pytest.mark.anyio
async def test_a_method_and_an_object_with_a_call_are_called() -> None:
    class Service:
        async def handle(self, paid: Paid) -> str:
            return f"method {paid.order}"

        async def __call__(self, paid: Paid) -> str:
            return f"call {paid.order}"

    router = Router()
    router.on("order.paid")(Service().handle)
    router.on("order.paid")(Service())

    result = await router.dispatch(raw_event())

    assert [handler.value for handler in result.handlers] == ["method o-1", "call o-1"]


def test_on_returns_the_function_itself() -> None:
    async def handle(paid: Paid) -> None: ...

    assert Router().on("order.paid")(handle) is handle


# Where they run


@pytest.mark.anyio
async def test_a_sync_handler_runs_in_a_worker_thread() -> None:
    router = Router()

    @router.on("order.paid")
    def handle(paid: Paid) -> int:
        return threading.get_ident()

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value != threading.get_ident()


@pytest.mark.anyio
async def test_a_worker_thread_has_the_caller_s_context_variables() -> None:
    router = Router()

    @router.on("order.paid")
    def handle(paid: Paid) -> str:
        return request_id.get()

    request_id.set("r-1")
    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == "r-1"


@pytest.mark.anyio
async def test_a_sync_handler_with_thread_false_runs_in_the_loop_s_thread() -> None:
    router = Router()

    @router.on("order.paid", thread=False)
    def handle(paid: Paid) -> int:
        return threading.get_ident()

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == threading.get_ident()


@pytest.mark.anyio
async def test_an_async_handler_runs_in_the_caller_s_task() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> int:
        return anyio.get_current_task().id

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == anyio.get_current_task().id


# An async function that does not look like one


@EVERY_PLACE
@pytest.mark.anyio
async def test_an_async_handler_hidden_by_its_decorator_is_awaited(thread: bool) -> None:
    router = Router()

    @router.on("order.paid", thread=thread)
    @hiding_async
    async def handle(paid: Paid) -> str:
        await anyio.lowlevel.checkpoint()
        return paid.order

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == "o-1"


@EVERY_PLACE
def test_an_async_handler_hidden_by_its_decorator_is_awaited_by_dispatch_sync(
    thread: bool,
) -> None:
    router = Router()

    @router.on("order.paid", thread=thread)
    @hiding_async
    async def handle(paid: Paid) -> str:
        await anyio.lowlevel.checkpoint()
        return paid.order

    assert router.dispatch_sync(raw_event()).handlers[0].value == "o-1"


def test_a_hidden_async_handler_is_awaited_by_dispatch_sync_beside_an_async_one() -> None:
    router = Router()

    @router.on("order.paid")
    @hiding_async
    async def handle(paid: Paid) -> str:
        await anyio.lowlevel.checkpoint()
        return paid.order

    @router.on("order.paid")
    async def other(paid: Paid) -> int:
        return paid.cents

    result = router.dispatch_sync(raw_event())

    assert [handler.value for handler in result.handlers] == ["o-1", 995]


# Several


@pytest.mark.anyio
async def test_several_handlers_run_in_the_order_of_registration() -> None:
    router = Router()
    ran: list[str] = []

    @router.on("order.paid")
    def first(paid: Paid) -> None:
        ran.append("first")

    @router.on("order.paid")
    async def second(paid: Paid) -> None:
        await anyio.lowlevel.checkpoint()
        ran.append("second")

    @router.on("order.paid", thread=False)
    def third(paid: Paid) -> None:
        ran.append("third")

    result = await router.dispatch(raw_event())

    assert ran == ["first", "second", "third"]
    assert [handler.handler.rpartition(".")[2] for handler in result.handlers] == ran


@EVERY_PLACE
@pytest.mark.anyio
async def test_a_handler_that_raises_does_not_stop_the_next(thread: bool) -> None:
    router = Router()

    @router.on("order.paid", thread=thread)
    def fail(paid: Paid) -> None:
        raise OSError("the printer is on fire")

    @router.on("order.paid")
    async def handle(paid: Paid) -> str:
        return paid.order

    result = await router.process(raw_event())

    assert [handler.value for handler in result.handlers] == [None, "o-1"]
    assert isinstance(result.handlers[0].error, OSError)
    assert result.handlers[1].error is None


@pytest.mark.anyio
async def test_concurrent_handlers_overlap() -> None:
    router = Router(concurrent=True)
    first_began, second_began = anyio.Event(), anyio.Event()

    @router.on("order.paid")
    async def first(paid: Paid) -> None:
        first_began.set()
        await second_began.wait()

    @router.on("order.paid")
    async def second(paid: Paid) -> None:
        second_began.set()
        await first_began.wait()

    with anyio.fail_after(10):
        result = await router.dispatch(raw_event())

    assert result.ok


@pytest.mark.anyio
async def test_concurrent_handlers_in_threads_overlap() -> None:
    router = Router(concurrent=True)
    both = threading.Barrier(2, timeout=10)

    @router.on("order.paid")
    def first(paid: Paid) -> None:
        both.wait()

    @router.on("order.paid")
    def second(paid: Paid) -> None:
        both.wait()

    result = await router.dispatch(raw_event())

    assert result.ok


@pytest.mark.anyio
async def test_results_of_concurrent_handlers_are_in_the_order_of_registration() -> None:
    router = Router(concurrent=True)
    second_ended = anyio.Event()

    @router.on("order.paid")
    async def first(paid: Paid) -> str:
        await second_ended.wait()
        return "first"

    @router.on("order.paid")
    async def second(paid: Paid) -> str:
        second_ended.set()
        return "second"

    result = await router.dispatch(raw_event())

    assert [handler.value for handler in result.handlers] == ["first", "second"]


@pytest.mark.anyio
async def test_a_concurrent_handler_that_raises_does_not_stop_the_others() -> None:
    router = Router(concurrent=True)
    failed = anyio.Event()

    @router.on("order.paid")
    async def fail(paid: Paid) -> None:
        failed.set()
        raise OSError("the printer is on fire")

    @router.on("order.paid")
    async def handle(paid: Paid) -> str:
        await failed.wait()
        await anyio.lowlevel.checkpoint()
        return paid.order

    result = await router.process(raw_event())

    assert result.handlers[1].value == "o-1"
    assert isinstance(result.error, OSError)


# Payloads of several


@pytest.mark.anyio
async def test_a_payload_type_that_handlers_share_is_built_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Counted, "built", 0)
    router = Router()

    @router.on("order.paid")
    async def first(paid: Counted) -> Counted:
        return paid

    @router.on("order.paid")
    def second(event: Event[Counted], again: Event[Counted]) -> Counted:
        return event.payload

    result = await router.dispatch(raw_event())

    assert Counted.built == 1
    assert result.handlers[0].value is result.handlers[1].value


@pytest.mark.anyio
async def test_handlers_of_different_payload_types_each_get_their_own() -> None:
    router = Router()

    @router.on("order.paid")
    async def first(paid: Paid) -> Any:
        return paid

    @router.on("order.paid")
    async def second(event: Event[dict[str, Any]]) -> Any:
        return event.payload

    result = await router.dispatch(raw_event())

    assert [handler.value for handler in result.handlers] == [PAID, PAYLOAD]


@pytest.mark.anyio
async def test_no_handler_runs_if_the_payload_does_not_fit_one_of_them() -> None:
    router = Router()
    ran: list[str] = []

    @router.on("order.paid")
    async def fits(paid: Paid) -> None:
        ran.append("fits")

    @router.on("order.paid")
    async def does_not_fit(refunded: Refunded) -> None:
        ran.append("does not fit")

    result = await router.process(raw_event())

    assert ran == []
    assert (result.status, result.handlers) == (Status.INVALID, ())
    assert isinstance(result.error, InvalidPayload)
    assert result.error.payload_type == "Refunded"


# What can't cross a coroutine as it is


@EVERY_PLACE
@pytest.mark.anyio
async def test_a_stop_iteration_is_reported_as_python_does(thread: bool) -> None:
    """No coroutine can raise one: Python makes a RuntimeError of it."""
    router = Router()

    @router.on("order.paid", thread=thread)
    def handle(paid: Paid) -> None:
        raise StopIteration("nothing left")

    result = await router.process(raw_event())

    assert result.status is Status.FAILED
    assert isinstance(result.error, RuntimeError)
    assert isinstance(result.error.__cause__, StopIteration)


@EVERY_PLACE
@pytest.mark.anyio
async def test_a_stop_async_iteration_is_the_handler_s_own_error(thread: bool) -> None:
    router = Router()

    @router.on("order.paid", thread=thread)
    def handle(paid: Paid) -> None:
        raise StopAsyncIteration("nothing left")

    result = await router.process(raw_event())

    assert isinstance(result.error, StopAsyncIteration)


def test_a_stop_iteration_is_reported_by_process_sync() -> None:
    router = Router()

    @router.on("order.paid")
    def handle(paid: Paid) -> None:
        raise StopIteration("nothing left")

    result = router.process_sync(raw_event())

    assert result.status is Status.FAILED
    assert isinstance(result.error, RuntimeError)
