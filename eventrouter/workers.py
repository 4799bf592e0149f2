"""Taking events from an inbox, processing them, and saying what became of each."""

from __future__ import annotations

import logging
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

import anyio
from anyio import get_cancelled_exc_class
from anyio.abc import TaskGroup
from attrs import define, frozen

from eventrouter.contexts import calling_in_loop
from eventrouter.errors import MalformedEvent, NeverEnded, StoreError, printable
from eventrouter.event import Event
from eventrouter.letters import letter_about, letter_of
from eventrouter.outcome import spoken_of
from eventrouter.result import Result, Status
from eventrouter.retry import exponential
from eventrouter.router import Router
from eventrouter.stores.entries import Entry, InboxStore
from eventrouter.stores.letters import DeadLetter

LOGGER: Final = logging.getLogger("eventrouter.inbox")

T = TypeVar("T")

_PATIENCE = 15.0  # seconds that one call of a store may take
_pause_after = exponential(0.1, longest=30.0)  # seconds after a store failed so often
_JITTER = 0.1
_SUSPICIOUS = 2  # times that an event never ended, as all do that run when a machine fails


@frozen(kw_only=True)
class Terms:
    """The settings of an inbox, as its arguments have them."""

    attempts: int
    deaths: int
    wait: float
    longest_wait: float
    lease: float
    poll: float

    def wait_after(self, failed: int) -> float:
        """The seconds before an event that failed so often is tried again."""
        wait = exponential(self.wait, longest=self.longest_wait)
        return _with_jitter(wait(failed))


@define(eq=False)
class _Held:
    """An entry that is being processed, or is about to be."""

    entry: Entry
    kept: float  # when it was last certain that it is ours


class _Bell:
    """Wakes all that wait for it to ring."""

    def __init__(self) -> None:
        self._next = anyio.Event()

    def ring(self) -> None:
        """Wake all that wait for the next time it rings."""
        rung, self._next = self._next, anyio.Event()
        rung.set()

    @property
    def next(self) -> anyio.Event:
        """Is set when it rings next."""
        return self._next


