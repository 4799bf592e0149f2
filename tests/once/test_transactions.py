"""A handler runs in the transaction that remembers it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow, TupleRow, dict_row

from eventrouter import (
    Event,
    HandlerPaused,
    HandlerTimeout,
    Idempotency,
    RegistrationError,
    Result,
    Retry,
    Router,
    Status,
    StoreError,
)
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore, TransactionalStore, make_key
from eventrouter.testing import FakeSleep
from tests.events import Paid, raw_event
from tests.postgres import Effects, backends, effects_table, postgres_store, terminate
from tests.services import POSTGRES

pytestmark = pytest.mark.anyio

RAW = raw_event(id="e-7")


@pytest.fixture
def store() -> Iterator[PostgresStore]:
    with postgres_store() as store:
        yield store


@pytest.fixture
def effects() -> Iterator[Effects]:
    with effects_table() as effects:
        yield effects


def elsewhere(store: PostgresStore) -> PostgresStore:
    """The same store, as another process has it."""
    return PostgresStore(POSTGRES, schema=store.schema)


def booking(effects: Effects, idempotency: Any, /, error: Any = None, **settings: Any) -> Router:
    """A router whose one handler leaves an effect, and then does what it is told to."""
    router = Router(idempotency=idempotency, sleep=FakeSleep())

    @router.on("order.paid", **settings)
    def book(event: Event[Paid], connection: Connection) -> str:
        connection.execute(effects.insert, [event.id])
        if error is not None:
            error(connection)
        return "booked"

    return router


def failing(times: int) -> Callable[[], None]:
    """What raises so often, and then does nothing."""
    left = [OSError("no network") for _ in range(times)]

    def fail() -> None:
        if left:
            raise left.pop()

    return fail


# All or nothing


async def test_what_a_handler_wrote_and_that_it_ran_are_there_together(
    store: PostgresStore, effects: Effects
) -> None:
    router = booking(effects, store)

    first, again = await router.process(RAW), await router.process(RAW)

    assert (first.status, first.handlers[0].value) == (Status.HANDLED, "booked")
    assert (again.status, again.handlers[0].skipped) == (Status.DUPLICATE, Status.DUPLICATE)
    assert effects.all() == ["e-7"]


async def test_a_handler_that_raises_leaves_nothing_and_runs_again(
    store: PostgresStore, effects: Effects
) -> None:
    fail = failing(1)
    router = booking(effects, store, lambda _: fail())

    result = await router.process(RAW)
    assert (str(result.error), effects.all()) == ("no network", [])

    assert (await router.process(RAW)).status is Status.HANDLED
    assert effects.all() == ["e-7"]


async def test_a_retry_is_a_transaction_of_its_own(store: PostgresStore, effects: Effects) -> None:
    fail = failing(2)
    transactions = list[int]()

    def note(connection: Connection) -> None:
        transactions.extend(*connection.execute("SELECT txid_current()").fetchall())
        fail()

    router = booking(effects, store, note, retry=Retry(3, on=OSError))

    result = await router.process(RAW)

    assert (result.status, result.handlers[0].attempts) == (Status.HANDLED, 3)
    assert len(set(transactions)) == 3
    assert effects.all() == ["e-7"]


async def test_of_several_handlers_each_has_its_own(store: PostgresStore, effects: Effects) -> None:
    router = booking(effects, store)
    fail = failing(1)

    @router.on("order.paid")
    def count(event: Event[Paid], *, connection: Connection[TupleRow]) -> None:
        connection.execute(effects.insert, ["counted"])
        fail()

    @router.on("order.paid")
    async def send(paid: Paid) -> None: ...

    first = await router.process(RAW)
    assert effects.all() == ["e-7"]
    again = await router.process(RAW)

    assert (first.status, again.status) == (Status.FAILED, Status.HANDLED)
    assert [str(handler.skipped) for handler in again.handlers] == [
        "duplicate",
        "None",
        "duplicate",
    ]
    assert effects.all() == ["counted", "e-7"]


async def test_a_part_may_fail_in_a_transaction_within_it(
    store: PostgresStore, effects: Effects
) -> None:
    def part(connection: Connection) -> None:
        with suppress(psycopg.errors.DivisionByZero), connection.transaction():
            connection.execute(effects.insert, ["part"])
            connection.execute("SELECT 1 / 0")

    assert (await booking(effects, store, part).process(RAW)).ok
    assert effects.all() == ["e-7"]


# At the same time


async def test_another_delivery_meanwhile_is_in_progress_and_waits_for_nothing(
    store: PostgresStore, effects: Effects
) -> None:
    other = elsewhere(store)
    seen = list[Result]()

    def deliver(_: Connection) -> None:
        seen.append(booking(effects, other).process_sync(RAW))

    result = await booking(effects, store, deliver).process(RAW)

    assert [r.status for r in seen] == [Status.IN_PROGRESS]
    assert seen[0].handlers[0].skipped is Status.IN_PROGRESS
    assert seen[0].handlers[0].attempts == 0
    assert seen[0].retryable
    assert result.status is Status.HANDLED
    assert effects.all() == ["e-7"]
    other.close()


async def test_a_delivery_waits_for_another_as_long_as_it_may(
    store: PostgresStore, effects: Effects
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    waits = list[float]()

    def block(_: Connection) -> None:
        begun.set()
        assert go_on.wait(10)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        go_on.set()
        await first_is_done.wait()

    first_is_done = anyio.Event()
    router = booking(effects, store, block)
    waiting = Router(idempotency=Idempotency(store, wait=60), sleep=sleep)
    waiting.include(router)
    statuses = list[Status]()

    async def deliver() -> None:
        statuses.append((await router.process(RAW)).status)
        first_is_done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deliver)
        await anyio.to_thread.run_sync(begun.wait)
        statuses.append((await waiting.process(RAW)).status)

    assert statuses == [Status.HANDLED, Status.DUPLICATE]
    assert waits == [0.05]


async def test_of_many_deliveries_at_once_one_leaves_an_effect(
    store: PostgresStore, effects: Effects
) -> None:
    router, other = booking(effects, store), elsewhere(store)
    other_router = booking(effects, other)
    statuses = list[Status]()

    async def deliver(to: Router) -> None:
        statuses.append((await to.process(RAW)).status)

    async with anyio.create_task_group() as tasks:
        for to in (router, other_router) * 8:
            tasks.start_soon(deliver, to)

    assert statuses.count(Status.HANDLED) == 1
    assert effects.all() == ["e-7"]
    other.close()


async def test_whoever_claims_without_a_transaction_is_refused_meanwhile(
    store: PostgresStore, effects: Effects
) -> None:
    """As before a handler asked for the connection, in a process that is to be replaced."""
    [key] = [make_key(None, "e-7", name) for name in handlers_of(booking(effects, store))]
    refused = list[Any]()

    def claim(_: Connection) -> None:
        refused.append(driven(store.claim(key, 60)).refused)

    assert (await booking(effects, store, claim).process(RAW)).ok
    refused.append((await store.claim(key, 60)).refused)

    assert refused == [Status.IN_PROGRESS, Status.DUPLICATE]


async def test_a_claim_without_a_transaction_is_in_progress(
    store: PostgresStore, effects: Effects
) -> None:
    router = booking(effects, store)
    [key] = [make_key(None, "e-7", name) for name in handlers_of(router)]
    claim = await store.claim(key, 60)

    assert (await router.process(RAW)).status is Status.IN_PROGRESS
    await store.release(claim)
    assert (await router.process(RAW)).status is Status.HANDLED


async def test_whose_work_was_completed_by_a_late_claim_undoes_it(
    store: PostgresStore, effects: Effects
) -> None:
    router = booking(effects, store)
    [key] = [make_key(None, "e-7", name) for name in handlers_of(router)]
    late = await store.claim(key, 0.000_001)

    def complete(_: Connection) -> None:
        assert driven(store.complete(late, 60))

    result = await booking(effects, store, complete).process(RAW)

    assert isinstance(result.error, StoreError)
    assert effects.all() == []
    assert (await router.process(RAW)).status is Status.DUPLICATE


def handlers_of(router: Router) -> list[str]:
    return [route.named.name for route in router.routes()]


# What goes wrong


async def test_what_the_database_refuses_when_it_commits_is_the_handler_s_error(
    store: PostgresStore, effects: Effects
) -> None:
    def break_a_rule(connection: Connection) -> None:
        connection.execute("CREATE TEMP TABLE a (x int PRIMARY KEY) ON COMMIT DROP")
        connection.execute(
            "CREATE TEMP TABLE b (x int REFERENCES a DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"
        )
        connection.execute("INSERT INTO b VALUES (1)")

    result = await booking(effects, store, break_a_rule).process(RAW)

    assert isinstance(result.error, psycopg.errors.ForeignKeyViolation)
    assert "book handled" in result.error.__notes__[0]
    assert effects.all() == []
    assert (await booking(effects, store).process(RAW)).status is Status.HANDLED


async def test_a_statement_that_failed_and_was_passed_over_fails_the_handler(
    store: PostgresStore, effects: Effects
) -> None:
    def pass_over(connection: Connection) -> None:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")

    result = await booking(effects, store, pass_over).process(RAW)

    assert isinstance(result.error, psycopg.errors.InFailedSqlTransaction)
    assert effects.all() == []


@pytest.mark.parametrize("statement", ["ROLLBACK", "COMMIT"])
async def test_a_handler_that_ends_the_transaction_is_told_not_to(
    store: PostgresStore, effects: Effects, statement: str
) -> None:
    router = booking(effects, store, lambda connection: connection.execute(statement))

    result = await router.process(RAW)

    assert isinstance(result.error, RegistrationError)
    assert "leave COMMIT and ROLLBACK to the router" in str(result.error)


async def test_nor_may_it_by_the_methods_of_the_connection(
    store: PostgresStore, effects: Effects
) -> None:
    router = booking(effects, store, lambda connection: connection.commit())

    assert isinstance((await router.process(RAW)).error, psycopg.ProgrammingError)
    assert effects.all() == []


async def test_a_connection_that_is_cut_while_the_handler_uses_it(
    store: PostgresStore, effects: Effects
) -> None:
    def cut(connection: Connection) -> None:
        terminate(connection.info.backend_pid)
        connection.execute("SELECT 1")

    result = await booking(effects, store, cut).process(RAW)

    assert isinstance(result.error, psycopg.OperationalError)
    assert effects.all() == []
    assert (await booking(effects, store).process(RAW)).status is Status.HANDLED


async def test_a_connection_that_is_cut_before_the_commit(
    store: PostgresStore, effects: Effects
) -> None:
    def cut(connection: Connection) -> None:
        terminate(connection.info.backend_pid)

    result = await booking(effects, store, cut).process(RAW)

    assert isinstance(result.error, StoreError)
    assert result.retryable
    assert effects.all() == []
    assert (await booking(effects, store).process(RAW)).status is Status.HANDLED


async def test_connections_that_are_cut_while_nobody_uses_them_are_made_anew(
    store: PostgresStore, effects: Effects
) -> None:
    router = booking(effects, store)
    await router.process(RAW)
    terminate(*backends(store))

    assert (await router.process(raw_event(id="e-8"))).status is Status.HANDLED


async def test_a_handler_left_behind_leaves_its_effect_once(
    store: PostgresStore, effects: Effects
) -> None:
    go_on = threading.Event()
    router = booking(effects, store, lambda _: go_on.wait(10), timeout=1, abandon=True)
    plain = booking(effects, store)

    late = await router.process(RAW)
    meanwhile = await plain.process(RAW)
    go_on.set()
    while router.abandoned_threads:
        await anyio.lowlevel.checkpoint()
    after = await plain.process(RAW)

    assert isinstance(late.error, HandlerTimeout)
    assert (meanwhile.status, after.status) == (Status.IN_PROGRESS, Status.DUPLICATE)
    assert effects.all() == ["e-7"]


async def test_a_delivery_that_is_refused_does_not_end_the_pause_of_a_handler(
    store: PostgresStore, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("eventrouter.circuit.monotonic", lambda: now[0])
    is_down = [False]

    def fail(_: Connection) -> None:
        if is_down[0]:
            raise OSError("no network")

    router = booking(effects, store, fail, pause_after=1)
    await router.process(RAW)
    is_down[0] = True
    await router.process(raw_event(id="e-8"))
    now[0] = 31.0

    assert (await router.process(RAW)).status is Status.DUPLICATE
    assert str((await router.process(raw_event(id="e-9"))).error) == "no network"
    assert isinstance((await router.process(raw_event(id="e-9"))).error, HandlerPaused)


async def test_the_next_handler_finds_the_connection_as_new(
    store: PostgresStore, effects: Effects
) -> None:
    rows = list[Any]()

    def change(connection: Connection[Any]) -> None:
        rows.append(connection.execute("SELECT 1 AS one").fetchone())
        connection.row_factory = dict_row

    router = booking(effects, store, change)
    for number in range(3):
        assert (await router.process(raw_event(id=f"e-{number}"))).ok

    assert rows == [(1,)] * 3


# Where it runs


def test_from_sync_code_it_runs_in_the_thread_of_the_caller(
    store: PostgresStore, effects: Effects
) -> None:
    threads = list[Any]()
    router = booking(effects, store, lambda _: threads.append(threading.current_thread()))

    assert router.dispatch_sync(RAW).status is Status.HANDLED
    assert threads == [threading.current_thread()]
    assert effects.all() == ["e-7"]


async def test_without_a_thread_it_runs_in_the_event_loop(
    store: PostgresStore, effects: Effects
) -> None:
    threads = list[Any]()
    router = booking(
        effects, store, lambda _: threads.append(threading.current_thread()), thread=False
    )

    assert (await router.dispatch(RAW)).status is Status.HANDLED
    assert threads == [threading.current_thread()]


async def test_a_cancellation_waits_for_the_commit(store: PostgresStore, effects: Effects) -> None:
    scope = anyio.CancelScope()
    router = booking(effects, store, lambda _: anyio.from_thread.run_sync(scope.cancel))

    with scope:
        await router.process(RAW)

    assert effects.all() == ["e-7"]
    assert (await router.process(RAW)).status is Status.DUPLICATE


async def test_the_handler_of_an_included_router_gets_it_too(
    store: PostgresStore, effects: Effects
) -> None:
    router = Router(idempotency=store)
    router.include(booking(effects, None), prefix="shop.")

    result = await router.process(raw_event("shop.order.paid", id="e-7"))

    assert (result.status, effects.all()) == (Status.HANDLED, ["e-7"])


async def test_a_dead_letter_is_replayed_in_a_transaction(
    store: PostgresStore, effects: Effects
) -> None:
    fail = failing(1)
    router = Router(idempotency=store, dead_letters=store)
    router.include(booking(effects, None, lambda _: fail()))
    await router.process(RAW)
    [letter] = (await store.find_letters()).letters

    assert (await router.replay(letter)).status is Status.HANDLED
    assert (await router.process(RAW)).status is Status.DUPLICATE
    assert effects.all() == ["e-7"]


# What is refused at start-up


def test_the_store_says_by_what_annotations_it_is_asked_for(store: PostgresStore) -> None:
    assert isinstance(store, TransactionalStore)
    assert set(store.connection_types) == {Connection, Connection[TupleRow]}


def test_an_async_handler_is_refused(store: PostgresStore) -> None:
    router = Router(idempotency=store)

    @router.on("order.paid")
    async def book(paid: Paid, connection: Connection) -> None: ...

    with pytest.raises(RegistrationError, match=r"is async, .* make it a plain function"):
        router.compile()


def test_an_observer_is_refused(store: PostgresStore) -> None:
    router = Router(idempotency=store)

    @router.on_any
    def audit(event: Event[Any], connection: Connection) -> None: ...

    with pytest.raises(RegistrationError, match="an observer sees events that no handler takes"):
        router.compile()


def test_a_connection_with_other_rows_is_refused(store: PostgresStore) -> None:
    router = Router(idempotency=store)

    @router.on("order.paid")
    def book(paid: Paid, connection: Connection[DictRow]) -> None: ...

    with pytest.raises(RegistrationError, match="nothing provides Connection"):
        router.compile()


async def test_what_hides_that_it_is_async_is_refused_and_undone(
    store: PostgresStore, effects: Effects
) -> None:
    router = Router(idempotency=store)

    async def send() -> None: ...

    @router.on("order.paid")
    def book(event: Event[Paid], connection: Connection) -> Any:
        connection.execute(effects.insert, [event.id])
        return send()

    result = await router.process(RAW)

    assert isinstance(result.error, RegistrationError)
    assert "which would be after its transaction" in str(result.error)
    assert effects.all() == []


def test_without_such_a_store_nothing_provides_it() -> None:
    router = booking(Effects("nowhere"), None)

    with pytest.raises(RegistrationError, match=r"nothing provides Connection .*'connection'"):
        router.compile()


async def test_what_the_program_provides_itself_goes_before(store: PostgresStore) -> None:
    router = Router(idempotency=store)
    own = object()
    router.provide(Connection, lambda: own)

    @router.on("order.paid")
    async def book(paid: Paid, connection: Connection) -> bool:
        return connection is own

    assert (await router.process(RAW)).handlers[0].value is True
