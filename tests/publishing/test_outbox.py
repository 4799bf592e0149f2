"""Events that lie in an outbox are published, whatever comes in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from eventrouter import (
    Event,
    Headers,
    Idempotency,
    MemoryStore,
    Outbox,
    RegistrationError,
    Router,
    SqliteStore,
    Status,
    StoreError,
    Unrecoverable,
)
from eventrouter.relay import Relay
from eventrouter.stores import OutboxStore, Outgoing, OutgoingCounts
from eventrouter.testing import FakeClock
from tests.events import Paid, raw_event
from tests.once.stores import Failing
from tests.postgres import postgres_store
from tests.publishing.publishers import Recording

pytestmark = pytest.mark.anyio

NEVER = 3_600.0  # seconds: what waits so long fails its test
EMPTY = OutgoingCounts(0, 0, 0, 0)
PAID = raw_event(id="e-1")
NOTHING: Any = object()
NONE: Any = None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[OutboxStore]:
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    if request.param == "postgres":
        with postgres_store(clock=clock) as in_database:
            yield in_database
        return
    in_file = SqliteStore(tmp_path / "events.db", clock=clock)
    yield in_file
    in_file.close()


@pytest.fixture
def publisher() -> Recording:
    return Recording()


@pytest.fixture
def outbox(store: OutboxStore, publisher: Recording) -> Outbox:
    return Outbox(store, publisher, poll=NEVER)


@pytest.fixture
def router(store: OutboxStore, publisher: Recording) -> Router:
    """One that gives an event for each that it gets, of the type in its payload."""
    router = Router(idempotency=store, publisher=publisher)

    @router.on("asked")
    async def give(types: list[str]) -> list[Event[None]]:
        return [Event.new(type, None) for type in types]

    return router


def asked(*types: str, id: str = "e-1", **metadata: str) -> bytes:
    return raw_event("asked", list(types), id=id, **metadata)


async def emptied(relay: Relay) -> None:
    with anyio.fail_after(30):
        await relay.emptied()


async def published(publisher: Recording, count: int) -> None:
    with anyio.fail_after(30):
        while len(publisher.events) < count:
            await anyio.lowlevel.checkpoint()


# From the handler to the publisher


async def test_with_an_outbox_events_are_kept_with_the_key_and_published_from_there(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    result = await router.dispatch(asked("a", "b"))

    assert (result.status, publisher.tried) == (Status.HANDLED, [])
    assert (await outbox.count()).ready == 1  # and the other behind it

    async with outbox.relaying() as relay:
        await emptied(relay)

    assert (publisher.types, relay.published) == (["a", "b"], 2)
    assert publisher.ids == [event.id for event in result.handlers[0].value]
    assert dict(publisher.events[0].metadata) == publisher.bodies[0]["metadata"]
    assert publisher.headers[0] == {"Content-Type": "application/json"}
    assert await outbox.count() == EMPTY


async def test_it_wakes_at_once_when_something_is_put_there(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    async with outbox.relaying() as relay:
        await router.dispatch(asked("a"))
        await emptied(relay)
        await anyio.to_thread.run_sync(router.dispatch_sync, asked("b", id="e-2"))
        await emptied(relay)

    assert publisher.types == ["a", "b"]


def test_events_given_in_sync_code_are_kept_there(store: OutboxStore, router: Router) -> None:
    router.dispatch_sync(asked("a"))

    async def publish() -> list[str]:
        publisher = Recording()
        async with Outbox(store, publisher).relaying() as relay:
            await relay.emptied()
        return publisher.types

    assert anyio.run(publish) == ["a"]


async def test_a_duplicate_gives_nothing(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    statuses = [(await router.dispatch(asked("a"))).status for _ in range(2)]

    async with outbox.relaying() as relay:
        await emptied(relay)

    assert statuses == [Status.HANDLED, Status.DUPLICATE]
    assert publisher.types == ["a"]


async def test_a_handler_that_failed_gives_nothing(
    store: OutboxStore, outbox: Outbox, publisher: Recording
) -> None:
    router = Router(idempotency=store, publisher=publisher)

    @router.on("order.paid")
    def handle(paid: Paid) -> Iterator[Event[None]]:
        yield Event.new("a", None)
        raise ConnectionError

    assert (await router.process(PAID)).status is Status.FAILED
    assert await outbox.count() == EMPTY


async def test_a_handler_whose_claim_was_lost_gives_nothing(
    store: OutboxStore, outbox: Outbox, clock: FakeClock, publisher: Recording
) -> None:
    router = Router(idempotency=Idempotency(store, lease=60), publisher=publisher)
    other = Router(idempotency=store)
    other.add_route("order.paid", _handle_elsewhere)

    async def handle(paid: Paid) -> Event[None]:
        clock.advance(61)
        await other.dispatch(PAID)
        return Event.new("a", None)

    handle.__module__, handle.__qualname__ = "shop", "handle"
    router.add_route("order.paid", handle)

    assert (await router.process(PAID)).status is Status.FAILED
    assert await outbox.count() == EMPTY


async def _handle_elsewhere(paid: Paid) -> None: ...


_handle_elsewhere.__module__, _handle_elsewhere.__qualname__ = "shop", "handle"


async def test_what_can_t_be_written_is_not_kept_and_the_key_is_free(
    store: OutboxStore, outbox: Outbox, publisher: Recording
) -> None:
    router, values = Router(idempotency=store, publisher=publisher), [object(), 1]

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[Any]:
        return Event.new("a", values.pop(0))

    assert (await router.process(PAID)).status is Status.FAILED
    assert await outbox.count() == EMPTY
    assert (await router.process(PAID)).status is Status.HANDLED
    assert (await outbox.count()).ready == 1


async def test_if_the_store_fails_nothing_is_published_and_the_event_stays(
    publisher: Recording,
) -> None:
    store = Failing(broken={"complete"})
    router = Router(idempotency=store, publisher=publisher)

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[None]:
        return Event.new("a", None)

    result = await router.process(PAID)

    assert isinstance(result.error, StoreError)
    assert result.retryable
    assert publisher.tried == []


async def test_what_an_earlier_process_left_is_published(
    router: Router, store: OutboxStore, publisher: Recording, clock: FakeClock
) -> None:
    await router.dispatch(asked("a", "b"))
    await store.take_outgoing(limit=10, lease=60)  # and was killed
    clock.advance(60)

    async with Outbox(store, publisher).relaying() as relay:
        await emptied(relay)

    assert publisher.types == ["a", "b"]


async def test_what_another_process_put_there_is_found(
    tmp_path: Path, publisher: Recording
) -> None:
    here, there = SqliteStore(tmp_path / "events.db"), SqliteStore(tmp_path / "events.db")
    async with Outbox(here, publisher, poll=0.01).relaying():
        claim = await there.claim("key", 60)
        await there.complete(claim, 60, [Outgoing(Event("a", None), b"1", {}, "k")])
        await published(publisher, 1)

    assert publisher.raw == [b"1"]
    here.close()
    there.close()


async def test_who_puts_events_there_is_warned_once_if_nothing_publishes_them(
    router: Router, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with outbox.relaying() as relay:
        await router.dispatch(asked("a"))
        await emptied(relay)
    assert caplog.messages == []

    await router.dispatch(asked("a", id="e-2"))
    await router.dispatch(asked("a", id="e-3"))

    [message] = caplog.messages
    assert "waits in the outbox of" in message


async def test_a_store_without_a_hash_has_an_outbox_too(
    publisher: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    class Unhashable(MemoryStore):
        __hash__ = None  # type: ignore[assignment]

    store = Unhashable()
    router = Router(idempotency=store, publisher=publisher)
    router.add_route("order.paid", _give_one)
    await router.dispatch(PAID)
    assert len(caplog.messages) == 1

    async with Outbox(store, publisher).relaying() as relay:
        await emptied(relay)

    assert publisher.types == ["a"]


async def _give_one(paid: Paid) -> Event[None]:
    return Event.new("a", None)


async def test_events_of_an_observer_without_a_key_are_published_at_once(
    store: OutboxStore, publisher: Recording, outbox: Outbox
) -> None:
    """There is no claim to complete with them: no handler takes the event."""
    router = Router(idempotency=store, publisher=publisher, unrouted="ignore")

    @router.on_any
    async def see(event: Event) -> Event[None]:
        return Event.new("seen", None)

    await router.dispatch(PAID)

    assert publisher.types == ["seen"]
    assert await outbox.count() == EMPTY


# Order


async def test_events_of_one_story_are_published_in_the_order_they_came(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    for number in range(20):
        story = f"story {number % 3}"
        await router.dispatch(asked(f"{number}", id=f"e-{number}", correlation_id=story))

    async with outbox.relaying() as relay:
        await emptied(relay)

    for story_number in range(3):
        of_story = [int(type) for type in publisher.types if int(type) % 3 == story_number]
        assert of_story == sorted(of_story)
    assert len(publisher.types) == 20


async def test_more_than_are_taken_at_once_are_published_too(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    types = [str(number) for number in range(250)]
    await router.dispatch(asked(*types))

    async with outbox.relaying() as relay:
        await emptied(relay)

    assert publisher.types == types


async def test_several_relays_share_the_work(
    router: Router, store: OutboxStore, publisher: Recording
) -> None:
    for number in range(150):
        await router.dispatch(asked(f"a{number}", f"b{number}", id=f"e-{number}"))

    first, second = Outbox(store, publisher), Outbox(store, publisher)
    async with first.relaying() as one, second.relaying() as other:
        await emptied(one)
        await emptied(other)

    assert len(publisher.types) == len(set(publisher.types)) == 300
    assert one.published + other.published == 300
    for number in range(150):
        assert publisher.types.index(f"a{number}") < publisher.types.index(f"b{number}")


# When publishing fails


class Counting(Recording):
    """Says when it has been called so many times."""

    def __init__(self, until: int, **named: Any) -> None:
        super().__init__(**named)
        self.until = until
        self.reached = anyio.Event()

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        if len(self.tried) + 1 >= self.until:
            self.reached.set()
        await super().publish(event, raw, headers)


async def test_while_the_receiver_is_away_events_wait_and_are_published_then(
    tmp_path: Path,
) -> None:
    publisher = Counting(4, error=ConnectionError("away"))
    store = SqliteStore(tmp_path / "events.db")
    router = Router(idempotency=store, publisher=publisher)

    @router.on("asked")
    async def give(types: list[str]) -> list[Event[None]]:
        return [Event.new(type, None) for type in types]

    for number in range(5):
        await router.dispatch(asked(f"a{number}", f"b{number}", id=f"e-{number}"))

    outbox = Outbox(store, publisher, poll=0.01, longest_wait=0.02)
    async with outbox.relaying() as relay:
        with anyio.fail_after(30):
            await publisher.reached.wait()
        assert publisher.types == []
        assert (await outbox.count()).failed >= 3
        publisher.error = None
        await emptied(relay)

    assert len(publisher.types) == len(set(publisher.types)) == 10
    for number in range(5):
        assert publisher.types.index(f"a{number}") < publisher.types.index(f"b{number}")
    store.close()


async def test_while_nothing_goes_out_one_event_at_a_time_is_tried(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    for number in range(150):
        await router.dispatch(asked("a", id=f"e-{number}"))
    publisher.error = ConnectionError("away")

    async with outbox.relaying() as relay:
        with anyio.fail_after(30):
            while relay.failed < 102:  # a hundred at once, and then two alone
                await anyio.lowlevel.checkpoint()
        assert (await outbox.count()).taken <= 1


@pytest.mark.parametrize("error", [ValueError("too large"), Unrecoverable("too large")])
async def test_an_event_that_can_t_be_published_holds_up_its_own_story_alone(
    router: Router,
    outbox: Outbox,
    publisher: Recording,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    publisher.error, publisher.refused = error, {"too large"}
    await router.dispatch(asked("before", "too large", "after"))
    for number in range(10):
        await router.dispatch(asked("other", id=f"o-{number}"))
    caplog.clear()

    async with outbox.relaying():
        await published(publisher, 11)

    assert sorted(publisher.types) == ["before", *["other"] * 10]
    assert await outbox.count() == OutgoingCounts(0, 2, 0, 1)
    [message] = caplog.messages
    assert '"too large" with id' in message
    assert "number 2 in the outbox, could not be published, attempt 1" in message


async def test_an_operator_may_remove_it_and_its_story_goes_on(
    router: Router, outbox: Outbox, publisher: Recording
) -> None:
    publisher.error, publisher.refused = ValueError("too large"), {"too large"}
    await router.dispatch(asked("too large", "after"))
    async with outbox.relaying() as relay:
        with anyio.fail_after(30):
            while not relay.failed:
                await anyio.lowlevel.checkpoint()

    assert await outbox.store.sent(["1"]) == 1
    async with outbox.relaying() as relay:
        await emptied(relay)

    assert publisher.types == ["after"]


async def test_what_would_be_published_when_the_lease_may_be_over_is_given_back() -> None:
    given_back = list[str]()

    class Noting(MemoryStore):
        async def give_back_outgoing(
            self, outgoing: Iterable[Outgoing], delay: float = 0, *, charge: bool = False
        ) -> int:
            events = list(outgoing)
            given_back.extend(each.event.type for each in events)
            return await super().give_back_outgoing(events, delay, charge=charge)

    class Slow(Recording):
        async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
            if not self.tried:
                await anyio.sleep(0.06)
            await super().publish(event, raw, headers)

    store, slow = Noting(), Slow()
    events = [Outgoing(Event(type, None), b"1", {}, "k") for type in ("a", "b")]
    await store.complete(await store.claim("key", 60), 60, events)

    async with Outbox(store, slow, lease=0.1, poll=0.01).relaying() as relay:
        await emptied(relay)

    assert "b" in given_back
    assert list(dict.fromkeys(slow.types)) == ["a", "b"]


async def test_if_the_store_fails_for_a_while_nothing_is_lost(publisher: Recording) -> None:
    store = FailingOutbox()
    outbox = Outbox(store, publisher, poll=0.01)
    claim = await store.claim("a", 60)
    await store.complete(claim, 60, [Outgoing(Event("a", None), b"1", {}, "k")])
    for broken in ("take_outgoing", "sent"):
        store.broken.add(broken)

    async with outbox.relaying() as relay:
        with anyio.fail_after(30):
            await store.failed("take_outgoing")
            store.broken.discard("take_outgoing")
            await store.failed("sent")
            store.broken.discard("sent")
        await emptied(relay)

    assert publisher.types == ["a"]


class FailingOutbox(MemoryStore):
    """A store whose methods of some names fail."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "broken", set[str]())
        object.__setattr__(self, "_failed", set[str]())

    broken: set[str]
    _failed: set[str]

    async def failed(self, name: str) -> None:
        while name not in self._failed:
            await anyio.lowlevel.checkpoint()

    def _check(self, name: str) -> None:
        if name in self.broken:
            self._failed.add(name)
            raise StoreError("the disk is full")

    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        self._check("take_outgoing")
        return await super().take_outgoing(limit=limit, lease=lease)

    async def sent(self, ids: Any) -> int:
        self._check("sent")
        return await super().sent(ids)


