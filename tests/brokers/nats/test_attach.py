"""A FastStream app on NATS whose subscriber a router handles."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio
import pytest
from faststream import AckPolicy, BaseMiddleware, FastStream
from faststream.nats import NatsBroker, NatsMessage, TestNatsBroker

from eventrouter import RegistrationError, Router
from eventrouter.integrations.faststream import attach, consume
from tests.brokers.nats.conftest import NatsRig
from tests.brokers.scenarios import Seen, declare, publish_numbers, until
from tests.events import raw_event
from tests.inbox.conftest import Gate

pytestmark = pytest.mark.anyio


def attached(rig: NatsRig, router: Router, **options: Any) -> NatsBroker:
    """A broker with a subscriber of the test's events, which the router handles."""
    broker = NatsBroker(rig.proxy.url, logger=None, **options)
    subscriber = broker.subscriber(
        f"{rig.name}.events.>",
        stream=rig.stream,
        durable="g",
        pull_sub=True,
        max_workers=10,
        ack_policy=AckPolicy.MANUAL,
    )
    attach(router, broker, subscriber, attempts=3, wait=0.01, dead_letters=f"{rig.name}.dead.g")
    return broker


# Without a server


async def test_in_faststreams_test_broker_the_router_gets_what_is_published() -> None:
    router = Router()
    seen = Seen(router)
    broker = NatsBroker()
    subscriber = broker.subscriber(
        "orders.>", stream="ORDERS", durable="g", pull_sub=True, ack_policy=AckPolicy.MANUAL
    )
    attach(router, broker, subscriber)

    async with TestNatsBroker(broker):
        await broker.publish(raw_event("counted", 7), "orders.new", stream="ORDERS")

    assert seen.passed == [7]


async def test_the_payload_is_what_the_envelope_reads_and_nothing_else_reads_it() -> None:
    """FastStream would read the JSON, and pydantic would make numbers of text."""
    found: list[Any] = []
    router = Router()

    @router.on("counted")
    async def handle(number: int) -> None:
        found.append(number)

    broker = NatsBroker()
    subscriber = broker.subscriber(
        "orders.>", stream="ORDERS", durable="g", pull_sub=True, ack_policy=AckPolicy.MANUAL
    )
    attach(router, broker, subscriber, dead_letters="dead")
    letters: list[tuple[bytes, str]] = []

    @broker.subscriber("dead")
    async def keep(body: Any, message: NatsMessage) -> None:
        letters.append((message.body, message.headers["eventrouter-status"]))

    async with TestNatsBroker(broker):
        await broker.publish(raw_event("counted", "7"), "orders.new", stream="ORDERS")
        await broker.publish(raw_event("counted", 8), "orders.new", stream="ORDERS")

    assert found == [8]
    assert letters == [(raw_event("counted", "7"), "invalid")]


@pytest.mark.parametrize(
    "policy", [policy for policy in AckPolicy if policy is not AckPolicy.MANUAL]
)
def test_any_policy_but_manual_acknowledgement_is_refused(policy: AckPolicy) -> None:
    broker = NatsBroker()
    subscriber = broker.subscriber("o.>", stream="S", durable="d", pull_sub=True)
    subscriber.ack_policy = policy

    with pytest.raises(RegistrationError, match=r"pass ack_policy=AckPolicy\.MANUAL"):
        attach(Router(), broker, subscriber)


def test_faststreams_default_policy_is_refused() -> None:
    broker = NatsBroker()
    subscriber = broker.subscriber("o.>", stream="S", durable="d", pull_sub=True)

    with pytest.raises(RegistrationError, match="loses events whose handler fails"):
        attach(Router(), broker, subscriber)


# With one


async def test_an_app_handles_gives_back_and_sets_aside(rig: NatsRig) -> None:
    router = Router()
    seen = Seen(router, lambda number: number < 0 or (number == 3 and seen.calls[3] == 1))
    await declare(rig, "g")
    await publish_numbers(rig, range(-1, 20))
    await rig.publish(b"{")

    async with attached(rig, router) as broker:
        await broker.start()
        await seen.until(20)
        for _ in range(100):
            info = await rig.jetstream.consumer_info(rig.stream, "g")
            if not info.num_ack_pending and not info.num_pending:
                break
            await anyio.sleep(0.05)

    assert sorted(seen.passed) == list(range(20))
    assert seen.calls[-1] == 3
    assert seen.calls[3] == 2
    letters = await rig.dead_letters("g")
    assert sorted(letter.raw for letter in letters) == sorted([b"{", raw_event("counted", -1)])


