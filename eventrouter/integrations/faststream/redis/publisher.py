"""Publishing events to streams of Redis."""

from __future__ import annotations

from typing import Any

from eventrouter.envelope import Headers
from eventrouter.errors import RegistrationError
from eventrouter.event import Event
from eventrouter.integrations.faststream.redis import fields
from eventrouter.integrations.faststream.redis.server import failing


class RedisPublisher:
    """
    Publishes events to streams, in the format in which FastStream does.

    An event is published once the server has answered; what the server keeps then, when its
    machine fails, its ``appendfsync`` says. If the answer is lost, it may be published twice.

    Args:
        broker: FastStream's broker; it is connected if it is not yet.
        stream: The stream: a name, in which ``{type}`` is the event's type.

    Raises:
        RegistrationError: If anything else is in braces.
    """

    def __init__(self, broker: Any, stream: str) -> None:
        self._broker = broker
        self._stream = stream
        if not stream.replace("{type}", "x") or set("{}") & set(stream.replace("{type}", "")):
            raise RegistrationError(
                f"{stream!r} is no name of a stream: {{type}} is all that can be in braces"
            )

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish an event, and return once the server has it.

        Args:
            event: The event.
            raw: Its bytes.
            headers: What goes with them.

        Raises:
            StoreError: If the server does not answer, or refuses.
            ValueError: If there are too many headers, or one is longer than 65,535 bytes.
        """
        data = fields.write(raw, headers)
        client = await self._broker.connect()
        with failing(client):
            await client.xadd(self._stream.replace("{type}", event.type), {fields.MESSAGE: data})
