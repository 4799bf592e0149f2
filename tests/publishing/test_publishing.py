"""Events that handlers return or yield are published before their event is acknowledged."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio
import pytest
from attrs import frozen
from cattrs import Converter

from eventrouter import (
    CallNext,
    CloudEventsEnvelope,
    Event,
    HandlerTimeout,
    Header,
    Headers,
    Idempotency,
    Inbox,
    MalformedEvent,
    MappedEnvelope,
    MemoryStore,
    PublishError,
    RegistrationError,
    Result,
    Retry,
    Router,
    Status,
    Unrecoverable,
    make_converter,
)
from eventrouter.testing import FakeClock, FakeSleep
from tests.events import Paid, raw_event
from tests.publishing.publishers import Recording, Waiting

pytestmark = pytest.mark.anyio


@frozen
class Shipped:
    order: str
    at: datetime


MOMENT = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAID = raw_event(id="e-1", source="shop")


def shipped(order: str = "o-1", **parts: Any) -> Event[Shipped]:
    return Event.new("order.shipped", Shipped(order, MOMENT), timestamp=MOMENT, **parts)


@pytest.fixture
def publisher() -> Recording:
    return Recording()


@pytest.fixture
def router(publisher: Recording) -> Router:
    return Router(publisher=publisher)


# What is published


async def test_an_event_that_a_handler_returns_is_published(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    async def ship(paid: Paid) -> Event[Shipped]:
        return shipped(paid.order, source="shipping", id="s-1")

    result = await router.dispatch(PAID)

    assert result.status is Status.HANDLED
    assert publisher.bodies == [
        {
            "event_type": "order.shipped",
            "timestamp": "2026-05-04T12:00:00Z",
            "payload": {"order": "o-1", "at": "2026-05-04T12:00:00Z"},
            "metadata": {
                "id": "s-1",
                "source": "shipping",
                "correlation_id": "e-1",
                "causation_id": "e-1",
            },
        }
    ]
    assert publisher.headers == [{"Content-Type": "application/json"}]
    assert publisher.events[0].timestamp == MOMENT
    assert dict(publisher.events[0].metadata) == publisher.bodies[0]["metadata"]
    assert publisher.events[0].payload is None


def as_list(paid: Paid) -> list[Event[Shipped]]:
    return [shipped("a"), shipped("b")]


def as_tuple(paid: Paid) -> tuple[Event[Shipped], ...]:
    return (shipped("a"), shipped("b"))


def as_generator(paid: Paid) -> Iterator[Event[Shipped]]:
    yield shipped("a")
    yield shipped("b")


async def later(paid: Paid) -> list[Event[Shipped]]:
    return [shipped("a"), shipped("b")]


async def as_async_generator(paid: Paid) -> AsyncIterator[Event[Shipped]]:
    yield shipped("a")
    yield shipped("b")


@pytest.mark.parametrize("thread", [True, False])
@pytest.mark.parametrize("handler", [as_list, as_tuple, as_generator, later, as_async_generator])
async def test_several_are_published_in_order(
    router: Router, publisher: Recording, handler: Any, thread: bool
) -> None:
    router.add_route("order.paid", handler, thread=thread)

    await router.dispatch(PAID)

    assert [body["payload"]["order"] for body in publisher.bodies] == ["a", "b"]


@pytest.mark.parametrize("value", [None, 7, "text", [], (), ["a", 1], {"a": 1}])
async def test_what_is_no_event_is_in_the_result_alone(
    router: Router, publisher: Recording, value: Any
) -> None:
    @router.on("order.paid")
    async def handle(paid: Paid) -> Any:
        return value

    result = await router.dispatch(PAID)

    assert result.handlers[0].value is value
    assert publisher.tried == []


async def test_events_among_other_things_are_refused(router: Router, publisher: Recording) -> None:
    """Whether the rest was meant to be published too, nobody can tell."""

    @router.on("order.paid")
    async def handle(paid: Paid) -> list[Any]:
        return [shipped(), "done"]

    result = await router.process(PAID)

    assert isinstance(result.error, RegistrationError)
    assert "gave events and, among them, str; a handler gives events alone" in str(result.error)
    assert publisher.tried == []


async def test_without_a_publisher_events_are_in_the_result_alone() -> None:
    router, event = Router(), shipped()

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[Shipped]:
        return event

    assert (await router.dispatch(PAID)).handlers[0].value is event


async def test_each_handler_publishes_and_so_do_observers_and_the_fallback(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[None]:
        return Event.new("of.handler", None)

    @router.on_any
    async def see(event: Event) -> Event[None]:
        return Event.new("of.observer", None)

    @router.fallback
    async def keep(event: Event) -> Event[None]:
        return Event.new("of.fallback", None)

    await router.dispatch(PAID)
    await router.dispatch(raw_event("unknown", id="e-2"))

    assert publisher.types == ["of.handler", "of.observer", "of.observer", "of.fallback"]


async def test_the_payload_is_written_by_the_converter_of_the_handlers_router(
    router: Router, publisher: Recording
) -> None:
    converter: Converter = make_converter()
    converter.register_unstructure_hook(Shipped, lambda value: value.order.upper())
    inner = Router(converter=converter)
    router.include(inner)

    @inner.on("order.paid")
    async def handle(paid: Paid) -> Event[Shipped]:
        return shipped("o-1")

    await router.dispatch(PAID)

    assert publisher.bodies[0]["payload"] == "O-1"


async def test_the_result_has_the_events_as_they_were_published(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    def handle(paid: Paid) -> list[Event[Shipped]]:
        return [shipped()]

    [event] = (await router.dispatch(PAID)).handlers[0].value

    assert event.id == publisher.ids[0]
    assert event.metadata["causation_id"] == "e-1"
    assert event.payload == Shipped("o-1", MOMENT)


# Where and when


async def test_it_is_published_before_the_next_handler_runs(
    router: Router, publisher: Recording
) -> None:
    seen = list[list[str]]()

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[Shipped]:
        return shipped()

    @router.on("order.paid")
    async def look(paid: Paid) -> None:
        seen.append(publisher.types)

    await router.dispatch(PAID)

    assert seen == [["order.shipped"]]


@pytest.mark.parametrize("make", [Recording, Waiting])
@pytest.mark.parametrize("handler", [as_generator, as_async_generator])
def test_it_is_published_from_sync_code(handler: Any, make: type[Recording]) -> None:
    publisher = make()
    router = Router(publisher=publisher)
    router.add_route("order.paid", handler)

    assert router.dispatch_sync(PAID).status is Status.HANDLED
    assert publisher.types == ["order.shipped"] * 2


def test_from_sync_code_no_event_loop_is_started_if_nothing_waits(
    router: Router, publisher: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anyio, "run", None)
    router.add_route("order.paid", as_generator)

    router.dispatch_sync(PAID)

    assert publisher.types == ["order.shipped"] * 2


async def test_it_is_published_for_many_events_each(router: Router, publisher: Recording) -> None:
    router.add_route("order.paid", as_async_generator)
    events = [raw_event(id=f"e-{number}") for number in range(5)]

    results = [result async for result in router.dispatch_many(events, concurrency=3)]

    assert [result.status for result in results] == [Status.HANDLED] * 5
    causes = [event.metadata["causation_id"] for event in publisher.events]
    assert sorted(causes) == [f"e-{number}" for number in range(5) for _ in range(2)]


async def test_it_is_published_by_the_workers_of_an_inbox(
    router: Router, publisher: Recording
) -> None:
    router.add_route("order.paid", as_list)
    inbox = Inbox(MemoryStore())
    await inbox.accept(PAID)

    async with inbox.workers(router) as workers:
        await workers.emptied()

    assert publisher.types == ["order.shipped"] * 2


async def test_handlers_that_run_at_the_same_time_publish_too(publisher: Recording) -> None:
    router = Router(publisher=publisher, concurrent=True)
    router.add_route("order.paid", as_list)
    router.add_route("order.paid", later)

    await router.dispatch(PAID)

    assert publisher.types == ["order.shipped"] * 4


async def test_a_handler_in_order_publishes_before_the_next_of_its_key_runs(
    publisher: Recording,
) -> None:
    router = Router(publisher=publisher, ordered_by=lambda event: event.payload["order"])
    seen = list[int]()

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[Shipped]:
        seen.append(len(publisher.events))
        return shipped()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(router.dispatch, raw_event(id=f"e-{number}"))

    assert seen == [0, 1, 2]


async def test_a_publisher_may_be_set_once_events_have_been_dispatched() -> None:
    router, publisher = Router(), Recording()
    outer = Router()
    outer.include(router)
    router.add_route("order.paid", later)
    await router.dispatch(PAID)
    assert router.publisher is None

    router.publisher = publisher
    await router.dispatch(PAID)
    assert publisher.types == ["order.shipped"] * 2

    await outer.dispatch(PAID)  # that of an included router does not count
    router.publisher = None
    await router.dispatch(PAID)
    assert publisher.types == ["order.shipped"] * 2


def test_what_can_t_publish_is_refused() -> None:
    with pytest.raises(RegistrationError, match="publisher=5: it is an object with async def"):
        Router(publisher=5)  # type: ignore[arg-type]
    with pytest.raises(RegistrationError, match="publisher='a'"):
        Router().publisher = "a"  # type: ignore[assignment]


def test_it_is_said_why_events_are_not_read_straight_then() -> None:
    router, publisher = Router(), Recording()
    router.add_route("order.paid", later)
    [route] = router.routes()
    assert "published" not in str(router.way_of(route))

    router.publisher = publisher

    [route] = router.routes()
    assert "what a handler gives is published" in str(router.way_of(route))


# What tells it from others


async def ids_of(router: Router, publisher: Recording, raw: bytes) -> list[str | None]:
    publisher.events.clear()
    await router.dispatch(raw)
    return publisher.ids


async def test_a_repeat_publishes_the_same_ids(router: Router, publisher: Recording) -> None:
    router.add_route("order.paid", as_list)
    router.add_route("order.paid", as_generator)

    ids = await ids_of(router, publisher, PAID)

    assert len(set(ids)) == 4  # by handler, and by position
    assert all(id is not None and UUID(id).version == 5 for id in ids)
    assert await ids_of(router, publisher, PAID) == ids
    assert not set(await ids_of(router, publisher, raw_event(id="e-1", source="b"))) & set(ids)
    assert not set(await ids_of(router, publisher, raw_event(id="e-2", source="shop"))) & set(ids)


async def test_the_ids_are_these_for_good(router: Router, publisher: Recording) -> None:
    """Another version of the library gives the same, or a repeat after an upgrade is another."""

    async def handle(paid: Paid) -> Event[None]:
        return Event.new("a", None)

    handle.__module__, handle.__qualname__ = "shop", "handle"
    router.add_route("order.paid", handle)

    assert await ids_of(router, publisher, PAID) == ["1830fff0-cfb0-51c7-88ac-8f4b24ad899f"]


def test_handlers_of_one_name_on_one_event_are_refused(router: Router) -> None:
    """What one gives would have the ids of what the other gives."""

    def make() -> Any:
        def handle(paid: Paid) -> Event[Shipped]:
            return shipped()

        return handle

    router.add_route("order.paid", make())
    router.add_route("order.paid", make())

    with pytest.raises(RegistrationError, match=r"under one name, by which .* give each its own"):
        router.compile()


async def test_by_what_an_event_is_known_by_the_key_of_idempotency(publisher: Recording) -> None:
    def order_of(event: Event) -> str:
        return str(event.payload["order"])

    def router() -> Router:
        made = Router(idempotency=Idempotency(MemoryStore(), key=order_of), publisher=publisher)
        made.add_route("order.paid", as_list)
        return made

    first, again = router(), router()
    await first.dispatch(raw_event(id="e-1"))
    await again.dispatch(raw_event(id="e-2"))

    for made in (first, again):
        store = made.outbox_store
        assert store is not None
        for outgoing in await store.take_outgoing(limit=10, lease=60):
            publisher.events.append(outgoing.event)
    assert publisher.ids[:2] == publisher.ids[2:]


async def test_of_an_event_without_an_id_each_repeat_has_others(
    router: Router, publisher: Recording
) -> None:
    router.add_route("order.paid", as_list)

    ids = await ids_of(router, publisher, raw_event())

    assert all(id is not None and UUID(id).version == 4 for id in ids)
    assert not set(ids) & set(await ids_of(router, publisher, raw_event()))
    assert "causation_id" not in publisher.events[0].metadata
    assert "correlation_id" not in publisher.events[0].metadata


async def test_an_id_that_the_handler_gave_or_looked_at_is_kept(
    router: Router, publisher: Recording
) -> None:
    noted = list[str | None]()

    @router.on("order.paid")
    async def handle(paid: Paid) -> list[Event[Shipped]]:
        looked_at, given = shipped(), shipped(id="s-1")
        noted.extend([looked_at.id, given.id])
        return [looked_at, given]

    assert await ids_of(router, publisher, PAID) == noted


async def test_what_is_correlated_stays_so_and_what_the_handler_set_is_kept(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    async def handle(paid: Paid) -> list[Event[Shipped]]:
        return [shipped(), shipped(metadata={"correlation_id": "mine", "causation_id": "that"})]

    await router.dispatch(raw_event(id="e-1", correlation_id="story"))

    found = [(e.metadata["correlation_id"], e.metadata["causation_id"]) for e in publisher.events]
    assert found == [("story", "e-1"), ("mine", "that")]


# Other envelopes


async def test_in_cloud_events_the_names_are_those_of_attributes(publisher: Recording) -> None:
    router = Router(envelope=CloudEventsEnvelope(), publisher=publisher)

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[Shipped]:
        return shipped(source="/shipping")

    cause = Event.new("order.paid", {"order": "o-1", "cents": 1}, id="e-1", source="/shop")
    await router.dispatch(*router.write(cause))

    [body] = publisher.bodies
    assert (body["correlationid"], body["causationid"]) == ("e-1", "e-1")
    read = router.read(publisher.raw[0], publisher.headers[0])
    assert read.metadata["correlation_id"] == "e-1"
    assert read.id == publisher.ids[0]


async def test_what_an_envelope_has_no_place_for_is_left_out(publisher: Recording) -> None:
    with_id = MappedEnvelope(type="type", payload="data", id=Header("X-Id"))
    router = Router(envelope=with_id, publisher=publisher)

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[int]:
        return Event.new("counted", 1)

    await router.dispatch({"type": "order.paid", "data": {"order": "o", "cents": 1}}, {"X-Id": "e"})

    assert publisher.bodies == [{"type": "counted", "data": 1}]
    assert publisher.headers[0]["X-Id"] == publisher.ids[0]
    assert publisher.events[0].metadata["causation_id"] == "e"


async def test_where_an_envelope_has_no_place_for_an_id_the_publisher_has_it(
    publisher: Recording,
) -> None:
    router = Router(envelope=MappedEnvelope(type="type", payload="data"), publisher=publisher)

    @router.on("a")
    async def handle(payload: Any) -> Event[int]:
        return Event.new("counted", 1)

    await router.dispatch({"type": "a", "data": None})

    assert publisher.bodies == [{"type": "counted", "data": 1}]
    assert publisher.ids[0]


async def test_what_the_handler_set_is_not_left_out(publisher: Recording) -> None:
    router = Router(envelope=MappedEnvelope(type="type", payload="data"), publisher=publisher)

    @router.on("a")
    async def handle(payload: Any) -> Event[int]:
        return Event.new("counted", 1, metadata={"tenant": "acme"})

    result = await router.process({"type": "a", "data": None})

    assert isinstance(result.error, MalformedEvent)


# What is not published


async def test_nothing_is_published_for_a_handler_that_raised(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    async def handle(paid: Paid) -> AsyncIterator[Event[Shipped]]:
        yield shipped()
        raise ConnectionError

    assert (await router.process(PAID)).status is Status.FAILED
    assert publisher.tried == []


async def test_nothing_is_published_for_a_handler_that_took_too_long(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid", timeout=0.01)
    async def handle(paid: Paid) -> AsyncIterator[Event[Shipped]]:
        yield shipped()
        await anyio.sleep_forever()

    assert isinstance((await router.process(PAID)).error, HandlerTimeout)
    assert publisher.tried == []


async def test_what_failed_attempts_gave_is_not_published(publisher: Recording) -> None:
    router = Router(publisher=publisher, retry=Retry(3, on=OSError), sleep=FakeSleep())
    attempts = list[int]()

    @router.on("order.paid")
    def handle(paid: Paid) -> Iterator[Event[Shipped]]:
        attempts.append(1)
        yield shipped()
        if len(attempts) < 3:
            raise ConnectionError

    await router.dispatch(PAID)

    assert publisher.types == ["order.shipped"]


class KeysAlone:
    """A store of keys that has no outbox."""

    needs_loop = False

    def __init__(self) -> None:
        store = MemoryStore(clock=FakeClock())
        self.claim, self.renew, self.complete = store.claim, store.renew, store.complete
        self.release, self.purge_keys = store.release, store.purge_keys


async def test_nothing_is_published_for_a_duplicate(publisher: Recording) -> None:
    router = Router(idempotency=KeysAlone(), publisher=publisher)
    router.add_route("order.paid", as_generator)
    assert router.outbox_store is None

    statuses = [(await router.dispatch(PAID)).status for _ in range(2)]

    assert statuses == [Status.HANDLED, Status.DUPLICATE]
    assert publisher.types == ["order.shipped"] * 2


async def test_replaying_a_dead_letter_publishes_for_the_handlers_that_run(
    publisher: Recording,
) -> None:
    store = MemoryStore()
    router = Router(dead_letters=store, publisher=publisher)
    is_away = [True]

    @router.on("order.paid")
    async def handle(paid: Paid) -> Event[None]:
        return Event.new("of.first", None)

    @router.on("order.paid")
    async def handle_too(paid: Paid) -> Event[None]:
        if is_away:
            raise ConnectionError
        return Event.new("of.second", None)

    await router.process(PAID)
    assert publisher.types == ["of.first"]
    is_away.clear()
    [letter] = (await store.find_letters()).letters
    await router.replay(letter)

    assert publisher.types == ["of.first", "of.second"]


async def test_a_middleware_that_changes_the_event_changes_what_is_correlated(
    router: Router, publisher: Recording
) -> None:
    router.add_route("order.paid", later)

    @router.middleware
    async def change(event: Event, call_next: CallNext) -> Result:
        metadata = {**event.metadata, "correlation_id": "of middleware"}
        return await call_next(Event(event.type, event.payload, event.timestamp, metadata))

    await router.dispatch(PAID)

    assert publisher.events[0].metadata["correlation_id"] == "of middleware"


# When publishing fails


async def test_what_can_t_be_published_fails_so_that_its_cause_is_delivered_again(
    publisher: Recording,
) -> None:
    store = MemoryStore()
    router = Router(dead_letters=store, publisher=publisher)
    router.add_route("order.paid", later)
    publisher.error = ConnectionError("amqp://user:password@host is away")

    result = await router.process(PAID)

    assert (result.status, result.retryable) == (Status.FAILED, True)
    error = result.handlers[0].error
    assert isinstance(error, PublishError)
    assert (error.event_type, error.__cause__) == ("order.shipped", publisher.error)
    assert str(error).endswith(" could not be published: Recording raised ConnectionError")
    assert "password" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert await store.count_letters() == 0  # whoever delivers it has it still
    assert publisher.tried == ["order.shipped"]  # the rest would be out of order


async def test_it_runs_again_then_and_publishes_the_same_ids(publisher: Recording) -> None:
    router = Router(idempotency=KeysAlone(), publisher=publisher)
    ran = list[int]()

    @router.on("order.paid")
    async def handle(paid: Paid) -> list[Event[None]]:
        ran.append(1)
        return [Event.new("first", None), Event.new("second", None)]

    publisher.error, publisher.refused = ConnectionError(), {"second"}
    assert (await router.process(PAID)).status is Status.FAILED
    publisher.error = None
    assert (await router.process(PAID)).status is Status.HANDLED

    assert len(ran) == 2
    assert publisher.types == ["first", "first", "second"]
    assert publisher.ids[0] == publisher.ids[1]


async def test_retry_is_for_the_handler_not_for_publishing(publisher: Recording) -> None:
    router = Router(publisher=publisher, retry=Retry(3, on=Exception), sleep=FakeSleep())
    router.add_route("order.paid", later)
    publisher.error = ConnectionError()

    result = await router.process(PAID)

    assert (result.handlers[0].attempts, publisher.tried) == (1, ["order.shipped"])


async def test_it_does_not_count_towards_the_pause_of_the_handler(publisher: Recording) -> None:
    router = Router(publisher=publisher, pause_after=1)
    router.add_route("order.paid", later)
    publisher.error = ConnectionError()

    results = [await router.process(PAID) for _ in range(3)]

    assert not any(result.is_paused for result in results)


async def test_what_can_never_be_published_sets_its_cause_aside(publisher: Recording) -> None:
    store = MemoryStore()
    router = Router(dead_letters=store, publisher=publisher)
    router.add_route("order.paid", later)
    publisher.error = Unrecoverable("it is too large")

    result = await router.process(PAID)

    assert (result.retryable, await store.count_letters()) == (False, 1)


async def test_what_can_t_be_written_is_not_tried_again(
    router: Router, publisher: Recording
) -> None:
    @router.on("order.paid")
    async def handle(paid: Paid) -> list[Event[Any]]:
        return [shipped(), Event.new("broken", object())]

    result = await router.process(PAID)

    assert isinstance(result.error, MalformedEvent)
    assert not result.retryable
    assert any("while writing what" in note for note in result.error.__notes__)
    assert publisher.tried == []


async def test_a_timestamp_without_an_offset_can_t_be_written(publisher: Recording) -> None:
    router = Router(envelope=MappedEnvelope(type="type", payload="data"), publisher=publisher)

    @router.on("a")
    async def handle(payload: Any) -> Event[None]:
        return Event("b", None, datetime(2026, 5, 4))

    result = await router.process({"type": "a", "data": None})

    assert isinstance(result.error, MalformedEvent)


async def test_no_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
            await anyio.sleep_forever()

    monkeypatch.setattr("eventrouter.publishing._PATIENCE", 0.01)
    router = Router(publisher=Silent())
    router.add_route("order.paid", later)

    result = await router.process(PAID)

    assert isinstance(result.error, PublishError)
    assert str(result.error.__cause__) == "no answer in 0.01 s"


async def test_a_cancellation_while_it_is_published_lets_the_handler_run_again() -> None:
    class Cancelling(Recording):
        async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
            if not self.tried:
                self.tried.append(event.type)
                tasks.cancel_scope.cancel()
                await anyio.sleep_forever()
            await super().publish(event, raw, headers)

    publisher = Cancelling()
    router = Router(idempotency=KeysAlone(), publisher=publisher)
    router.add_route("order.paid", later)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(router.dispatch, PAID)

    assert (await router.dispatch(PAID)).status is Status.HANDLED
    assert publisher.types == ["order.shipped"] * 2
