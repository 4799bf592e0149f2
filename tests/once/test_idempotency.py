"""Each handler runs once for an event, however often that is delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from eventrouter import (
    ClaimLost,
    Event,
    HandlerResult,
    Idempotency,
    MemoryStore,
    MissingKey,
    RegistrationError,
    Result,
    Retry,
    Router,
    Status,
    StoreError,
    Unrecoverable,
)
from eventrouter.stores import make_key
from eventrouter.testing import FakeClock, FakeSleep, Recorder, deliver_twice
from tests.events import PAID, Paid, raw_event
from tests.once.stores import AnyStore, Failing, Waiting, completing

pytestmark = pytest.mark.anyio

RAW = raw_event(id="e-7", source="shop")
ONE_KEY = make_key("shop", "e-7", f"{__name__}.charge")


class Shop:
    """
    A router whose handler ``charge`` notes each call, and then does what it is told.

    Attributes:
        calls: How often it was called.
        errors: What it raises, one a call, before it succeeds.
    """

    def __init__(self, idempotency: Any, **settings: Any) -> None:
        self.router = Router(idempotency=idempotency, **settings)
        self.calls = 0
        self.errors: list[BaseException] = []
        self.begun = anyio.Event()
        self.may_end: anyio.Event | None = None

        async def charge(paid: Paid) -> Paid:
            self.calls += 1
            self.begun.set()
            if self.may_end is not None:
                await self.may_end.wait()
            if self.errors:
                raise self.errors.pop(0)
            return paid

        charge.__qualname__ = "charge"
        self.router.on("order.paid")(charge)


def skipped(result: Result) -> list[Status | None]:
    return [handler.skipped for handler in result.handlers]


# Once


async def test_a_second_delivery_is_a_duplicate_and_runs_nothing(store: AnyStore) -> None:
    shop = Shop(store)

    first, second = await deliver_twice(shop.router, RAW)

    assert first.status is Status.HANDLED
    assert first.handlers[0].value == PAID
    assert second.status is Status.DUPLICATE
    assert second.handlers == (
        HandlerResult(f"{__name__}.charge", None, None, 0, 0.0, (), Status.DUPLICATE),
    )
    assert second.ok
    assert not second.retryable
    assert shop.calls == 1


async def test_dispatch_raises_nothing_for_a_duplicate() -> None:
    shop = Shop(MemoryStore())
    await shop.router.dispatch(RAW)

    assert (await shop.router.dispatch(RAW)).status is Status.DUPLICATE


async def test_other_events_are_no_duplicates(store: AnyStore) -> None:
    shop = Shop(store)

    for raw in (RAW, raw_event(id="e-8", source="shop"), raw_event(id="e-7", source="web")):
        assert (await shop.router.process(raw)).status is Status.HANDLED


async def test_an_event_without_a_source_is_known_by_its_id() -> None:
    shop = Shop(MemoryStore())

    first, second = await deliver_twice(shop.router, raw_event(id="e-7"))

    assert [first.status, second.status] == [Status.HANDLED, Status.DUPLICATE]


async def test_a_duplicate_after_a_failed_first_delivery_runs_again(store: AnyStore) -> None:
    shop = Shop(store)
    shop.errors = [OSError("no network")]

    failed, again = await deliver_twice(shop.router, RAW)

    assert failed.status is Status.FAILED
    assert failed.retryable
    assert again.status is Status.HANDLED
    assert shop.calls == 2


async def test_after_a_partial_failure_only_what_failed_runs_again(store: AnyStore) -> None:
    shop = Shop(store)
    ran: list[str] = []

    @shop.router.on("order.paid")
    def audit(paid: Paid) -> None:
        ran.append("audit")

    shop.errors = [OSError("no network")]

    failed, again = await deliver_twice(shop.router, RAW)

    assert failed.status is Status.FAILED
    assert again.status is Status.HANDLED
    assert skipped(again) == [None, Status.DUPLICATE]
    assert (shop.calls, ran) == (2, ["audit"])


async def test_the_claim_is_held_over_all_attempts_of_a_handler(store: AnyStore) -> None:
    shop = Shop(store, retry=Retry(3, on=OSError), sleep=FakeSleep())
    shop.errors = [OSError(), OSError()]

    first, second = await deliver_twice(shop.router, RAW)

    assert first.handlers[0].attempts == 3
    assert second.status is Status.DUPLICATE


async def test_what_was_completed_is_forgotten_after_its_time(
    store: AnyStore, clock: FakeClock
) -> None:
    shop = Shop(Idempotency(store, ttl=timedelta(hours=1)))
    await shop.router.process(RAW)

    clock.advance(3_601)

    assert (await shop.router.process(RAW)).status is Status.HANDLED


async def test_an_observer_sees_an_event_once(store: AnyStore) -> None:
    shop, recorder = Shop(store), Recorder()
    shop.router.on_any(recorder)

    await deliver_twice(shop.router, RAW)

    assert recorder.types == ["order.paid"]


async def test_what_no_handler_takes_needs_no_key_and_is_observed_each_time() -> None:
    recorder = Recorder()
    router = Router(idempotency=MemoryStore(), unrouted="ignore")
    router.on_any(recorder)

    results = await deliver_twice(router, raw_event())

    assert [result.status for result in results] == [Status.IGNORED] * 2
    assert len(recorder.events) == 2


async def test_hooks_and_middleware_see_each_delivery() -> None:
    shop, seen = Shop(MemoryStore()), list[Any]()
    shop.router.before(lambda event: seen.append(event.id))

    @shop.router.middleware
    async def note_status(event: Event[Any], call_next: Any) -> Result:
        result: Result = await call_next(event)
        seen.append(result.status)
        return result

    await deliver_twice(shop.router, RAW)

    assert seen == ["e-7", Status.HANDLED, "e-7", Status.DUPLICATE]


async def test_the_middleware_of_an_included_router_sees_duplicates_as_such() -> None:
    shop, seen, around = Shop(None), list[Status](), Router(idempotency=MemoryStore())
    around.include(shop.router)

    @shop.router.middleware
    async def note_status(event: Event[Any], call_next: Any) -> Result:
        result: Result = await call_next(event)
        seen.append(result.status)
        return result

    await deliver_twice(around, RAW)

    assert seen == [Status.HANDLED, Status.DUPLICATE]


async def test_concurrent_handlers_run_once_each(store: AnyStore) -> None:
    router = Router(idempotency=store, concurrent=True)
    for name in ("charge", "send"):
        router.on("order.paid")(completing(name))

    first, second = await deliver_twice(router, RAW)

    assert skipped(first) == [None, None]
    assert second.status is Status.DUPLICATE


# Keys


async def test_key_says_what_an_event_is_known_by() -> None:
    shop = Shop(Idempotency(MemoryStore(), key=lambda event: event.payload["order"]))

    first, second = [await shop.router.process(raw_event(id=id)) for id in ("e-7", "e-8")]

    assert [first.status, second.status] == [Status.HANDLED, Status.DUPLICATE]


async def test_an_event_without_an_id_is_refused_and_no_handler_runs() -> None:
    shop, recorder = Shop(MemoryStore()), Recorder()
    shop.router.on_any(recorder)

    result = await shop.router.process(raw_event())

    assert result.status is Status.INVALID
    assert isinstance(result.error, MissingKey)
    assert "carries no id" in str(result.error)
    assert not result.retryable
    assert shop.calls == 0
    assert len(recorder.events) == 1


@pytest.mark.parametrize("key", [None, ""])
async def test_an_event_that_key_finds_nothing_in_is_refused(key: str | None) -> None:
    shop = Shop(Idempotency(MemoryStore(), key=lambda event: key))

    with pytest.raises(MissingKey, match="key= gave none"):
        await shop.router.dispatch(RAW)


async def test_what_key_raises_is_raised_with_a_note() -> None:
    shop = Shop(Idempotency(MemoryStore(), key=lambda event: event.payload["number"]))

    with pytest.raises(KeyError) as caught:
        await shop.router.dispatch(RAW)

    assert "key= of Idempotency" in caught.value.__notes__[0]


async def test_a_key_that_is_no_text_is_refused() -> None:
    shop = Shop(Idempotency(MemoryStore(), key=lambda event: 7))  # type: ignore[arg-type, return-value]

    with pytest.raises(RegistrationError, match="gave int, which is no text"):
        await shop.router.dispatch(RAW)


def test_explain_says_that_an_event_has_no_key() -> None:
    explanation = Shop(MemoryStore()).router.explain(raw_event())

    assert isinstance(explanation.error, MissingKey)
    assert "it has no key" in str(explanation)


def test_explain_says_why_payloads_are_not_read_straight() -> None:
    explanation = Shop(MemoryStore()).router.explain(RAW)

    assert "a handler runs once for an event" in str(explanation)


# At the same time


async def test_a_second_delivery_meanwhile_is_in_progress(store: AnyStore) -> None:
    shop = Shop(store)
    shop.may_end = anyio.Event()
    results: list[Result] = []

    async def deliver() -> None:
        results.append(await shop.router.process(RAW))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deliver)
        await shop.begun.wait()
        await deliver()
        shop.may_end.set()

    meanwhile, first = results
    assert meanwhile.status is Status.IN_PROGRESS
    assert skipped(meanwhile) == [Status.IN_PROGRESS]
    assert meanwhile.error is None
    assert meanwhile.retryable
    assert not meanwhile.ok
    assert first.status is Status.HANDLED
    assert shop.calls == 1


async def test_it_waits_for_the_other_delivery_if_told_to(store: AnyStore) -> None:
    shop = Shop(store)
    claim = await store.claim(ONE_KEY, 60)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            await store.complete(claim, 60)

    waiting = Shop(Idempotency(store, wait=10), sleep=sleep)

    result = await waiting.router.process(RAW)

    assert result.status is Status.DUPLICATE
    assert waits == [0.05, 0.1, 0.2]
    assert shop.calls == 0


async def test_it_waits_no_longer_than_it_is_told_to(store: AnyStore) -> None:
    sleep = FakeSleep()
    shop = Shop(Idempotency(store, wait=4), sleep=sleep)
    await store.claim(ONE_KEY, 60)

    result = await shop.router.process(RAW)

    assert result.status is Status.IN_PROGRESS
    assert sum(sleep.waits) == pytest.approx(4)


async def test_in_progress_counts_more_than_handled(store: AnyStore) -> None:
    shop = Shop(store)
    shop.router.on("order.paid")(completing("audit"))
    await store.claim(ONE_KEY, 60)

    result = await shop.router.process(RAW)

    assert skipped(result) == [Status.IN_PROGRESS, None]
    assert result.status is Status.IN_PROGRESS


async def test_what_failed_for_good_is_retryable_while_another_handler_is_in_progress() -> None:
    store = MemoryStore()
    shop = Shop(store)

    @shop.router.on("order.paid")
    def audit(paid: Paid) -> None:
        raise Unrecoverable

    await store.claim(ONE_KEY, 60)

    result = await shop.router.process(RAW)

    assert result.status is Status.FAILED
    assert result.retryable


# Leases


async def test_what_was_killed_can_be_claimed_again_after_its_lease(
    store: AnyStore, clock: FakeClock
) -> None:
    shop = Shop(store)
    await store.claim(ONE_KEY, 60)  # by a process that is gone

    assert (await shop.router.process(RAW)).status is Status.IN_PROGRESS
    clock.advance(61)
    assert (await shop.router.process(RAW)).status is Status.HANDLED


async def test_a_lease_is_renewed_while_the_handler_runs() -> None:
    store = Failing(clock=FakeClock())  # so that a late renewal is none too late
    shop = Shop(Idempotency(store, lease=0.03))
    shop.may_end = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shop.router.process, RAW)
        with anyio.fail_after(10):
            while store.called.count("renew") < 3:
                await anyio.lowlevel.checkpoint()
        shop.may_end.set()

    assert store.called[-1] == "complete"


async def test_a_store_that_fails_to_renew_is_asked_again() -> None:
    store = Failing(broken={"renew"}, clock=FakeClock())
    shop = Shop(Idempotency(store, lease=0.03))
    shop.may_end = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shop.router.process, RAW)
        with anyio.fail_after(10):
            while store.called.count("renew") < 2:
                await anyio.lowlevel.checkpoint()
        shop.may_end.set()

    assert (await shop.router.process(RAW)).status is Status.DUPLICATE


async def test_who_lost_the_claim_to_another_can_t_complete_and_says_so(
    store: AnyStore, clock: FakeClock
) -> None:
    shop = Shop(store)

    @shop.router.on("order.sent")
    async def send(paid: Paid) -> str:
        clock.advance(61)
        await store.claim(make_key(None, "e-8", send.__module__ + "." + send.__qualname__), 60)
        return "sent"

    result = await shop.router.process(raw_event("order.sent", id="e-8"))

    assert result.status is Status.FAILED
    assert isinstance(result.error, ClaimLost)
    assert "lease of 60 s" in str(result.error)
    assert result.handlers[0].value == "sent"
    assert result.retryable


async def test_who_is_late_completes_if_nobody_else_began(
    store: AnyStore, clock: FakeClock
) -> None:
    router = Router(idempotency=store)

    @router.on("order.paid")
    async def charge(paid: Paid) -> None:
        clock.advance(61)

    first, second = await deliver_twice(router, RAW)

    assert [first.status, second.status] == [Status.HANDLED, Status.DUPLICATE]


async def test_a_cancelled_handler_gives_its_claim_up(store: AnyStore) -> None:
    shop = Shop(store)
    shop.may_end = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shop.router.process, RAW)
        await shop.begun.wait()
        tasks.cancel_scope.cancel()

    shop.may_end = None
    assert (await shop.router.process(RAW)).status is Status.HANDLED


async def test_a_handler_that_ends_the_program_gives_its_claim_up(store: AnyStore) -> None:
    shop = Shop(store)
    shop.errors = [SystemExit(3)]

    with pytest.raises(SystemExit) as caught:
        await shop.router.process(RAW)

    assert caught.value.code == 3
    assert (await shop.router.process(RAW)).status is Status.HANDLED


async def test_a_cancellation_at_the_end_does_not_undo_what_was_done(store: AnyStore) -> None:
    router = Router(idempotency=store)
    scope = anyio.CancelScope()

    @router.on("order.paid")
    async def charge(paid: Paid) -> None:
        scope.cancel()

    with scope:
        await router.process(RAW)

    assert (await router.process(RAW)).status is Status.DUPLICATE


# A store that fails


async def test_no_handler_runs_if_nothing_can_be_claimed() -> None:
    store = Failing(broken={"claim"})
    shop = Shop(store)

    result = await shop.router.process(RAW)

    assert result.status is Status.FAILED
    assert isinstance(result.error, StoreError)
    assert result.handlers[0].attempts == 0
    assert result.retryable
    assert shop.calls == 0


async def test_what_can_t_be_completed_is_not_called_handled() -> None:
    shop = Shop(Failing(broken={"complete"}))

    result = await shop.router.process(RAW)

    assert isinstance(result.error, StoreError)
    assert result.handlers[0].value == PAID
    assert result.retryable


async def test_a_claim_that_can_t_be_given_up_is_noted_on_the_error() -> None:
    shop = Shop(Failing(broken={"release"}))
    shop.errors = [OSError("no network")]

    result = await shop.router.process(RAW)

    assert isinstance(result.error, OSError)
    assert result.error.__notes__[-1] == "besides, StoreError was raised: the disk is full"


async def test_whatever_a_store_raises_is_a_store_error() -> None:
    shop = Shop(Failing(broken={"claim"}, error=ConnectionResetError("by peer")))

    with pytest.raises(StoreError, match="Failing failed: ConnectionResetError: by peer") as caught:
        await shop.router.dispatch(RAW)

    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_a_store_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventrouter.stores.calling._PATIENCE", 0.01)

    class Silent(MemoryStore):
        async def claim(self, key: str, lease: float) -> Any:
            await anyio.sleep_forever()

    with pytest.raises(StoreError, match="Silent gave no answer"):
        await Shop(Silent()).router.dispatch(RAW)


# From sync code


def test_it_works_without_an_event_loop(store: AnyStore) -> None:
    router = Router(idempotency=store)
    router.on("order.paid")(completing("charge"))

    statuses = [router.dispatch_sync(RAW).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]


def test_a_sync_handler_that_failed_runs_again(store: AnyStore) -> None:
    router, errors = Router(idempotency=store), [OSError()]

    @router.on("order.paid")
    def charge(paid: Paid) -> None:
        if errors:
            raise errors.pop()

    statuses = [router.process_sync(RAW).status for _ in range(3)]

    assert statuses == [Status.FAILED, Status.HANDLED, Status.DUPLICATE]


def test_async_handlers_run_once_from_sync_code_too(store: AnyStore) -> None:
    shop = Shop(store)

    statuses = [shop.router.dispatch_sync(RAW).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]


def test_a_store_that_needs_an_event_loop_is_given_one() -> None:
    router = Router(idempotency=Waiting())
    router.on("order.paid")(completing("charge"))

    statuses = [router.dispatch_sync(RAW).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]


# Declaring


def test_what_is_no_store_is_refused() -> None:
    with pytest.raises(RegistrationError, match="is no IdempotencyStore"):
        Router(idempotency="events.db")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "terms",
    [{"lease": 0}, {"ttl": -1}, {"wait": -1}, {"lease": "60"}, {"key": "id"}, {"wait": None}],
    ids=str,
)
def test_terms_that_can_t_work_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(RegistrationError, match=next(iter(terms))):
        Idempotency(MemoryStore(), **terms)


def test_handlers_of_one_event_can_t_share_a_name() -> None:
    router = Router(idempotency=MemoryStore())
    router.on("order.paid")(completing("charge"))
    router.on("order.paid")(completing("charge"))

    with pytest.raises(RegistrationError, match="under one name"):
        router.compile()


async def test_nor_can_those_of_patterns_that_meet_in_an_event() -> None:
    router = Router(idempotency=MemoryStore())
    router.on("order.*")(completing("charge"))
    router.on("*.paid")(completing("charge"))

    with pytest.raises(RegistrationError, match="under one name"):
        await router.process(RAW)


def test_handlers_of_other_events_can() -> None:
    router = Router(idempotency=MemoryStore())
    router.on("order.paid")(completing("charge"))
    router.on("order.sent")(completing("charge"))

    router.compile()
