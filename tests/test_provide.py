"""What ``router.provide`` gives to handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import anyio
import pytest

from eventrouter import Event, InvalidPayload, RegistrationError, Router, Status
from tests.events import Paid, raw_event

EVERY_ORDER = pytest.mark.parametrize("concurrent", [False, True], ids=["in turn", "concurrent"])


class Database:
    """Something to be provided, that says for whom."""

    def __init__(self, of: str = "anyone") -> None:
        self.of = of


class Transaction:
    """A context manager that writes down what becomes of it."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def __enter__(self) -> Transaction:
        self.log.append("begin")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.log.append(f"rollback: {kind.__name__}" if kind else "commit")


class AsyncTransaction(Transaction):
    async def __aenter__(self) -> Transaction:
        await anyio.lowlevel.checkpoint()
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.__exit__(kind)


def asking_router(factory: Any, count: int = 1, concurrent: bool = False) -> Router:
    """A router with handlers that return the database they are given."""
    router = Router(concurrent=concurrent)
    router.provide(Database, factory)

    def add() -> None:
        @router.on("order.paid")
        async def handle(paid: Paid, database: Database) -> Database:
            return database

    for _ in range(count):
        add()
    return router


def transacting_router(factory: Any, error: Exception | None = None) -> Router:
    router = Router()
    router.provide(Transaction, factory)

    @router.on("order.paid")
    async def handle(paid: Paid, transaction: Transaction) -> None:
        transaction.log.append("handle")
        if error is not None:
            raise error

    return router


# What may be given


def make_database() -> Database:
    return Database("function")


def make_database_of(event: Event[Any]) -> Database:
    return Database(event.type)


async def make_database_async() -> Database:
    await anyio.lowlevel.checkpoint()
    return Database("async function")


async def make_database_async_of(event: Event[Any]) -> Database:
    await anyio.lowlevel.checkpoint()
    return Database(f"async {event.type}")


@contextmanager
def open_database() -> Iterator[Database]:
    yield Database("context manager")


@asynccontextmanager
async def open_database_async(event: Event[Any]) -> AsyncIterator[Database]:
    await anyio.lowlevel.checkpoint()
    yield Database(f"async context manager of {event.type}")


@pytest.mark.parametrize(
    ("factory", "of"),
    [
        (Database("value"), "value"),
        (make_database, "function"),
        (make_database_of, "order.paid"),
        (make_database_async, "async function"),
        (make_database_async_of, "async order.paid"),
        (open_database, "context manager"),
        (open_database_async, "async context manager of order.paid"),
        (lambda: make_database_async(), "async function"),
        (Database, "anyone"),
    ],
)
@EVERY_ORDER
@pytest.mark.anyio
async def test_a_handler_is_given_what_the_factory_makes(
    factory: Any, of: str, concurrent: bool
) -> None:
    result = await asking_router(factory, concurrent=concurrent).dispatch(raw_event())

    assert result.handlers[0].value.of == of


@pytest.mark.anyio
async def test_a_value_is_given_as_it_is() -> None:
    database = Database()

    result = await asking_router(database).dispatch(raw_event())

    assert result.handlers[0].value is database


@pytest.mark.anyio
async def test_a_function_as_a_value_is_given_if_it_is_of_the_type() -> None:
    class Clock:
        def __call__(self) -> int:
            pytest.fail("the value was called")

    router = Router()
    clock = Clock()
    router.provide(Database, clock)
    router.provide(object, clock)

    @router.on("order.paid")
    async def handle(paid: Paid, given: object) -> object:
        return given

    assert (await router.dispatch(raw_event())).handlers[0].value is clock


# How often it is made


@EVERY_ORDER
@pytest.mark.anyio
async def test_it_is_made_once_a_dispatch_and_shared_by_the_handlers(concurrent: bool) -> None:
    made: list[Database] = []

    async def make() -> Database:
        await anyio.lowlevel.checkpoint()
        made.append(Database())
        return made[-1]

    router = asking_router(make, count=3, concurrent=concurrent)
    first = await router.dispatch(raw_event())
    second = await router.dispatch(raw_event())

    assert [handler.value for handler in first.handlers] == [made[0]] * 3
    assert [handler.value for handler in second.handlers] == [made[1]] * 3
    assert len(made) == 2


