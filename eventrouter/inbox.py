"""Events that are accepted now and processed later, and kept in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from attrs import Attribute, field, frozen

from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.errors import RegistrationError
from eventrouter.event import now
from eventrouter.json import Raw
from eventrouter.processing import Terms
from eventrouter.router import Router
from eventrouter.stores.arguments import checked_limit, refuse_no_seconds
from eventrouter.stores.entries import EntryCounts, InboxStore
from eventrouter.stores.letters import bytes_of
from eventrouter.workers import Workers


def _refuse_no_store(_: Any, __: Attribute[Any], store: Any) -> None:
    if not isinstance(store, InboxStore):
        raise RegistrationError(
            f"{store!r} is no InboxStore: SqliteStore('events.db') is one, and MemoryStore()"
        )


def _refuse_no_attempts(_: Any, __: Attribute[Any], attempts: Any) -> None:
    checked_limit(attempts, "attempts")


def _refuse_too_few(_: Any, __: Attribute[Any], deaths: Any) -> None:
    checked_limit(deaths, "deaths")
    if deaths < 2:
        raise RegistrationError(
            f"deaths={deaths!r}: it is at least 2, since the events beside the one that ends a "
            "process are not at fault"
        )


@frozen(eq=False)
class Inbox:
    """
    Accepts events, keeps them in a store, and has workers process them.

    What is accepted is there until it was handled, or is set aside as a dead letter of the same
    store. It is processed at least once, and by one worker at a time, in whatever process that
    runs.

    Args:
        store: Where events are kept: ``SqliteStore("events.db")``.
        attempts: How often an event is tried that fails and may yet succeed, before it is set
            aside.
        deaths: How often an event is begun that never ends, since the process dies of it or its
            lease runs out, before it is set aside. At least 2; from the third time on it is
            processed alone, so that no other event is taken for the one at fault.
        wait: The seconds before a failed event is tried again, doubled with each attempt; a little
            longer by chance, so that not all come at once.
        longest_wait: What that does not grow beyond, in seconds.
        lease: The seconds after which another worker takes an event, if the one that has it was
            killed. Workers that live renew it.
        poll: The seconds between two looks for what another process has accepted, or what is to
            be tried again.

    Raises:
        RegistrationError: If a setting can't work.
    """

    store: InboxStore = field(validator=_refuse_no_store)
    attempts: int = field(default=5, kw_only=True, validator=_refuse_no_attempts)
    deaths: int = field(default=5, kw_only=True, validator=_refuse_too_few)
    wait: float = field(default=1.0, kw_only=True, validator=refuse_no_seconds)
    longest_wait: float = field(default=300.0, kw_only=True, validator=refuse_no_seconds)
    lease: float = field(default=30.0, kw_only=True, validator=refuse_no_seconds)
    poll: float = field(default=1.0, kw_only=True, validator=refuse_no_seconds)
    _running: list[Workers] = field(factory=list[Workers], init=False, repr=False)

    async def accept(
        self, raw: Raw, headers: Headers = NO_HEADERS, *, key: str | None = None
    ) -> str:
        """
        Keep an event to be processed; once this returns, it is on disk, if the store has one.

        Whether it is an event at all is found out by whoever processes it: what is none becomes a
        dead letter. ``Router.read`` tells beforehand.

        Args:
            raw: What arrived, as ``Router.dispatch`` takes it.
            headers: What came beside it.
            key: Events of one key are processed one after the other, in the order in which they
                were accepted; 1 to 512 characters, see ``make_key``.

        Returns:
            What the store knows it by.

        Raises:
            StoreError: If the store fails; then nothing was accepted.
        """
        id = await self.store.put(bytes_of(raw), headers, now(), key=key)
        for workers in tuple(self._running):  # of this process, in any thread
            workers.wake()
        return id

    async def count(self) -> EntryCounts:
        """
        Say how many events there are that are not processed yet.

        Raises:
            StoreError: If the store fails.
        """
        return await self.store.count_entries()

    @asynccontextmanager
    async def workers(
        self, router: Router, *, count: int = 10, grace: float = 25.0
    ) -> AsyncGenerator[Workers]:
        """
        Process what is accepted, here or in another process, for as long as the body runs.

        At the end no more is taken, and what is being processed may finish. What has not when the
        grace is over is cancelled and given back, as is all when this itself is cancelled; that
        costs an event no attempt.

        Args:
            router: What processes the events.
            count: How many are processed at the same time.
            grace: How many seconds it may take at the end; 25 is less than the 30 after which
                Kubernetes kills.

        Raises:
            RegistrationError: If the router or a setting can't work.
        """
        checked_limit(count, "count")
        if not grace >= 0:
            raise RegistrationError(f"grace={grace!r}: it is a number of seconds from 0")
        router.compile()
        terms = Terms(
            attempts=self.attempts,
            deaths=self.deaths,
            wait=self.wait,
            longest_wait=self.longest_wait,
            lease=self.lease,
            poll=self.poll,
        )
        workers = Workers(self.store, router, terms, count)
        self._running.append(workers)
        try:
            async with workers.running(grace):
                yield workers
        finally:
            self._running.remove(workers)
