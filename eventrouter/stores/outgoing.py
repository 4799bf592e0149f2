"""An outbox: events that handlers gave, kept until they are published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

from eventrouter.envelope import Headers
from eventrouter.event import Event
from eventrouter.stores.arguments import checked_key
from eventrouter.stores.claims import Claim, IdempotencyStore


@frozen
class Outgoing:
    """
    An event that a handler gave, written to be published.

    Attributes:
        event: What it is: its type, timestamp and metadata. Its payload is None, as it lies in
            ``raw``.
        raw: What is published.
        headers: What goes with it.
        key: Of the events of one key, none is published before those that came earlier; 1 to 512
            characters.
        id: What the store knows it by; empty before it is in one.
        failed: How often publishing it failed.
        token: What tells the time it was taken from another.
    """

    event: Event[None]
    raw: bytes
    headers: Headers
    key: str
    id: str = ""
    failed: int = 0
    token: str = ""


def checked_outgoing(outgoing: Iterable[Outgoing]) -> list[Outgoing]:
    """
    The events, if every store can keep them.

    Raises:
        StoreError: If a key is none.
    """
    events = list(outgoing)
    for each in events:
        checked_key(each.key)
    return events


@frozen
class OutgoingCounts:
    """
    How much there is to publish.

    Attributes:
        ready: Events that can be taken now.
        waiting: Those that can't yet: given back with a delay, or behind one of the same key.
        taken: Those that a relay has.
        failed: Those among all of these that were tried in vain before.
    """

    ready: int
    waiting: int
    taken: int
    failed: int


@runtime_checkable
class OutboxStore(IdempotencyStore, Protocol):
    """
    Keeps what handlers gave along with the keys that say that they ran.

    An event is there until a relay says that it was sent. A relay has it for a lease; after that
    another may take it, as must be if the relay was killed.

    Every method raises ``StoreError`` if the store fails; it has then done all or nothing.
    """

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        """
        Say that what the key stands for was done, and put what it gave into the outbox, at once.

        Args:
            claim: One that was not refused.
            ttl: The seconds for which the key is remembered, over 0.
            outgoing: The events, in order. They are put there once, however often the claim is
                completed.

        Returns:
            Whether the key is completed by this claim. If not, nothing changes.
        """
        ...

    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        """
        Take events to be published, those of one key in the order in which they were put.

        Nothing of a key is taken while any other relay has something of it, or its first waits.

        Args:
            limit: How many at most.
            lease: The seconds after which another may take them.
        """
        ...

    async def sent(self, ids: Iterable[str]) -> int:
        """
        Say that events were published, and delete them, whoever has them.

        Returns:
            How many there were.
        """
        ...

    async def give_back_outgoing(
        self, outgoing: Iterable[Outgoing], delay: float = 0, *, charge: bool = False
    ) -> int:
        """
        Say that events were not published, and let them be taken again.

        Args:
            outgoing: The events.
            delay: In how many seconds, from 0.
            charge: Whether that was tried, and failed.

        Returns:
            How many of them the relay still had. With the others nothing changes.
        """
        ...

    async def count_outgoing(self) -> OutgoingCounts:
        """Say how many events there are."""
        ...
