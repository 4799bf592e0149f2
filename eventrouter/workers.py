"""Taking events from a queue, and having each processed."""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import anyio
from anyio import get_cancelled_exc_class
from anyio.abc import TaskGroup
from attrs import define

from eventrouter.bell import Bell
from eventrouter.contexts import calling_in_loop, in_own_context, in_trio
from eventrouter.processing import (
    LOGGER,
    SUSPICIOUS,
    Processing,
    Terms,
    deaths_of,
    log_failure,
    pause_after,
    undisturbed,
)
from eventrouter.result import Status
from eventrouter.router import Router
from eventrouter.stores.entries import Entry, EventQueue, Receives

_LOOK: Final = 0.1  # seconds between two looks at whether the queue is empty
_BREATH: Final = 0.01  # seconds after a queue that waits by itself gave nothing


@define(eq=False)
class _Held:
    """An entry that is being processed, or is about to be."""

    entry: Entry
    kept: float  # when it was last certain that it is ours


class Workers:
    """
    Process what is in a queue; made by ``Inbox.workers``.

    Args:
        queue: Where events are taken from.
        router: What processes them.
        terms: How often they are tried.
        count: How many are processed at the same time.
    """

    def __init__(self, queue: EventQueue, router: Router, terms: Terms, count: int) -> None:
        self._queue = queue
        self._terms = terms
        self._processing = Processing(queue, router, terms, self._let_go)
        self._count = count
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        # By token too: it may be taken again here, if its lease ran out.
        self._held: dict[tuple[str, str], _Held] = {}
        self._bell = Bell()
        self._ready: deque[Entry] = deque()  # of what is held, what no task has begun
        self._resting: list[anyio.Event] = []  # of each task that looked in vain
        self._working = 0  # tasks, those that rest too
        self._coming = False  # whether a task is about to look for an entry
        self._failures = 0
        self._is_ending = False
        self._needs_tasks = False  # one for each entry, since only they have a context of their own
        self._call_in_loop: Callable[[Callable[[], object]], object] | None = None

    @property
    def results(self) -> Counter[Status]:
        """How many events there were of each status; one tried three times counts three times."""
        return self._processing.results

    @property
    def set_aside(self) -> int:
        """How many became dead letters."""
        return self._processing.set_aside

    @property
    def cut_off(self) -> int:
        """How many were cancelled and given back, since the grace was over."""
        return self._processing.cut_off

    @property
    def in_flight(self) -> int:
        """How many events they have now."""
        return len(self._held)

    @property
    def is_failing(self) -> bool:
        """Whether no events can be taken for now, since the queue fails."""
        return self._failures > 0

    def wake(self) -> None:
        """Have them look at once for what there is; from any thread."""
        if self._call_in_loop is not None:
            with suppress(RuntimeError):  # their event loop is closed
                self._call_in_loop(self._bell.ring)

    async def emptied(self) -> None:
        """
        Wait until the queue has no more events: neither waiting nor being processed.

        Raises:
            StoreError: If the queue fails.
        """
        while True:
            news = self._bell.next
            counts = await self._queue.count_entries()
            if counts.ready == counts.waiting == counts.taken == 0:
                return
            await self._wait_for(news, self._terms.poll or _LOOK)

    @asynccontextmanager
    async def running(self, grace: float) -> AsyncGenerator[None]:
        """Process events while the body runs; then what is in flight, for that many seconds."""
        self._call_in_loop = calling_in_loop()
        self._needs_tasks = in_trio()
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
                    self._wake_all()
                tasks.cancel_scope.deadline = anyio.current_time() + grace
            for entry in self._ready:  # of tasks that were cancelled before they began
                await self._processing.give_back(entry)
            leases.cancel_scope.cancel()
        if failure is not None:
            raise failure

    # Taking

    async def _take_all(self, tasks: TaskGroup) -> None:
        while not self._is_ending:
            news = self._bell.next
            free = self._count - len(self._held)
            if not free:
                await news.wait()
                continue
            try:
                entries = await undisturbed(partial(self._take, free))
            except Exception as error:
                self._failures += 1
                if self._failures == 1:
                    log_failure("no events can be taken", error)
                await self._pause(pause_after(self._failures))
                continue
            if self._failures:
                LOGGER.warning("events can be taken again, after %d failures", self._failures)
            self._failures = 0
            await self._begin(entries, tasks)
            if len(entries) < free and self._terms.poll:
                await self._wait_for(news, self._terms.poll)
            elif not entries:
                await self._wait_for(news, _BREATH)

    async def _take(self, limit: int) -> list[Entry]:
        return await self._queue.take(self._name, limit=limit, lease=self._terms.lease)

    async def _begin(self, entries: list[Entry], tasks: TaskGroup) -> None:
        taken = anyio.current_time()
        for entry in entries:
            self._held[entry.id, entry.token] = _Held(entry, taken)
        if self._is_ending:
            for entry in entries:
                await self._processing.give_back(entry)
            return
        suspects = list[Entry]()
        for entry in entries:
            if self._terms.is_over(entry):
                tasks.start_soon(self._processing.end, entry)
            elif deaths_of(entry) >= min(SUSPICIOUS, self._terms.deaths - 1):
                suspects.append(entry)
            elif self._needs_tasks:
                tasks.start_soon(self._processing.process, entry)
            else:
                self._ready.append(entry)
        self._call_task(tasks)
        if suspects:
            suspect, *others = suspects
            # Not kept waiting here: if the process dies of this one, they would be charged for it.
            await self._recede()
            for other in others:
                await self._processing.give_back(other)
            await self._work_alone_on(suspect)

    async def _recede(self) -> None:
        if isinstance(self._queue, Receives):
            try:
                await undisturbed(self._queue.recede)
            except Exception as error:
                log_failure("what was received and not taken can't be given back", error)

    # Processing: a task goes on to the next entry, since to start one costs more than most handlers

    def _call_task(self, tasks: TaskGroup) -> None:
        """Have one more task look for an entry, which then calls the next."""
        if self._coming or not self._ready:
            return
        if self._resting:
            self._coming = True
            self._resting.pop().set()
        elif self._working < self._count:
            self._coming = True
            self._working += 1
            tasks.start_soon(self._work, tasks)

    async def _work(self, tasks: TaskGroup) -> None:
        self._coming = False
        while True:
            while self._ready:
                entry = self._ready.popleft()
                if self._is_ending:
                    await self._processing.give_back(entry)
                    continue
                self._call_task(tasks)  # for the next entry, should this one wait
                # What a handler sets in context variables is not there for the next event.
                await in_own_context(self._processing.process(entry))
            if self._is_ending:
                return
            called = anyio.Event()
            self._resting.append(called)
            await called.wait()
            self._coming = False

    def _wake_all(self) -> None:
        while self._resting:
            self._resting.pop().set()

    async def _work_alone_on(self, entry: Entry) -> None:
        try:
            while len(self._held) > 1 and not self._is_ending:
                await self._bell.next.wait()
        except get_cancelled_exc_class():
            await self._processing.give_back(entry)
            raise
        if self._is_ending:
            await self._processing.give_back(entry)
        else:
            await self._processing.process_alone(entry)

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
                    await undisturbed(partial(self._queue.keep, held.entry, self._terms.lease))
                except Exception as error:
                    log_failure("the lease of an event can't be renewed", error)
                else:
                    held.kept = started

    async def _wait_for(self, news: anyio.Event, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await news.wait()

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while not self._is_ending:
                await self._bell.next.wait()
