"""Doing what is to be done once in the transaction that remembers it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from eventrouter.stores.claims import Claim
from eventrouter.stores.outgoing import OutboxStore, Outgoing

T = TypeVar("T")


@runtime_checkable
class TransactionalStore(OutboxStore, Protocol):
    """
    An ``OutboxStore`` whose transactions handlers may write in.

    What a handler does in one, that it did it, and what it gave to be published is then there or
    not, all at once.
    """

    @property
    def connection_types(self) -> Collection[Any]:
        """What a handler's parameter is annotated with, to be given the connection."""
        ...

    def transact(
        self, key: str, ttl: float, work: Callable[[Any], tuple[T, Sequence[Outgoing]]]
    ) -> tuple[Claim, T | None]:
        """
        Claim a key, work, complete the key, and commit all of it; where the caller's thread waits.

        The key is claimed as long as the transaction lasts, without a lease: it is free as soon as
        the process is killed, as what it did is then undone.

        Args:
            key: 1 to 512 characters; ``make_key`` makes one of any text.
            ttl: The seconds for which the key is remembered, over 0.
            work: Called with the connection, if the key was free. Returns a value, and the events
                for the outbox, in order.

        Returns:
            The claim, and the value; None if the claim was refused, as ``work`` was not called
            then.

        Raises:
            StoreError: If the store fails; it has then done all or nothing.
            Exception: What ``work`` raised, and what the database says to what it did when it is
                committed; then nothing of it is done.
        """
        ...
