"""What is to run once: claimed before, completed after."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Protocol, runtime_checkable

from attrs import frozen

from eventrouter.result import Status
from eventrouter.stores.arguments import LONGEST_KEY


@frozen(eq=False)
class Claim:
    """
    Who may process what a key stands for.

    Attributes:
        key: What it is known by.
        refused: None for whoever is to process it; ``Status.IN_PROGRESS`` while another does;
            ``Status.DUPLICATE`` once another has.
        token: What tells this claim from another of the same key; empty if it was refused.
        seconds_left: While another processes it, the seconds until that claim runs out, as far as
            that is known.
    """

    key: str
    refused: Status | None = None
    token: str = ""
    seconds_left: float | None = None


@runtime_checkable
class IdempotencyStore(Protocol):
    """
    Keeps which keys are claimed, and which are completed.

    A key is free, held by a claim, or completed. A claim holds it for a lease, so that what a
    process was killed at can be claimed again; whoever needs longer renews it. A completed key is
    kept for a time to live, and free after it. Of any number of calls at once, in any number of
    threads and processes, one claims a free key.

    Every method raises ``StoreError`` if the store fails; it has then done all or nothing.

    ``Router.dispatch_sync`` calls a store in an event loop made for that call, unless the store
    has an attribute ``needs_loop`` that is False, as its methods then never wait.
    """

    async def claim(self, key: str, lease: float) -> Claim:
        """
        Claim a key if it is free.

        Args:
            key: 1 to 512 characters; ``make_key`` makes one of any text.
            lease: The seconds after which another may claim it, over 0.

        Returns:
            A claim; its ``refused`` says why it is none.
        """
        ...

    async def renew(self, claim: Claim, lease: float) -> bool:
        """
        Hold the key for that many seconds from now.

        Returns:
            Whether the claim held it still; if its lease ran out, it did not.
        """
        ...

    async def complete(self, claim: Claim, ttl: float) -> bool:
        """
        Say that what the key stands for was done.

        A claim whose lease ran out may do so too, as long as nobody claimed the key since: the
        work is done, and forgetting that would only have it done again.

        Args:
            claim: One that was not refused.
            ttl: The seconds for which the key is remembered, over 0.

        Returns:
            Whether the key is completed by this claim. False if another claim holds it, or
            completed it; then nothing changes.
        """
        ...

    async def release(self, claim: Claim) -> bool:
        """
        Say that it was not done: the key is free at once.

        Returns:
            Whether the claim held it still. If not, nothing changes: what is completed stays so.
        """
        ...

    async def purge_keys(self, limit: int = 1_000) -> int:
        """
        Delete keys that are free, the first to become so first.

        A store may do so at other times too: what is free is as good as deleted.

        Args:
            limit: How many at most, so that others need not wait long.

        Returns:
            How many it deleted: less than ``limit`` if none is left.
        """
        ...


def make_key(*parts: str | None) -> str:
    """
    Make one key of several texts: the source and id of an event, and the name of a handler.

    Different parts make different keys, whatever characters they consist of.

    Args:
        parts: The texts, of any length.

    Returns:
        The parts as a JSON array; of long ones a SHA-256 digest.
    """
    key = json.dumps(parts, separators=(",", ":"))
    if len(key) <= LONGEST_KEY:
        return key
    return f"sha256:{sha256(key.encode()).hexdigest()}"