class Workers:
    """
    Process what is in an inbox; made by ``Inbox.workers``.

    Attributes:
        results: How many events there were of each status; one that is tried three times counts
            three times.
        set_aside: How many became dead letters.
        cut_off: How many were cancelled and given back, since the grace was over.
    """

    def __init__(self, store: InboxStore, router: Router, terms: Terms, count: int) -> None:
        self.results: Counter[Status] = Counter()
        self.set_aside = 0
        self.cut_off = 0
        self._store = store
        self._router = router
        self._terms = terms
        self._count = count
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        # By token too: it may be taken again here, if its lease ran out.
        self._held: dict[tuple[str, str], _Held] = {}
        self._bell = _Bell()
        self._is_ending = False
        self._call_in_loop: Callable[[Callable[[], object]], object] | None = None

    @property
    def in_flight(self) -> int:
        """How many events they have now."""
        return len(self._held)

    def wake(self) -> None:
        """Have them look at once for what there is; from any thread."""
        if self._call_in_loop is not None:
            with suppress(RuntimeError):  # their event loop is closed
                self._call_in_loop(self._bell.ring)

    async def emptied(self) -> None:
        """
        Wait until the inbox has no more events: neither waiting nor being processed.

        Raises:
            StoreError: If the store fails.
        """
        while True:
            news = self._bell.next
            counts = await self._store.count_entries()
            if counts.ready == counts.waiting == counts.taken == 0:
                return
            await self._wait_for(news)

    @asynccontextmanager
    async def running(self, grace: float) -> AsyncGenerator[None]:
        """Process events while the body runs; then what is in flight, for that many seconds."""
        self._call_in_loop = calling_in_loop()
        failure: Exception | None = None
        async with anyio.create_task_group() as leases:
            leases.start_soon(self._keep_leases)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._take_all, tasks)
                try:
                    yield
                except Exception as error:  # what is in flight may finish all the same
                    failure = error
                finally:
                    self._is_ending = True
                    self._bell.ring()
                tasks.cancel_scope.deadline = anyio.current_time() + grace
            leases.cancel_scope.cancel()
        if failure is not None:
            raise failure

    # Taking

    async def _take_all(self, tasks: TaskGroup) -> None:
        failures = 0
        while not self._is_ending:
            news = self._bell.next
            free = self._count - len(self._held)
            if not free:
                await news.wait()
                continue
            try:
                entries = await _undisturbed(partial(self._take, free))
            except Exception as error:
                failures += 1
                _log_failure("no events can be taken", error)
                await self._pause(_pause_after(failures))
                continue
            failures = 0
            await self._begin(entries, tasks)
            if len(entries) < free:
                await self._wait_for(news)

    async def _take(self, limit: int) -> list[Entry]:
        return await self._store.take(self._name, limit=limit, lease=self._terms.lease)

    async def _begin(self, entries: list[Entry], tasks: TaskGroup) -> None:
        taken = anyio.current_time()
        for entry in entries:
            self._held[entry.id, entry.token] = _Held(entry, taken)
        if self._is_ending:
            for entry in entries:
                await self._give_back(entry)
            return
        suspects = list[Entry]()
        for entry in entries:
            deaths = _deaths(entry)
            if deaths >= self._terms.deaths:
                tasks.start_soon(self._set_aside_as_deadly, entry)
            elif deaths >= min(_SUSPICIOUS, self._terms.deaths - 1):
                suspects.append(entry)
            else:
                tasks.start_soon(self._work_on, entry)
        if suspects:
            suspect, *others = suspects
            # Not kept waiting here: if the process dies of this one, they would be charged for it.
            for other in others:
                await self._give_back(other)
            await self._work_alone_on(suspect)

    async def _work_alone_on(self, entry: Entry) -> None:
        try:
            while len(self._held) > 1 and not self._is_ending:
                await self._bell.next.wait()
        except get_cancelled_exc_class():
            await self._give_back(entry)
            raise
        if self._is_ending:
            await self._give_back(entry)
        else:
            await self._work_on(entry)

    # Processing

    async def _work_on(self, entry: Entry) -> None:
        try:
            result = await self._router.process(entry.raw, entry.headers)
        except get_cancelled_exc_class():
            self.cut_off += 1
            await self._give_back(entry)
            raise
        except Exception as error:  # not of a handler, whose errors are in the result
            result = Result(Status.FAILED, None, (), error, entry.raw)
        self.results[result.status] += 1
        if result.ok or result.dead_letter is not None:  # which the router set aside itself
            await self._settle(entry, lambda: self._store.done(entry))
        elif result.status is Status.IN_PROGRESS:
            await self._settle(
                entry, lambda: self._store.give_back(entry, _with_jitter(self._terms.wait))
            )
        elif result.is_paused:  # which is not the event's fault
            delay = _with_jitter(result.retry_after or self._terms.wait)
            await self._settle(entry, lambda: self._store.give_back(entry, delay))
        elif result.retryable and entry.failed + 1 < self._terms.attempts:
            await self._try_again(entry, result)
        else:
            _log_set_aside(result)
            await self._set_aside(
                entry,
                letter_of(result, entry.raw, entry.headers, entry.received, entry.attempts),
            )

    async def _try_again(self, entry: Entry, result: Result) -> None:
        failed = entry.failed + 1
        asked = result.retry_after
        delay = self._terms.wait_after(failed) if asked is None else _with_jitter(asked)
        LOGGER.warning(
            "%s failed, attempt %d of %d, and is tried again in %.1f s",
            spoken_of(result.event),
            failed,
            self._terms.attempts,
            delay,
            exc_info=result.error,
        )
        await self._settle(entry, lambda: self._store.give_back(entry, delay, charge=True))

    async def _set_aside_as_deadly(self, entry: Entry) -> None:
        deaths = _deaths(entry)
        # Reading it may be what ends the process; if so, this time it is not read.
        event = self._read(entry) if deaths == self._terms.deaths else None
        error = NeverEnded(deaths)
        LOGGER.error("%s is set aside: %s", spoken_of(event), error)
        self.results[Status.FAILED] += 1
        await self._set_aside(
            entry,
            letter_about(
                error,
                Status.FAILED,
                event,
                entry.raw,
                entry.headers,
                entry.received,
                entry.attempts - 1,
            ),
        )

    async def _set_aside(self, entry: Entry, letter: DeadLetter) -> None:
        if await self._settle(entry, lambda: self._store.set_aside(entry, letter)):
            self.set_aside += 1

    def _read(self, entry: Entry) -> Event[Any] | None:
        try:
            return self._router.read(entry.raw, entry.headers)
        except MalformedEvent:
            return None

    # Saying what became of it

    async def _give_back(self, entry: Entry) -> None:
        """Give it back as if it had not been taken; once, since the lease runs out anyway."""
        try:
            await _undisturbed(lambda: self._store.give_back(entry))
        except Exception as error:
            _log_failure("an event that is to be processed later could not be given back", error)
        self._let_go(entry)

    async def _settle(self, entry: Entry, settle: Callable[[], Awaitable[T]]) -> T | None:
        """Say what became of an event, as often as it takes for the store to hear it."""
        failures = 0
        try:
            while True:
                try:
                    settled = await _undisturbed(settle)
                except Exception as error:
                    failures += 1
                    _log_failure("what became of an event can't be kept", error)
                    await anyio.sleep(_pause_after(failures))
                else:
                    break
        finally:
            self._let_go(entry)
        if not settled:
            LOGGER.warning(
                "entry %s was processed by another worker too: its lease of %g s ran out; it is "
                "too short, or the event loop was kept busy",
                entry.id,
                self._terms.lease,
            )
        return settled

    def _let_go(self, entry: Entry) -> None:
        self._held.pop((entry.id, entry.token), None)
        self._bell.ring()

    async def _keep_leases(self) -> None:
        third = self._terms.lease / 3
        while True:
            await anyio.sleep(third)
            for held in list(self._held.values()):
                started = anyio.current_time()
                if started - held.kept < third:
                    continue  # it was just taken
                try:
                    await _undisturbed(partial(self._store.keep, held.entry, self._terms.lease))
                except Exception as error:
                    _log_failure("the lease of an event can't be renewed", error)
                else:
                    held.kept = started

    async def _wait_for(self, news: anyio.Event) -> None:
        with anyio.move_on_after(self._terms.poll):
            await news.wait()

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while not self._is_ending:
                await self._bell.next.wait()


def _deaths(entry: Entry) -> int:
    """How often it was taken before and never ended."""
    return entry.attempts - 1 - entry.failed


async def _undisturbed(call: Callable[[], Awaitable[T]]) -> T:
    """Call the store; a cancellation waits, so that what it did is known."""
    with anyio.fail_after(_PATIENCE, shield=True):
        return await call()


def _with_jitter(seconds: float) -> float:
    return seconds * (1 + _JITTER * random.random())


def _log_failure(what: str, error: Exception) -> None:
    LOGGER.error("%s for now: %s", what, error, exc_info=None if _is_expected(error) else error)


def _is_expected(error: Exception) -> bool:
    return isinstance(error, (StoreError, TimeoutError))


def _log_set_aside(result: Result) -> None:
    named, error = spoken_of(result.event), result.error
    if result.status is Status.FAILED:
        LOGGER.error("%s failed and is set aside", named, exc_info=error)
    else:
        LOGGER.error("%s is %s and is set aside: %s", named, result.status, _shown(error))


def _shown(error: Exception | None) -> str:
    return printable(str(error), 500)
