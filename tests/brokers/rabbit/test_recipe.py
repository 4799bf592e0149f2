"""What is refused before a worker starts, since it would lose events, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from eventrouter import RegistrationError, Router, StoreError
from eventrouter.integrations.faststream import attach, consume
from eventrouter.integrations.faststream.queues import connection_of, queue_of
from eventrouter.integrations.faststream.rabbit import RabbitPublisher
from tests.brokers.rabbit.group import Group
from tests.services import RABBIT

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        (RabbitQueue("q", durable=False), "is not durable: .* queue_type=QueueType.QUORUM"),
        (RabbitQueue("q", exclusive=True), "is deleted .* make it without exclusive=True"),
        (RabbitQueue("q", auto_delete=True), "is deleted .* make it without"),
        (RabbitQueue("q", arguments={"x-expires": 1000}), "is deleted .* x-expires"),
        (RabbitQueue("q", queue_type=QueueType.STREAM), "is a stream"),
        (RabbitQueue("q", arguments={"x-max-length": 9}), 'drops its oldest .* "reject-publish"'),
        (RabbitQueue("q", arguments={"x-message-ttl": 9}), "drops events that wait for long"),
        (
            RabbitQueue("q", queue_type=QueueType.QUORUM, arguments={"x-delivery-limit": 3}),
            "leave out .*x-delivery-limit, or set",
        ),
    ],
    ids=lambda value: None if isinstance(value, RabbitQueue) else value[:20],
)
def test_a_queue_that_loses_events_is_refused(queue: RabbitQueue, message: str) -> None:
    broker = RabbitBroker(RABBIT, logger=None)
    with pytest.raises(RegistrationError, match=message):
        queue_of(broker, broker.subscriber(queue), dead_letters=None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-max-length": 9, "x-overflow": "reject-publish"},
        {"x-message-ttl": 9, "x-dead-letter-exchange": ""},
        {"x-delivery-limit": 100, "x-dead-letter-exchange": "dead"},
    ],
)
def test_a_queue_with_an_exit_is_not(arguments: Any) -> None:
    broker = RabbitBroker(RABBIT, logger=None)
    queue = RabbitQueue("q", queue_type=QueueType.QUORUM, arguments=arguments)
    assert queue_of(broker, broker.subscriber(queue), dead_letters=None).place == "the queue q"


def test_a_broker_that_has_nothing_confirmed_is_refused() -> None:
    broker = RabbitBroker(RABBIT, logger=None, default_channel=Channel(publisher_confirms=False))
    with pytest.raises(RegistrationError, match="without default_channel"):
        RabbitPublisher(broker)


@pytest.mark.parametrize("routing_key", ["order.{id}", "{", "{type}.{}"])
def test_a_routing_key_with_other_braces_is_refused(routing_key: str) -> None:
    with pytest.raises(RegistrationError, match="is no routing key"):
        RabbitPublisher(RabbitBroker(RABBIT, logger=None), routing_key)


def test_a_pattern_of_another_broker_is_refused() -> None:
    with pytest.raises(RegistrationError, match="any number of words is '#'"):
        connection_of(RABBIT, subject="order.>", group="orders")


async def test_a_queue_with_other_settings_is_told(group: Group) -> None:
    async with group.channel() as channel:
        await channel.queue_declare(group.name, durable=True)
    async with group.broker() as broker:
        with pytest.raises(RegistrationError, match=r"other settings.*x-queue-type.*delete it"):
            async with consume(Router(), broker, group.subscriber(broker)):
                pass


async def test_what_is_missing_is_told_with_how_to_make_it(group: Group) -> None:
    queue = connection_of(group.url, subject="order.#", group=group.name).queue
    with pytest.raises(StoreError, match=f"no queue {group.dead_letters}; pass --declare"):
        await queue.open(1)
    await queue.close()


async def test_what_was_declared_before_is_found(group: Group) -> None:
    arguments: dict[str, Any] = {"subject": "#", "group": group.name, "stream": group.exchange}
    declaring = connection_of(group.url, **arguments, declare=True).queue
    await declaring.open(1)
    await declaring.stop()
    await declaring.close()

    queue = connection_of(group.url, **arguments).queue
    await queue.open(1)
    await queue.stop()
    await queue.close()


async def test_a_declared_queue_that_is_not_of_the_recipe_is_refused(group: Group) -> None:
    async with group.channel() as channel:
        await channel.queue_declare(group.name, durable=True)
        await channel.queue_declare(group.dead_letters, durable=True)
    queue = connection_of(group.url, subject="#", group=group.name).queue
    with pytest.raises(RegistrationError, match="has it with other settings"):
        await queue.open(1)
    await queue.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("amqp://guest:secret@127.0.0.1:1/", "at 127.0.0.1:1/ does not answer"),
        (RABBIT.replace("guest:guest", "guest:secret"), "refuses the user's name or password"),
    ],
)
async def test_no_password_is_told(group: Group, url: str, message: str) -> None:
    queue = connection_of(url, subject="#", group="orders").queue
    with pytest.raises(StoreError, match=message) as raised:
        await queue.open(1)
    await queue.close()
    assert "secret" not in str(raised.value)


async def test_fast_stream_must_not_be_pushed_all_at_once(group: Group) -> None:
    broker = group.broker()
    subscriber = broker.subscriber(group.queue(), ack_policy=AckPolicy.MANUAL)
    attach(Router(), broker, subscriber)
    with pytest.raises(RegistrationError, match=r"channel=Channel\(prefetch_count=50\)"):
        await broker.start()
    await broker.stop()


async def test_fast_stream_must_take_from_a_queue_that_counts(group: Group) -> None:
    broker = group.broker()
    subscriber = broker.subscriber(
        RabbitQueue(group.name), channel=Channel(prefetch_count=5), ack_policy=AckPolicy.MANUAL
    )
    attach(Router(), broker, subscriber)
    with pytest.raises(RegistrationError, match=r"is no quorum queue.*queue_type=QueueType.QUORUM"):
        await broker.start()
    await broker.stop()