async def test_the_middleware_of_faststream_runs(rig: NatsRig) -> None:
    class Note(BaseMiddleware):
        bodies: ClassVar[list[bytes]] = []

        async def consume_scope(self, call_next: Any, msg: Any) -> Any:
            self.bodies.append(msg.body)
            return await call_next(msg)

    router = Router()
    seen = Seen(router)
    await declare(rig, "g")
    await rig.publish(raw_event("counted", 1))

    async with attached(rig, router, middlewares=(Note,)) as broker:
        await broker.start()
        await seen.until(1)

    assert Note.bodies == [raw_event("counted", 1)]


async def test_an_app_starts_and_stops_as_ever(rig: NatsRig) -> None:
    router = Router()
    seen = Seen(router)
    await declare(rig, "g")
    await rig.publish(raw_event("counted", 1))
    app = FastStream(attached(rig, router), logger=None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app.run)
        await seen.until(1)
        app.exit()

    assert seen.passed == [1]


async def test_a_broker_does_not_start_where_events_could_be_lost(rig: NatsRig) -> None:
    await rig.jetstream.add_stream(
        name=rig.stream, subjects=[f"{rig.name}.events.>"], storage="memory"
    )

    async with attached(rig, Router()) as broker:
        with pytest.raises(RegistrationError, match="is kept in memory"):
            await broker.start()


async def test_a_long_handler_keeps_its_event(rig: NatsRig) -> None:
    router = Router()
    gate = Gate(router)
    await declare(rig, "g", lease=0.3)
    await rig.publish(raw_event("counted", 1))

    async with attached(rig, router) as broker:
        await broker.start()
        await gate.until_begun(1)
        await anyio.sleep(1)  # more than three leases
        gate.open()
        await until(lambda: gate.passed)

    assert gate.begun == [1]


# consume(), as it is written in an app


async def test_consume_takes_from_a_subscriber_and_connects_by_itself(rig: NatsRig) -> None:
    router = Router()
    seen = Seen(router)
    broker = NatsBroker(rig.proxy.url, logger=None)
    subscriber = broker.subscriber(
        f"{rig.name}.events.>", stream=rig.stream, durable="g", pull_sub=True
    )

    async with consume(router, broker, subscriber, dead_letters=f"{rig.name}.dead.g"):
        await publish_numbers(rig, range(10))
        await seen.until(10)

    assert sorted(seen.passed) == list(range(10))
    assert broker._connection is None


async def test_a_connection_that_was_there_stays(rig: NatsRig) -> None:
    broker = NatsBroker(rig.proxy.url, logger=None)
    subscriber = broker.subscriber(
        f"{rig.name}.events.>", stream=rig.stream, durable="g", pull_sub=True
    )

    async with broker:
        async with consume(Router(), broker, subscriber, dead_letters=f"{rig.name}.dead.g"):
            pass
        await broker.publish(b"{}", f"{rig.name}.events.x", stream=rig.stream)


async def test_what_is_being_processed_when_it_is_cancelled_is_given_back(rig: NatsRig) -> None:
    router = Router()
    gate = Gate(router)
    await declare(rig, "g")
    await rig.publish(raw_event("counted", 1))
    broker = NatsBroker(rig.proxy.url, logger=None)
    subscriber = broker.subscriber(
        f"{rig.name}.events.>", stream=rig.stream, durable="g", pull_sub=True
    )

    with anyio.CancelScope() as scope:
        async with consume(router, broker, subscriber, dead_letters=f"{rig.name}.dead.g"):
            await gate.until_begun(1)
            scope.cancel()

    queue = rig.queue("g")
    await queue.open(1)
    entries = await queue.take("w", limit=1, lease=30)
    await queue.stop()
    await queue.close()
    assert [(entry.attempts, entry.failed) for entry in entries] == [(1, 0)]
