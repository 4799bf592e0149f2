"""Receiving from a queue, never more than may be unacknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import anyio
from aiormq import Channel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from eventrouter.errors import StoreError
from eventrouter.integrations.faststream.rabbit.failures import told

_PATIENCE = 1.0  # seconds to wait for a message


class Consumer:
    """
    A channel of its own, on which RabbitMQ pushes the messages of a queue.

    Args:
        place: Where RabbitMQ is, for messages.
        queue: The name of the queue.
    """

    def __init__(self, place: str, queue: str) -> None:
        self._place = place
        self._queue = queue
        self.arrived = 0  # messages, ever
        self._buffer = deque[DeliveredMessage]()
        self._news = asyncio.Event()
        self._channel: Channel | None = None
        self._prefetch = 1
        self._tag = ""
        self._closing: asyncio.Future[Any] | None = None
        self._is_ended = False  # by the broker
        self._is_paused = True

    @property
    def buffered(self) -> int:
        """How many messages arrived and were not taken."""
        return len(self._buffer)

    @property
    def is_working(self) -> bool:
        """Whether messages may still arrive."""
        channel = self._channel
        return channel is not None and not channel.is_closed and not self._is_ended

    async def start(self, connection: Any, prefetch: int) -> None:
        """
        Begin to receive.

        Args:
            connection: The connection of the client below.
            prefetch: How many messages may be unacknowledged.

        Raises:
            StoreError: If RabbitMQ does not answer or refuses.
        """
        with told(self._place, f"to consume from the queue {self._queue}"):
            self._channel = channel = await connection.channel(publisher_confirms=False)
            await channel.basic_qos(prefetch_count=prefetch)
        self._prefetch = prefetch
        channel.on_consumer_cancel_callbacks.add(self._end)
        self._closing = closing = channel.closing
        closing.add_done_callback(self._end)
        await self.resume()

    async def resume(self) -> None:
        """Have RabbitMQ push again, if it does not."""
        if self._is_paused and self._channel is not None:
            with told(self._place, f"to consume from the queue {self._queue}"):
                consuming = await self._channel.basic_consume(self._queue, self._arrive)
            self._tag = consuming.consumer_tag or ""
            self._is_paused = False

    async def take(self, limit: int) -> list[DeliveredMessage]:
        """
        Take the messages that have arrived; wait a moment for the first.

        Args:
            limit: How many at most.

        Raises:
            StoreError: If none can arrive any more; those that did are delivered again.
        """
        if not self._buffer and self.is_working:
            self._news.clear()
            with anyio.move_on_after(_PATIENCE):
                await self._news.wait()
        if not self.is_working:
            self._buffer.clear()
            raise StoreError(
                f"RabbitMQ at {self._place} delivers nothing of the queue {self._queue} any more: "
                + self._reason()
            )
        return [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]

    def put_back(self, messages: list[DeliveredMessage]) -> None:
        """Have messages be taken next that were taken and not looked at."""
        self._buffer.extendleft(reversed(messages))

    async def pause(self) -> None:
        """Have RabbitMQ push no more; what it has sent already may still arrive."""
        channel = self._channel
        if channel is not None and self.is_working and not self._is_paused:
            self._is_paused = True
            with told(self._place, f"to consume from the queue {self._queue} no more"):
                # Without an answer, after which the client would throw away what arrives.
                await channel.rpc(Basic.Cancel(consumer_tag=self._tag, nowait=True))
                await channel.basic_qos(prefetch_count=self._prefetch)  # answered after that
        self._news.set()

    def take_rest(self) -> list[DeliveredMessage]:
        """Take what arrived, however much."""
        rest = [message for message in self._buffer if not message.channel.is_closed]
        self._buffer.clear()
        return rest

    async def close(self) -> None:
        """Close the channel; what was not acknowledged is delivered again."""
        if self._channel is not None:
            await self._channel.close()

    async def _arrive(self, message: DeliveredMessage) -> None:
        self.arrived += 1
        self._buffer.append(message)
        self._news.set()

    def _end(self, _: object) -> None:
        self._is_ended = True
        self._news.set()

    def _reason(self) -> str:
        channel = self._channel
        if channel is None or not channel.is_closed:
            return "the queue was deleted, or has moved to another node"
        closing = self._closing
        if closing is None or closing.cancelled():
            return "the connection broke"
        return str(closing.exception() or "the connection broke")
