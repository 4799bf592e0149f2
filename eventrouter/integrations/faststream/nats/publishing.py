"""Publishing events to JetStream."""

from __future__ import annotations

import re
from typing import Any, Final

import anyio

from eventrouter.envelope import Headers
from eventrouter.errors import RegistrationError, Unrecoverable, printable
from eventrouter.event import Event
from eventrouter.integrations.faststream.nats.failures import address_of, told
from eventrouter.integrations.faststream.nats.letters import size_of

_TYPE: Final = "{type}"
_NO_SUBJECT = re.compile(r"[\s*>]|^\.|\.\.|\.$|^$")
_PATIENCE = 10.0  # seconds that connecting may take


class NatsPublisher:
    """
    Publishes events to a stream of JetStream, which keeps each once by its id.

    Args:
        broker: FastStream's broker; it is connected if it is not yet.
        subject: The subject, with ``{type}`` for the type of the event: ``events.{type}``.

    Raises:
        RegistrationError: If it is no subject.
    """

    def __init__(self, broker: Any, subject: str) -> None:
        if _NO_SUBJECT.search(subject.replace(_TYPE, "type")) or "{" in subject.replace(_TYPE, ""):
            raise RegistrationError(
                f"{subject[:80]!r} is no subject of NATS to publish to: events.{{type}} is one, "
                "and {type} the only part that is filled in"
            )
        self._broker = broker
        self._subject = subject
        self._address = address_of(broker)

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish an event; once this returns, a stream has it.

        Args:
            event: The event, of which the type and the id count.
            raw: Its bytes, as the router's envelope wrote them.
            headers: What goes with them.

        Raises:
            Unrecoverable: If it can't be published, ever.
            StoreError: If it was not confirmed.
        """
        subject = self._subject.replace(_TYPE, event.type)
        if _NO_SUBJECT.search(subject):
            raise Unrecoverable(
                f"an event of the type {printable(event.type)!r} can't be published to NATS: "
                f"{printable(subject)!r} is no subject"
            )
        sent = dict(headers)
        if event.id:
            sent["Nats-Msg-Id"] = event.id
        with told(f"an event can't be published to {subject}", self._address):
            with anyio.fail_after(_PATIENCE):
                await self._broker.connect()
            state = self._broker.config.connection_state
            self._refuse_too_large(raw, sent, state.connection.max_payload)
            await state.stream.publish(subject, raw, headers=sent)

    def _refuse_too_large(self, raw: bytes, headers: dict[str, str], room: int) -> None:
        # The server would close the connection, and everything else with it.
        size = len(raw) + size_of(headers)
        if size > room:
            raise Unrecoverable(
                f"an event of {size:,} bytes with its headers can't be published: the NATS server "
                f"at {self._address} takes {room:,}, see its max_payload"
            )
