"""Events that handlers gave, published from where their keys are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from attrs import Attribute, field, frozen

from eventrouter.errors import RegistrationError
from eventrouter.publishing import Publisher, checked_publisher
from eventrouter.relay import Relay, RelayTerms
from eventrouter.stores.arguments import refuse_no_seconds
from eventrouter.stores.outgoing import OutboxStore, OutgoingCounts


def _refuse_no_store(_: Any, __: Attribute[Any], store: Any) -> None:
    if not isinstance(store, OutboxStore):
        raise RegistrationError(
            f"{store!r} is no OutboxStore: SqliteStore('events.db') is one, and MemoryStore()"
        )


def _refuse_no_publisher(_: Any, __: Attribute[Any], publisher: Any) -> None:
    if checked_publisher(publisher) is None:
        raise RegistrationError("publisher=None: an Outbox needs who takes its events")


@frozen(eq=False)
class Outbox:
    """
    Publishes what handlers gave, from the store that their router completes its keys in.

    What is in it is published at least once, and stays there until it is. Of the events of one
    story, as their ``correlation_id`` tells, none is published before those that came earlier, as
    long as no relay is killed or has its lease run out.

    Args:
        store: The store of ``Router(idempotency=...)``: ``SqliteStore("events.db")``.
        publisher: Who takes them.
        lease: The seconds after which another relay takes an event, if the one that has it was
            killed. A relay that lives does not begin to publish after half of them.
        poll: The seconds between two looks for what another process has put there, or what is to be
            tried again.
        longest_wait: What the wait before an event is tried again does not grow beyond, in seconds;
            it is 1 at first, and doubled with each attempt.

    Raises:
        RegistrationError: If a setting can't work.
    """

    store: OutboxStore = field(validator=_refuse_no_store)
    publisher: Publisher = field(validator=_refuse_no_publisher)
    lease: float = field(default=60.0, kw_only=True, validator=refuse_no_seconds)
    poll: float = field(default=1.0, kw_only=True, validator=refuse_no_seconds)
    longest_wait: float = field(default=30.0, kw_only=True, validator=refuse_no_seconds)

    async def count(self) -> OutgoingCounts:
        """
        Say how many events there are that are not published yet.

        Raises:
            StoreError: If the store fails.
        """
        return await self.store.count_outgoing()

    @asynccontextmanager
    async def relaying(self, *, grace: float = 25.0) -> AsyncGenerator[Relay]:
        """
        Publish what is there, and what comes, here or in another process, while the body runs.

        At the end no more is taken, and what is being published may be. What has not been when the
        grace is over is cancelled and given back.

        Args:
            grace: How many seconds it may take at the end; 25 is less than the 30 after which
                Kubernetes kills.

        Raises:
            RegistrationError: If the grace is no number of seconds.
        """
        if not grace >= 0:
            raise RegistrationError(f"grace={grace!r}: it is a number of seconds from 0")
        terms = RelayTerms(lease=self.lease, poll=self.poll, longest_wait=self.longest_wait)
        relay = Relay(self.store, self.publisher, terms)
        async with relay.running(grace):
            yield relay
