"""Taking events from an outbox, and publishing each."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from typing import Final

import anyio
from anyio.abc import TaskGroup
from attrs import frozen

from eventrouter.bell import Bell
from eventrouter.contexts import calling_in_loop
from eventrouter.errors import PublishError, StoreError, is_permanent
from eventrouter.news import listening
from eventrouter.outcome import spoken_of
from eventrouter.publishing import Publisher, publish
from eventrouter.retry import exponential
from eventrouter.stores.calling import called
from eventrouter.stores.outgoing import OutboxStore, Outgoing

LOGGER: Final = logging.getLogger("eventrouter.outbox")

_AT_ONCE: Final = 100  # events that are taken, of which those of different keys go out at once
_LONGEST_PAUSE: Final = 5.0  # seconds that one event that fails may keep another from a first try
_JITTER: Final = 0.1


@frozen(kw_only=True)
class RelayTerms:
    """How events are tried, as the arguments of ``Outbox`` say."""

    lease: float
    poll: float
    longest_wait: float

    def pause_after(self, failures: int) -> float:
        """The seconds before anything is tried after that many failures in a row."""
        longest = min(_LONGEST_PAUSE, self.longest_wait)
        return _with_jitter(exponential(min(0.1, longest), longest=longest)(failures))

    def wait_after(self, failed: int) -> float:
        """The seconds before an event is tried again that failed that often."""
        first = min(1.0, self.longest_wait)
        return _with_jitter(exponential(first, longest=self.longest_wait)(failed))


class Relay:
    """
    Publishes what is in an outbox; made by ``Outbox.relaying``.

    Args:
        store: Where the events are.
        publisher: Who takes them.
        terms: How they are tried.

    Attributes:
        published: How many events it published.
        failed: How often publishing one failed.
    """

    def __init__(self, store: OutboxStore, publisher: Publisher, terms: RelayTerms) -> None:
        self.published = 0
        self.failed = 0
        self._store = store
        self._publisher = publisher
        self._terms = terms
        self._held = 0  # events taken and not yet settled
        self._failures = 0  # in a row, those that ran at the same time counted once
        self._bell = Bell()
        self._is_ending = False
        self._call_in_loop: Callable[[Callable[[], object]], object] | None = None

    async def emptied(self) -> None:
        """
        Wait until the outbox has no more events: neither waiting nor being published.

        Raises:
            StoreError: If the store fails.
        """
        while True:
            news = self._bell.next
            counts = await self._store.count_outgoing()
            if counts.ready == counts.waiting == counts.taken == 0:
                return
            await self._wait_for(news)

    @asynccontextmanager
    async def running(self, grace: float) -> AsyncGenerator[None]:
        """Publish while the body runs; what is being published then may take so many seconds."""
        self._call_in_loop = calling_in_loop()
        failure: Exception | None = None
        with listening(self._store, self._wake):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._take_all, tasks)
                try:
                    yield
                except Exception as error:  # what is being published may be, all the same
                    failure = error
                finally:
                    self._is_ending = True
                    self._bell.ring()
                tasks.cancel_scope.deadline = anyio.current_time() + grace
        if failure is not None:
            raise failure

    def _wake(self) -> None:
        if self._call_in_loop is not None:
            with suppress(RuntimeError):  # the event loop is closed
                self._call_in_loop(self._bell.ring)

    async def _take_all(self, tasks: TaskGroup) -> None:
        failures = 0  # of the store
        while not self._is_ending:
            news = self._bell.next
            # While nothing goes out, one event at a time finds out whether it does again; each
            # time another one, as the last waits longer.
            free = (1 if self._failures else _AT_ONCE) - self._held
            if free <= 0:
                await news.wait()
                continue
            if self._failures:
                await self._pause(self._terms.pause_after(self._failures))
                if self._is_ending:
                    return
            try:
                taken = await self._take(free)
            except StoreError as error:
                failures += 1
                LOGGER.error("nothing can be taken from the outbox for now: %s", error)
                await self._pause(self._terms.pause_after(failures))
                continue
            failures = 0
            since, in_a_row = anyio.current_time(), self._failures
            for _, run in groupby(taken, key=_key_of):
                events = list(run)
                self._held += len(events)
                tasks.start_soon(self._publish_in_order, events, since, in_a_row)
            if len(taken) < free:
                await self._wait_for(news)

    async def _take(self, limit: int) -> list[Outgoing]:
        return await called(
            self._store,
            lambda: self._store.take_outgoing(limit=limit, lease=self._terms.lease),
            True,
        )

    async def _publish_in_order(
        self, events: Sequence[Outgoing], since: float, failures: int
    ) -> None:
        """
        Publish events of one key, until one fails.

        Args:
            events: The events.
            since: When they were taken.
            failures: How many times in a row publishing had failed then.
        """
        sent = list[str]()
        failed: Outgoing | None = None
        error: PublishError | None = None
        try:
            for event in events:
                is_late = anyio.current_time() - since > self._terms.lease / 2
                if self._is_ending or is_late:
                    break
                await publish(self._publisher, event, True)
                sent.append(event.id)
                self.published += 1
                self._failures = failures = 0
        except PublishError as raised:
            failed, error = events[len(sent)], raised
            self.failed += 1
            self._failures = max(self._failures, failures + 1)
        finally:  # also if the grace is over
            try:
                await self._say_sent(sent)
                if failed is not None and error is not None:
                    await self._put_off(failed, error)
                await self._give_back(events[len(sent) + (failed is not None) :])
            finally:
                self._held -= len(events)
                self._bell.ring()

    async def _say_sent(self, ids: list[str]) -> None:
        """Say that events were sent, as often as it takes for the store to hear it."""
        failures = 0
        while ids:
            try:
                await called(self._store, lambda: self._store.sent(ids), True)
            except StoreError as error:
                failures += 1
                LOGGER.error("that events were published can't be kept for now: %s", error)
                await anyio.sleep(self._terms.pause_after(failures))
            else:
                return

    async def _put_off(self, outgoing: Outgoing, error: PublishError) -> None:
        failed = outgoing.failed + 1
        is_hopeless = is_permanent(error)
        delay = self._terms.wait_after(failed)
        if is_hopeless:
            delay = max(delay, self._terms.longest_wait)
        LOGGER.log(
            logging.ERROR if is_hopeless else logging.WARNING,
            "%s, number %s in the outbox, could not be published, attempt %d, and is tried again "
            "in %.1f s; those of its key wait: %s",
            spoken_of(outgoing.event),
            outgoing.id,
            failed,
            delay,
            error.reason,
        )
        await self._give_back([outgoing], delay, charge=True)

    async def _give_back(
        self, outgoing: Sequence[Outgoing], delay: float = 0, *, charge: bool = False
    ) -> None:
        """Give events back, once, since the lease runs out anyway."""
        if not outgoing:
            return
        try:
            await called(
                self._store,
                lambda: self._store.give_back_outgoing(outgoing, delay, charge=charge),
                True,
            )
        except StoreError as error:
            LOGGER.error("events of the outbox could not be given back: %s", error)

    async def _wait_for(self, news: anyio.Event) -> None:
        with anyio.move_on_after(self._terms.poll):
            await news.wait()

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while not self._is_ending:
                await self._bell.next.wait()


def _key_of(outgoing: Outgoing) -> str:
    return outgoing.key


def _with_jitter(seconds: float) -> float:
    return seconds * (1 + _JITTER * random.random())
