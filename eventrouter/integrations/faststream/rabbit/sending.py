"""Publishing messages, each until RabbitMQ has confirmed that a queue has it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import anyio
from aio_pika import Message
from aiormq.abc import DeliveredMessage
from faststream.exceptions import SubscriberNotFound
from faststream.rabbit import Channel, RabbitExchange
from pamqp.commands import Basic

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.integrations.faststream.rabbit.failures import place_of, told
from eventrouter.integrations.faststream.rabbit.headers import MADE_UP

_PATIENCE = 10.0  # seconds to wait for a confirmation


class Sending:
    """
    Publishes with a broker of FastStream, and has each message confirmed.

    Args:
        broker: The broker.
    """

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self._place = place_of(broker)
        self._in_flight = dict[str, anyio.Event]()

    def check(self) -> None:
        """
        Check that what is published is confirmed.

        Raises:
            RegistrationError: If it is not.
        """
        if not default_channel_of(self._broker).publisher_confirms:
            raise RegistrationError(
                "RabbitMQ confirms nothing that is published with this broker; make it without "
                "default_channel=Channel(publisher_confirms=False)"
            )

    async def send(self, message: Message, *, exchange: str, routing_key: str) -> None:
        """
        Publish a message; once this returns, at least one queue has it.

        Args:
            message: The message; it becomes persistent by what it says itself.
            exchange: Where to; empty for the queue that the routing key names.
            routing_key: Its routing key.

        Raises:
            StoreError: If it was not confirmed, or no queue takes it.
        """
        if not message.message_id:
            message.message_id = MADE_UP + uuid4().hex
        where = f"to publish to {_spoken(exchange, routing_key)}"
        # A message that comes back is told from others by its id alone.
        while (landed := self._in_flight.get(message.message_id)) is not None:
            await landed.wait()
        landed = self._in_flight[message.message_id] = anyio.Event()
        try:
            with told(self._place, where):
                answer = await self._publish(message, exchange, routing_key)
        finally:
            del self._in_flight[message.message_id]
            landed.set()
        if isinstance(answer, (DeliveredMessage, Basic.Nack, Basic.Reject)):
            returned = isinstance(answer, DeliveredMessage)
            raise StoreError(
                f"RabbitMQ at {self._place} did not take what was published to "
                f"{_spoken(exchange, routing_key)}: "
                + ("no queue is bound that takes it" if returned else "the queue refuses it")
            )

    async def _publish(self, message: Message, exchange: str, routing_key: str) -> Any:
        try:
            with anyio.fail_after(_PATIENCE):
                return await self._broker.publish(
                    message,
                    exchange=RabbitExchange(exchange) if exchange else None,
                    routing_key=routing_key,
                    mandatory=True,
                )
        except SubscriberNotFound:  # of the broker for tests, which has no queues
            return None


def _spoken(exchange: str, routing_key: str) -> str:
    if exchange:
        return f"the exchange {exchange} with the routing key {routing_key}"
    return f"the queue {routing_key}"


def default_channel_of(broker: Any) -> Channel:
    """The settings of the channel that a broker publishes on, and most subscribers receive on."""
    # FastStream keeps them to itself.
    channel: Channel = broker.config.channel_manager._ChannelManagerImpl__default_channel
    return channel
