"""A router that FastStream's own loop calls, on RabbitMQ and on its broker for tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from attrs import frozen
from faststream import AckPolicy
from faststream.rabbit import (
    Channel,
    ExchangeType,
    RabbitBroker,
    RabbitExchange,
    TestRabbitBroker,
)

from eventrouter import Router
from eventrouter.integrations.faststream import attach
from tests.brokers.rabbit.group import Group, headers_of

pytestmark = pytest.mark.anyio


@frozen
class Paid:
    number: int


def paid(number: int) -> bytes:
    return b'{"event_type": "order.paid", "payload": {"number": %d}}' % number


def attached(group: Group, broker: RabbitBroker, router: Router, **settings: Any) -> None:
    subscriber = broker.subscriber(
        group.queue(),
        RabbitExchange(group.exchange, type=ExchangeType.TOPIC),
        channel=Channel(prefetch_count=10),
        ack_policy=AckPolicy.MANUAL,
    )
    attach(router, broker, subscriber, **settings)


async def test_fast_streams_loop_settles_as_workers_do(group: Group) -> None:
    router = Router()
    seen = Counter[int]()

    @router.on("order.paid")
    async def count(order: Paid) -> None:
        seen[order.number] += 1
        if order.number == 1:
            raise OSError("never")

    broker = group.broker()
    attached(group, broker, router, wait=0.01, attempts=3)
    await broker.start()
    try:
        await group.publish(paid(1), paid(2), b"no json")
        letters = await group.read_dead_letters(2)
    finally:
        await broker.stop()
    assert seen == Counter({1: 3, 2: 1})
    assert {letter.body for letter in letters} == {paid(1), b"no json"}
    told = {headers_of(letter)["eventrouter-status"] for letter in letters}
    assert told == {"malformed", "failed"}
    assert await group.count() == 0


async def test_it_works_on_fast_streams_broker_for_tests() -> None:
    router = Router()
    seen = list[int]()

    @router.on("order.paid")
    async def note(order: Paid) -> None:
        seen.append(order.number)

    group = Group("amqp://guest:guest@127.0.0.1:1/")
    broker = group.broker()
    attached(group, broker, router)
    async with TestRabbitBroker(broker):
        await broker.publish(
            paid(1),
            exchange=RabbitExchange(group.exchange, type=ExchangeType.TOPIC),
            routing_key="order.paid",
        )
        await broker.publish(
            b"no json",
            exchange=RabbitExchange(group.exchange, type=ExchangeType.TOPIC),
            routing_key="order.paid",
        )
    assert seen == [1]
