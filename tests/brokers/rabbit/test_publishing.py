"""Publishing to a real RabbitMQ, and what is in the way."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from attrs import frozen

from eventrouter import CloudEventsEnvelope, Event, JsonEnvelope, Router, StoreError
from eventrouter.integrations.faststream.rabbit import RabbitPublisher
from tests.brokers.rabbit.group import Group, headers_of

pytestmark = pytest.mark.anyio


@frozen
class Paid:
    number: int


async def test_an_event_is_on_disk_with_its_properties_once_it_is_published(group: Group) -> None:
    event = Event.new("order.paid", {"number": 1}, id="one")
    raw, headers = JsonEnvelope().write(event)
    async with group.consuming(Router()):
        pass  # so that the queue is there
    async with group.broker() as broker:
        publisher = RabbitPublisher(broker, exchange=group.exchange)
        await publisher.publish(event, raw, {**headers, "Content-Type": "application/json"})
        [message] = await group.read(group.name, 1)
    properties = message.header.properties
    assert message.body == raw
    assert message.routing_key == "order.paid"
    assert properties.delivery_mode == 2
    assert properties.message_type == "order.paid"
    assert properties.message_id == event.id == "one"
    assert properties.content_type == "application/json"


async def test_what_no_queue_takes_is_an_error(group: Group) -> None:
    event = Event.new("invoice.sent", {"number": 1})
    raw, headers = JsonEnvelope().write(event)
    async with group.consuming(Router()):
        pass
    async with group.broker() as broker:
        publisher = RabbitPublisher(broker, exchange=group.exchange)
        with pytest.raises(StoreError, match="no queue is bound that takes it"):
            await publisher.publish(event, raw, headers)


async def test_what_a_full_queue_refuses_is_an_error(group: Group) -> None:
    event = Event.new(group.name, {"number": 1})
    raw, headers = JsonEnvelope().write(event)
    async with group.channel() as channel:
        full: dict[str, Any] = {"x-max-length": 0, "x-overflow": "reject-publish"}
        await channel.queue_declare(group.name, durable=True, arguments=full)
    async with group.broker() as broker:
        with pytest.raises(StoreError, match="did not"):
            await RabbitPublisher(broker).publish(event, raw, headers)


async def test_many_are_in_flight_at_once(group: Group) -> None:
    async with group.channel() as channel:
        await channel.queue_declare(group.name, durable=True)
    async with group.broker() as broker:
        publisher = RabbitPublisher(broker, group.name)
        async with anyio.create_task_group() as tasks:
            for number in range(200):
                event = Event.new("order.paid", {"number": number}, id="the same")
                raw, headers = JsonEnvelope().write(event)
                tasks.start_soon(publisher.publish, event, raw, headers)
    assert await group.count() == 200


async def test_a_cloud_event_in_binary_mode_comes_as_it_went(group: Group) -> None:
    envelope = CloudEventsEnvelope(mode="binary")
    router = Router(envelope=envelope)
    received = list[Event[Paid]]()
    done = anyio.Event()

    @router.on("order.paid")
    async def note(event: Event[Paid]) -> None:
        received.append(event)
        done.set()

    event = Event.new("order.paid", {"number": 1}, source="/shops/a%20b")
    raw, headers = envelope.write(event)
    async with group.consuming(router), group.broker() as broker:
        await RabbitPublisher(broker, exchange=group.exchange).publish(event, raw, headers)
        with anyio.fail_after(30):
            await done.wait()
    assert received[0].source == "/shops/a%20b"
    assert received[0].payload == Paid(1)


async def test_cloud_events_go_by_the_names_of_the_amqp_binding(group: Group) -> None:
    envelope = CloudEventsEnvelope(mode="binary")
    event = Event.new("order.paid", {"number": 1}, source="/shops/a%20b")
    raw, headers = envelope.write(event)
    async with group.channel() as channel:
        await channel.queue_declare(group.name, durable=True)
    async with group.broker() as broker:
        await RabbitPublisher(broker, group.name).publish(event, raw, headers)
        [message] = await group.read(group.name, 1)
    assert headers_of(message)["cloudEvents_source"] == "/shops/a%20b"
    assert headers_of(message)["cloudEvents_type"] == "order.paid"
    assert message.header.properties.content_type == "application/json"
