"""Publishing events to Kafka."""

from __future__ import annotations

from typing import Any, Final

from eventrouter.envelope import Headers
from eventrouter.errors import RegistrationError
from eventrouter.event import Event
from eventrouter.integrations.faststream.kafka.records import kafka_headers
from eventrouter.integrations.faststream.kafka.sending import Sending

_TYPE: Final = "{type}"


class KafkaPublisher:
    """
    Publishes events to a topic, until all replicas in sync have each.

    The key of a record is the metadata ``key`` of its event, if it has one: events of one key are
    in one partition, and so in order.

    Args:
        broker: FastStream's broker; it is connected if it is not yet.
        topic: The topic, in which ``{type}`` is the event's type.

    Raises:
        RegistrationError: If it is no topic, or what the broker publishes may be lost.
    """

    def __init__(self, broker: Any, topic: str) -> None:
        if "{" in topic.replace(_TYPE, "") or not topic:
            raise RegistrationError(
                f"{topic[:80]!r} is no topic to publish to: events.{{type}} is one, and {{type}} "
                "the only part that is filled in"
            )
        self._topic = topic
        self._sending = Sending(broker)

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish an event; once this returns, all replicas in sync have it.

        Args:
            event: The event.
            raw: Its bytes, as the router's envelope wrote them.
            headers: What goes with them.

        Raises:
            StoreError: If it was not confirmed.
        """
        key = event.metadata.get("key")
        await self._sending.send(
            raw,
            topic=self._topic.replace(_TYPE, event.type),
            key=None if key is None else key.encode(),
            headers=kafka_headers(dict(headers)),
        )