# The end


class Stuck(Recording):
    """A publisher whose events are confirmed when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = anyio.Event(), anyio.Event()

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().publish(event, raw, headers)


async def test_at_the_end_what_is_being_published_is_and_no_more_is_begun(
    router: Router, store: OutboxStore
) -> None:
    publisher = Stuck()
    outbox = Outbox(store, publisher)
    await router.dispatch(asked("a", "b"))

    async with outbox.relaying(grace=NEVER), anyio.create_task_group() as tasks:
        await publisher.begun.wait()

        async def go_on() -> None:
            await anyio.wait_all_tasks_blocked()
            publisher.go_on.set()

        tasks.cancel_scope.shield = True
        tasks.start_soon(go_on)

    assert publisher.types[:1] == ["a"]


async def test_what_is_not_published_within_the_grace_is_given_back(
    router: Router, store: OutboxStore
) -> None:
    publisher = Stuck()
    await router.dispatch(asked("a", "b"))

    async with Outbox(store, publisher).relaying(grace=0):
        await publisher.begun.wait()

    assert publisher.types == []
    assert await store.count_outgoing() == OutgoingCounts(1, 1, 0, 0)


async def test_what_is_not_published_when_it_is_cancelled_is_given_back(
    router: Router, store: OutboxStore
) -> None:
    publisher = Stuck()
    await router.dispatch(asked("a", "b"))

    with anyio.CancelScope() as scope:
        async with Outbox(store, publisher).relaying():
            await publisher.begun.wait()
            scope.cancel()
            await anyio.sleep_forever()

    assert await store.count_outgoing() == OutgoingCounts(1, 1, 0, 0)


async def test_an_error_in_its_body_is_raised_once_all_is_at_rest(outbox: Outbox) -> None:
    with pytest.raises(KeyError):
        async with outbox.relaying():
            raise KeyError


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Outbox(NOTHING, Recording()), "is no OutboxStore: SqliteStore"),
        (lambda: Outbox(MemoryStore(), NOTHING), "it is an object with async def publish"),
        (lambda: Outbox(MemoryStore(), NONE), "an Outbox needs who takes its events"),
        (lambda: Outbox(MemoryStore(), Recording(), poll=0), "poll=0: it is a number of seconds"),
        (lambda: Outbox(MemoryStore(), Recording(), lease=-1), "lease=-1"),
        (lambda: Outbox(MemoryStore(), Recording(), longest_wait=0), "longest_wait=0"),
    ],
)
def test_what_can_t_work_is_refused(make: Any, told: str) -> None:
    with pytest.raises(RegistrationError, match=told):
        make()


async def test_a_grace_that_is_none_is_refused(outbox: Outbox) -> None:
    with pytest.raises(RegistrationError, match="grace=-1: it is a number of seconds from 0"):
        async with outbox.relaying(grace=-1):
            raise AssertionError


def test_a_router_says_where_its_events_wait() -> None:
    store = MemoryStore()

    assert Router(idempotency=store).outbox_store is store
    assert Router().outbox_store is None
