"""Publishing events to RabbitMQ."""

from __future__ import annotations

from typing import Any, Final

from aio_pika import DeliveryMode, Message

from eventrouter.envelope import Headers
from eventrouter.errors import RegistrationError
from eventrouter.event import Event
from eventrouter.integrations.faststream.rabbit.headers import split_headers
from eventrouter.integrations.faststream.rabbit.sending import Sending

_TYPE: Final = "{type}"


class RabbitPublisher:
    """
    Publishes events to an exchange, persistent, until a queue has each.

    An event that no queue takes is an error: RabbitMQ would drop it.

    Args:
        broker: FastStream's broker; it is connected if it is not yet.
        routing_key: The routing key, in which ``{type}`` is the event's type.
        exchange: The exchange; by default the queue is meant that the routing key names.

    Raises:
        RegistrationError: If the routing key can't work, or the broker has nothing confirmed.
    """

    def __init__(self, broker: Any, routing_key: str = _TYPE, *, exchange: str = "") -> None:
        if "{" in routing_key.replace(_TYPE, ""):
            raise RegistrationError(
                f"{routing_key[:80]!r} is no routing key to publish with: orders.{{type}} is one, "
                "and {type} the only part that is filled in"
            )
        self._routing_key = routing_key
        self._exchange = exchange
        self._sending = Sending(broker)
        self._sending.check()

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish an event; once this returns, a queue has it on disk.

        Args:
            event: The event.
            raw: Its bytes, as the router's envelope wrote them.
            headers: What goes with them; the content type and the id become properties.

        Raises:
            StoreError: If RabbitMQ does not confirm it, or no queue takes it.
        """
        properties, others = split_headers(headers)
        message = Message(
            raw,
            headers=others,
            delivery_mode=DeliveryMode.PERSISTENT,
            timestamp=event.timestamp,
            type=properties.get("type", event.type),
            message_id=properties.get("message_id", event.id),
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            correlation_id=properties.get("correlation_id"),
            reply_to=properties.get("reply_to"),
            app_id=properties.get("app_id"),
        )
        await self._sending.send(
            message,
            exchange=self._exchange,
            routing_key=self._routing_key.replace(_TYPE, event.type),
        )
