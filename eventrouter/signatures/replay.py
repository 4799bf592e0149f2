"""Deliveries that were seen before: of each, one is processed."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

from attrs import Attribute, field, frozen

from eventrouter.errors import RegistrationError
from eventrouter.result import Status
from eventrouter.stores.arguments import refuse_no_seconds
from eventrouter.stores.claims import Claim, IdempotencyStore, make_key


class Guard(Protocol):
    """
    Lets one of several equal deliveries through.

    Its methods are async since they may wait for a store.
    """

    async def claim(self, key: str) -> Claim:
        """
        Claim a delivery, before anything is done with it and after its signature was checked.

        Whoever gets a claim that is not refused must ``complete`` or ``release`` it.
        """
        ...

    async def complete(self, claim: Claim) -> None:
        """Say that the delivery was handled: it is a duplicate from now on."""
        ...

    async def release(self, claim: Claim) -> None:
        """Say that it was not: the sender may try again."""
        ...


def _refuse_no_most(_: Any, __: Attribute[Any], most: Any) -> None:
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise RegistrationError(f"most={most!r}: at least one delivery must be remembered")


@frozen(eq=False)
class ReplayGuard:
    """
    Remembers deliveries in the memory of this process, and lets each through once.

    A sender tries again with the same id when it got no answer in time, or a bad one. So what is
    being processed is claimed, what was handled is a duplicate, answered with success and not
    processed again, and what failed is forgotten at once, so that the next attempt counts.

    It forgets a delivery ``seconds`` after it was completed, or claimed if it never was. Past
    ``most`` it forgets earlier: the one that was completed first; and only if all are still being
    processed, the one that was claimed first. What is forgotten passes again, if its signature
    still does. Nobody without a secret can make it forget, since only what is signed is claimed.

    Where the scheme signs a time, a request can be repeated for twice the scheme's tolerance, and
    ``seconds`` should not be less. Where it signs none, GitHub's for one, a request can be
    repeated for as long as its secret is in use, and ``seconds`` is how long that is noticed.

    Use one for each endpoint: two senders may give out the same id. It is safe to use from
    several threads, and never waits.

    Args:
        seconds: How long a delivery is remembered; twice the tolerance of the schemes here.
        most: How many are remembered.
        clock: Gives the seconds since some moment.

    Raises:
        RegistrationError: If ``seconds`` is no number over 0, or ``most`` none from 1 up.
    """

    seconds: float = field(default=600, validator=refuse_no_seconds, kw_only=True)
    most: int = field(default=100_000, validator=_refuse_no_most, kw_only=True)
    clock: Callable[[], float] = field(default=time.monotonic, kw_only=True, repr=False)
    # What is processed, and what was, the earliest first; a dict would be slow to find that.
    _running: OrderedDict[str, tuple[Claim, float]] = field(
        factory=OrderedDict[str, tuple[Claim, float]], init=False, repr=False
    )
    _completed: OrderedDict[str, float] = field(
        factory=OrderedDict[str, float], init=False, repr=False
    )
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    async def claim(self, key: str) -> Claim:
        """Claim a delivery; ``refused`` says whether it is processed, or was."""
        with self._lock:
            now = self.clock()
            self._forget(now - self.seconds)
            if key in self._completed:
                return Claim(key, Status.DUPLICATE)
            if key in self._running:
                return Claim(key, Status.IN_PROGRESS)
            self._make_room()
            claim = Claim(key)
            self._running[key] = claim, now
            return claim

    async def complete(self, claim: Claim) -> None:
        """Say that the delivery was handled; of a claim that was refused, this says nothing."""
        if claim.refused is not None:
            return
        with self._lock:
            self._drop(claim)
            if claim.key not in self._completed:
                self._make_room()
                self._completed[claim.key] = self.clock()

    async def release(self, claim: Claim) -> None:
        """Say that it was not handled; of a claim that is not held any more, this says nothing."""
        with self._lock:
            self._drop(claim)

    def _drop(self, claim: Claim) -> None:
        held, _ = self._running.get(claim.key, (None, 0))
        if held is claim:  # it may have been forgotten, and claimed by another since
            del self._running[claim.key]

    def _forget(self, before: float) -> None:
        while self._completed and next(iter(self._completed.values())) < before:
            self._completed.popitem(last=False)
        while self._running and next(iter(self._running.values()))[1] < before:
            self._running.popitem(last=False)

    def _make_room(self) -> None:
        if len(self._running) + len(self._completed) >= self.most:
            (self._completed or self._running).popitem(last=False)


@frozen(eq=False)
class StoreGuard:
    """
    Remembers deliveries in a store, so that several processes let each through once.

    Use one store for all processes, and one name for each endpoint: two senders may give out the
    same id.

    Args:
        store: Where they are remembered: ``SqliteStore("events.db")``.
        name: What tells this endpoint's deliveries from all else in the store.
        seconds: How long a delivery is remembered after it was completed; twice the tolerance of
            the schemes here.
        lease: The seconds after which one that was claimed and never completed passes again; more
            than processing it takes.

    Raises:
        RegistrationError: If ``seconds`` or ``lease`` is no number over 0.
    """

    store: IdempotencyStore
    name: str = field(kw_only=True)
    seconds: float = field(default=600, validator=refuse_no_seconds, kw_only=True)
    lease: float = field(default=60, validator=refuse_no_seconds, kw_only=True)

    async def claim(self, key: str) -> Claim:
        """Claim a delivery; ``refused`` says whether it is processed, or was."""
        return await self.store.claim(make_key(self.name, key), self.lease)

    async def complete(self, claim: Claim) -> None:
        """Say that the delivery was handled; of a claim that was refused, this says nothing."""
        await self.store.complete(claim, self.seconds)

    async def release(self, claim: Claim) -> None:
        """Say that it was not handled; of a claim that is not held any more, this says nothing."""
        await self.store.release(claim)
