"""Publishing the events that handlers give."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from eventrouter.envelope import Headers
from eventrouter.event import Event


@runtime_checkable
class Publisher(Protocol):
    """Publishes events, to a broker or wherever they are taken from."""

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish an event; once this returns, the receiver has confirmed that it has it.

        Args:
            event: The event.
            raw: Its bytes, as the router's envelope wrote them.
            headers: What goes with them.

        Raises:
            Exception: If it was not confirmed.
        """
        ...
