"""RabbitMQ."""

# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import aio_pika
from attrs import frozen
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from benchmarks.brokers.contest import (
    AT_ONCE,
    BY_HAND,
    FASTSTREAM,
    OURS,
    Contest,
    Counted,
    read_by_hand,
    router_of,
    typed_handler,
)
from eventrouter.integrations.faststream import consume

URL: Final = os.environ.get("EVENTROUTER_TEST_RABBIT", "amqp://guest:guest@127.0.0.1:5672/")


@frozen
class Place:
    """A quorum queue."""

    url: str
    queue: str

    def declared(self) -> RabbitQueue:
        return RabbitQueue(self.queue, queue_type=QueueType.QUORUM)


@asynccontextmanager
async def filled(url: str, raw: bytes, count: int) -> AsyncGenerator[Place]:
    """A quorum queue with that many events."""
    place = Place(url, f"bench{uuid4().hex[:12]}")
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(place.queue, durable=True, arguments={"x-queue-type": "quorum"})
        exchange = channel.default_exchange
        message = aio_pika.Message(raw, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        for start in range(0, count, 500):
            published = [
                exchange.publish(message, place.queue) for _ in range(min(500, count - start))
            ]
            await asyncio.gather(*published)
        try:
            yield place
        finally:
            for queue in ("", ".dead-letters", ".suspects", ".retry.1s"):
                await channel.queue_delete(place.queue + queue)


async def by_hand(place: Place, counted: Counted) -> None:
    """Handle each event that is pushed, within the prefetch, and acknowledge it."""
    process = read_by_hand(counted)

    async def handle(message: Any) -> None:
        await process(message.body)
        await message.ack()

    async with await aio_pika.connect(place.url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=AT_ONCE)
        queue = await channel.get_queue(place.queue)
        await queue.consume(handle)
        await counted.all_came.wait()


async def ours(place: Place, counted: Counted) -> None:
    broker = RabbitBroker(place.url, logger=None)
    subscriber = broker.subscriber(place.declared())
    async with broker, consume(router_of(counted), broker, subscriber, concurrency=AT_ONCE):
        await counted.all_came.wait()


async def with_faststream(place: Place, counted: Counted) -> None:
    broker = RabbitBroker(place.url, logger=None)
    subscriber = broker.subscriber(
        place.declared(),
        channel=Channel(prefetch_count=AT_ONCE),
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    subscriber(typed_handler(counted))
    async with broker:
        await broker.start()
        await counted.all_came.wait()


CONTEST: Final = Contest(
    "RabbitMQ", URL, filled, {BY_HAND: by_hand, OURS: ours, FASTSTREAM: with_faststream}
)