@pytest.mark.anyio
async def test_it_is_made_once_for_the_handlers_of_included_routers_that_run_at_once() -> None:
    made: list[Database] = []

    async def make() -> Database:
        await anyio.lowlevel.checkpoint()
        made.append(Database())
        return made[-1]

    router = Router(concurrent=True)
    router.provide(Database, make)

    def add_included() -> None:
        inner = Router()
        inner.before(lambda event: None)

        @inner.on("order.paid")
        async def handle(paid: Paid, database: Database) -> Database:
            return database

        router.include(inner)

    add_included()
    add_included()
    result = await router.dispatch(raw_event())

    assert [handler.value for handler in result.handlers] == made * 2
    assert len(made) == 1


@pytest.mark.anyio
async def test_it_is_made_only_if_a_handler_asks_for_it() -> None:
    router = asking_router(lambda: pytest.fail("it was made"))

    @router.on("order.sent")
    async def handle(payload: object) -> None: ...

    await router.dispatch(raw_event("order.sent"))


@pytest.mark.parametrize("raw", [raw_event(payload=[]), raw_event("order.lost"), b"{"])
@pytest.mark.anyio
async def test_it_is_not_made_for_an_event_that_no_handler_can_take(raw: bytes) -> None:
    result = await asking_router(lambda: pytest.fail("it was made")).process(raw)

    assert result.status in (Status.INVALID, Status.UNROUTED, Status.MALFORMED)


# When it is closed


@pytest.mark.parametrize("kind", [Transaction, AsyncTransaction])
@pytest.mark.anyio
async def test_it_is_closed_after_the_handlers_and_before_the_after_hooks(
    kind: type[Transaction],
) -> None:
    log: list[str] = []
    router = transacting_router(lambda: kind(log))

    @router.before
    def before(event: Event[Any]) -> None:
        log.append("before")

    @router.after
    def after(event: Event[Any], error: BaseException | None) -> None:
        log.append("after")

    await router.dispatch(raw_event())

    assert log == ["before", "begin", "handle", "commit", "after"]


@pytest.mark.parametrize("kind", [Transaction, AsyncTransaction])
@pytest.mark.anyio
async def test_it_is_closed_with_the_error_of_a_handler(kind: type[Transaction]) -> None:
    log: list[str] = []

    result = await transacting_router(lambda: kind(log), OSError()).process(raw_event())

    assert log == ["begin", "handle", "rollback: OSError"]
    assert isinstance(result.error, OSError)


@pytest.mark.anyio
async def test_it_is_closed_with_the_error_of_a_handler_that_did_not_ask_for_it() -> None:
    log: list[str] = []
    router = transacting_router(lambda: Transaction(log))

    @router.on("order.paid")
    async def fail(paid: Paid) -> None:
        raise OSError

    await router.process(raw_event())

    assert log == ["begin", "handle", "rollback: OSError"]


@pytest.mark.anyio
async def test_a_context_manager_that_swallows_the_error_does_not_hide_it() -> None:
    @contextmanager
    def swallow() -> Iterator[Transaction]:
        with suppress(OSError):
            yield Transaction([])

    result = await transacting_router(swallow, OSError()).process(raw_event())

    assert isinstance(result.error, OSError)


@pytest.mark.anyio
async def test_a_context_manager_that_raises_the_error_again_adds_none() -> None:
    @asynccontextmanager
    async def rollback() -> AsyncIterator[Transaction]:
        try:
            yield Transaction([])
        except OSError:
            await anyio.lowlevel.checkpoint()
            raise

    error = OSError()
    result = await transacting_router(rollback, error).process(raw_event())

    assert result.error is error


@pytest.mark.anyio
async def test_the_last_opened_is_closed_first() -> None:
    log: list[str] = []

    @contextmanager
    def opened(name: str) -> Iterator[Any]:
        yield Database(name)
        log.append(f"close {name}")

    router = Router()
    router.provide(Database, lambda: opened("database"))
    router.provide(Transaction, lambda: opened("transaction"))

    @router.on("order.paid")
    async def handle(paid: Paid, database: Database, transaction: Transaction) -> None: ...

    await router.dispatch(raw_event())

    assert log == ["close transaction", "close database"]


@pytest.mark.anyio
async def test_an_error_in_closing_makes_the_result_failed() -> None:
    @contextmanager
    def open_and_fail() -> Iterator[Transaction]:
        yield Transaction([])
        raise OSError("the commit failed")

    router = transacting_router(open_and_fail)
    seen: list[BaseException | None] = []

    @router.after
    def after(event: Event[Any], error: BaseException | None) -> None:
        seen.append(error)

    result = await router.process(raw_event())

    assert (result.status, type(result.error)) == (Status.FAILED, OSError)
    assert seen == [result.error]
    assert result.handlers[0].error is None


