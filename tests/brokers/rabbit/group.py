"""A group of workers on RabbitMQ with queues of its own, and what a producer does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from faststream.rabbit import (
    Channel,
    ExchangeType,
    QueueType,
    RabbitBroker,
    RabbitExchange,
    RabbitQueue,
)
from pamqp.commands import Basic

from eventrouter import Router
from eventrouter.integrations.faststream import consume
from eventrouter.workers import Workers


class Group:
    """
    Names that no other test has, on the RabbitMQ at a URL.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"test-{uuid4().hex[:12]}"
        self.exchange = f"{self.name}.events"
        self.dead_letters = f"{self.name}.dead-letters"

    def broker(self) -> RabbitBroker:
        return RabbitBroker(self.url, logger=None, reconnect_interval=0.2)

    def subscriber(self, broker: RabbitBroker, queue: RabbitQueue | None = None) -> Any:
        """What a user of FastStream writes, for the events whose type begins with order."""
        return broker.subscriber(
            queue or self.queue(),
            RabbitExchange(self.exchange, type=ExchangeType.TOPIC),
            channel=Channel(prefetch_count=10),
        )

    def queue(self, **settings: Any) -> RabbitQueue:
        kind = {"queue_type": QueueType.QUORUM, "routing_key": "order.#", **settings}
        return RabbitQueue(self.name, **kind)

    @asynccontextmanager
    async def consuming(
        self, router: Router, queue: RabbitQueue | None = None, **settings: Any
    ) -> AsyncGenerator[Workers]:
        """Have a router process what is in the queue, on a connection of its own."""
        async with (
            self.broker() as broker,
            consume(router, broker, self.subscriber(broker, queue), **settings) as workers,
        ):
            yield workers

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[AbstractChannel]:
        connection = await aiormq.connect(self.url)
        try:
            yield await connection.channel()
        finally:
            await connection.close()

    async def publish(self, *bodies: bytes, key: str = "order.paid", **properties: Any) -> None:
        """Publish as another program would, and wait until RabbitMQ has it all."""
        async with self.channel() as channel:
            for body in bodies:
                await channel.basic_publish(
                    body,
                    exchange=self.exchange,
                    routing_key=key,
                    mandatory=True,
                    properties=Basic.Properties(delivery_mode=2, **properties),
                )

    async def read_dead_letters(self, count: int) -> list[DeliveredMessage]:
        return await self.read(self.dead_letters, count)

    async def read(self, queue: str, count: int) -> list[DeliveredMessage]:
        """Take so many messages from a queue, for good."""
        arrived = asyncio.Queue[DeliveredMessage]()
        async with self.channel() as channel:
            await channel.basic_consume(queue, arrived.put, no_ack=True)
            async with asyncio.timeout(20):
                return [await arrived.get() for _ in range(count)]

    async def count(self, queue: str | None = None) -> int:
        """How many messages a queue has that no consumer has."""
        async with self.channel() as channel:
            declared = await channel.queue_declare(queue or self.name, passive=True)
            return declared.message_count or 0

    async def emptied(self) -> None:
        """Wait until consumers have all that is in the queue."""
        async with asyncio.timeout(30):
            while await self.count():  # noqa: ASYNC110 - RabbitMQ does not say when
                await asyncio.sleep(0.01)

    async def delete(self) -> None:
        waiting = [f"{self.name}.retry.{2**step}s" for step in range(13)]
        async with self.channel() as channel:
            for queue in (self.name, self.dead_letters, f"{self.name}.suspects", *waiting):
                await channel.queue_delete(queue)
            await channel.exchange_delete(self.exchange)


def headers_of(message: DeliveredMessage) -> dict[str, Any]:
    return message.header.properties.headers or {}
