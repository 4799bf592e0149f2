"""Publishing records, each until all replicas in sync have it."""

from __future__ import annotations

from typing import Any

import anyio

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.kafka.failures import place_of, told

_PATIENCE = 10.0  # seconds to wait for a confirmation


class Sending:
    """
    Publishes with a broker of FastStream.

    Args:
        broker: The broker.

    Raises:
        RegistrationError: If what it publishes may be lost, or come twice.
    """

    def __init__(self, broker: Any) -> None:
        if not broker._connection_kwargs.get("enable_idempotence"):
            raise RegistrationError(
                "what this broker publishes is confirmed by one replica alone, and may be lost "
                'with it; make it with KafkaBroker(..., enable_idempotence=True, acks="all")'
            )
        self._broker = broker
        self._place = place_of(broker)

    async def send(
        self, raw: bytes, *, topic: str, key: bytes | None, headers: dict[str, str]
    ) -> None:
        """
        Publish a record; once this returns, all replicas in sync have it.

        Args:
            raw: Its bytes.
            topic: The topic.
            key: Its key; records of one key are in one partition.
            headers: Its headers.

        Raises:
            StoreError: If it was not confirmed.
        """
        with told(self._place, f"to publish to the topic {topic}"), anyio.fail_after(_PATIENCE):
            await self._broker.connect()
            await self._broker.publish(raw, topic=topic, key=key, headers=headers)