@pytest.mark.anyio
async def test_it_is_closed_if_the_dispatch_is_cancelled() -> None:
    log: list[str] = []

    with anyio.CancelScope() as scope:
        router = Router()
        router.provide(Transaction, lambda: AsyncTransaction(log))

        @router.on("order.paid")
        async def wait(paid: Paid, transaction: Transaction) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await router.dispatch(raw_event())

    assert log == ["begin", f"rollback: {anyio.get_cancelled_exc_class().__name__}"]


@EVERY_ORDER
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.anyio
async def test_it_may_hold_a_task_group(count: int, concurrent: bool) -> None:
    """A cancel scope must be left in the task that entered it."""

    @asynccontextmanager
    async def open_with_tasks() -> AsyncIterator[Database]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            yield Database()
            tasks.cancel_scope.cancel()

    result = await asking_router(open_with_tasks, count, concurrent).dispatch(raw_event())

    assert len(result.handlers) == count


# When it can't be made


@EVERY_ORDER
@pytest.mark.anyio
async def test_an_error_of_the_factory_fails_only_the_handlers_that_need_it(
    concurrent: bool,
) -> None:
    calls: list[int] = []

    async def fail() -> Database:
        calls.append(1)
        raise OSError("no database")

    router = asking_router(fail, count=2, concurrent=concurrent)

    @router.on("order.paid")
    async def handle(paid: Paid) -> str:
        return paid.order

    result = await router.process(raw_event())

    assert [type(handler.error) for handler in result.handlers] == [OSError, OSError, type(None)]
    assert result.handlers[2].value == "o-1"
    assert len(calls) == 1


# What is refused


def test_a_generator_function_is_refused_and_told_what_to_decorate_it_with() -> None:
    def open_database() -> Iterator[Database]:
        yield Database()

    with pytest.raises(RegistrationError, match=r"contextlib\.contextmanager"):
        Router().provide(Database, open_database)


def test_an_async_generator_function_is_refused_too() -> None:
    async def open_database() -> AsyncIterator[Database]:
        yield Database()

    with pytest.raises(RegistrationError, match="asynccontextmanager"):
        Router().provide(Database, open_database)


def test_providing_a_type_twice_is_refused() -> None:
    router = Router()
    router.provide(Database, Database())

    with pytest.raises(RegistrationError, match="provided already"):
        router.provide(Database, Database())


def test_a_factory_that_wants_more_than_the_event_is_refused() -> None:
    def make(event: Event[Any], more: str) -> Database:
        return Database(more)

    with pytest.raises(RegistrationError, match="must take nothing, or the event alone"):
        Router().provide(Database, make)


def test_a_parameter_that_nothing_provides_is_refused() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid, database: Database) -> None: ...

    with pytest.raises(RegistrationError, match=r"nothing provides Database .* 'database'"):
        router.compile()


# Of included routers


def included(own: Callable[[Router], None]) -> Router:
    router, inner = Router(), Router()
    router.provide(Database, Database("parent"))
    own(inner)

    @inner.on("order.paid")
    async def handle(paid: Paid, database: Database) -> str:
        return database.of

    router.include(inner)
    return router


@pytest.mark.anyio
async def test_an_included_router_s_own_provider_wins_over_its_parent_s() -> None:
    router = included(lambda inner: inner.provide(Database, Database("own")))

    assert (await router.dispatch(raw_event())).handlers[0].value == "own"


@pytest.mark.anyio
async def test_an_included_router_without_one_takes_its_parent_s() -> None:
    router = included(lambda inner: None)

    assert (await router.dispatch(raw_event())).handlers[0].value == "parent"


@pytest.mark.anyio
async def test_a_parent_does_not_take_what_an_included_router_provides() -> None:
    router, inner = Router(), Router()
    inner.provide(Database, Database("inner"))
    router.include(inner)

    @router.on("order.paid")
    async def handle(paid: Paid, database: Database | None = None) -> Database | None:
        return database

    assert (await router.dispatch(raw_event())).handlers[0].value is None


def test_an_invalid_payload_is_no_matter_of_providers() -> None:
    with pytest.raises(InvalidPayload):
        asking_router(Database()).dispatch_sync(raw_event(payload=[]))
