"""Entries: events that are accepted and not yet processed, and where workers take them from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from attrs import frozen

from eventrouter.envelope import Headers
from eventrouter.stores.letters import DeadLetter, DeadLetterStore


@frozen(eq=False)
class Entry:
    """
    An event that a worker has taken.

    Attributes:
        id: What the store knows it by.
        raw: What arrived, as it arrived.
        headers: What came with it.
        received: When it arrived, in UTC.
        key: Entries of one key are processed one after the other.
        attempts: How often it was taken, this time too.
        token: What tells this time from another.
        failed: How often it was given back as failed. What is neither that nor this time never
            ended: its process died, or its lease ran out. None if the queue can't tell.
    """

    id: str
    raw: bytes
    headers: Headers
    received: datetime
    key: str | None
    attempts: int
    token: str
    failed: int | None = 0


@frozen
class EntryCounts:
    """
    How much there is to do.

    Attributes:
        ready: Entries that can be taken now.
        waiting: Those that can't yet: given back with a delay, or behind one of the same key.
        taken: Those that a worker has.
    """

    ready: int
    waiting: int
    taken: int


class EventQueue(Protocol):
    """
    What workers take events from: an ``InboxStore``, or a broker.

    An entry is there until a worker says that it is done, or sets it aside as a dead letter. A
    worker has it for a lease; after that another may take it, as must be if the worker was killed.

    Every method raises ``StoreError`` if the queue fails; it has then done all or nothing.
    """

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """
        Take the entries that are due, the first that became so first, and count an attempt of each.

        The attempt is kept before this returns, so that one that kills its process is counted. It
        may wait a moment for entries to come.

        Args:
            worker: Who takes them, for whoever looks into the queue.
            limit: How many at most.
            lease: The seconds after which another may take them.
        """
        ...

    async def keep(self, entry: Entry, lease: float) -> bool:
        """
        Have the entry for that many seconds from now.

        Returns:
            Whether the worker still has it, as far as the queue can tell.
        """
        ...

    async def done(self, entry: Entry) -> bool:
        """
        Say that it was processed, and delete it.

        Returns:
            Whether the worker still had it, as far as the queue can tell. If not, nothing changes.
        """
        ...

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """
        Say that it was not processed, and let it be taken again.

        Args:
            entry: The entry.
            delay: In how many seconds, from 0.
            charge: Whether the attempt counts: it does if it failed, and not if it was never begun
                or cut short. A broker may count it all the same.

        Returns:
            Whether the worker still had it, as far as the queue can tell. If not, nothing changes.
        """
        ...

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """
        Delete the entry and keep a dead letter instead, so that one of them is there at any time.

        Returns:
            The letter's id, or None if the worker did not have the entry any more; then nothing
            changes.
        """
        ...

    async def count_entries(self) -> EntryCounts:
        """Say how many entries there are."""
        ...


@runtime_checkable
class Receives(Protocol):
    """
    What a queue has besides that receives entries before they are taken.

    It counts those too that lie about when their process ends. So it can't tell by that which one
    is at fault, and has to be told.
    """

    async def recede(self) -> None:
        """
        Give back, at no cost, what was received and not taken, and receive no more until ``take``.

        It is called before an entry is processed that may end the process.
        """
        ...

    async def suspect(self, entry: Entry) -> None:
        """
        Keep that this entry is at fault, should the process end now.

        It is called just before the entry is processed alone, once others with which it was taken
        may have been at fault twice.
        """
        ...


@runtime_checkable
class InboxStore(EventQueue, DeadLetterStore, Protocol):
    """
    Keeps events from when they are accepted until they are processed.

    Whoever took an entry last is the one who has it, even if late; that and each attempt is on
    disk before a method returns. An entry that is set aside becomes a dead letter of the same
    store, both at once.

    Every method raises ``StoreError`` if the store fails; it has then done all or nothing.
    """

    async def put(
        self, raw: bytes, headers: Headers, received: datetime, *, key: str | None = None
    ) -> str:
        """
        Keep an event; once this returns, it is on disk, if the store has one.

        Args:
            raw: What arrived, as it arrived.
            headers: What came with it.
            received: When, with an offset.
            key: Entries of one key are taken in the order in which they were put, the next when
                the one before is gone.

        Returns:
            Its id, never given to another.
        """
        ...
