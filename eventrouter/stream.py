"""Dispatching many events, so many at a time and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Hashable, Iterable
from typing import Any, Final, TypeAlias, cast

import anyio

from eventrouter.dispatch import Dispatcher
from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.errors import MalformedEvent, RegistrationError
from eventrouter.event import now
from eventrouter.interruption import Interruption
from eventrouter.json import Raw
from eventrouter.outcome import annotate, malformed
from eventrouter.policy import OrderedBy
from eventrouter.result import Result, Status

_END: Final = object()
_BETWEEN_CHECKPOINTS = 64  # events

#: What arrived, alone or with its headers.
Delivered: TypeAlias = Raw | tuple[Raw, Headers]


def process_many(
    dispatcher: Dispatcher,
    source: Iterable[Delivered] | AsyncIterable[Delivered],
    concurrency: int,
    ordered_by: OrderedBy | None,
) -> AsyncGenerator[Result]:
    """
    The results of events, as they come.

    Of what was taken from the source, ``concurrency`` events at most have no result given out.

    Raises:
        RegistrationError: If ``concurrency`` is below one.
    """
    if concurrency < 1:
        raise RegistrationError(f"concurrency={concurrency}: at least one event must be in flight")
    if concurrency == 1:
        return _one_by_one(dispatcher, _Source(source))
    return _Pool(dispatcher, _Source(source), concurrency, ordered_by).results()


class _Source:
    """A sync or async iterable, read by one task at a time."""

    def __init__(self, source: Iterable[Delivered] | AsyncIterable[Delivered]) -> None:
        self.is_async = isinstance(source, AsyncIterable)
        self._iterator: Any = aiter(source) if isinstance(source, AsyncIterable) else iter(source)
        self._taken = 0
        self.is_pause_due = False  # other tasks should run before the next item is taken
        self.is_busy = False

    def next(self) -> Any:
        """
        The next item, or ``_END``; to be awaited if the iterable is async.

        Raises:
            Exception: Whatever the iterable raises.
        """
        self._taken += 1
        self.is_pause_due = self._taken % _BETWEEN_CHECKPOINTS == 0
        return self._wait_for_next() if self.is_async else next(self._iterator, _END)

    async def _wait_for_next(self) -> Any:
        self.is_busy = True
        try:
            return await anext(self._iterator, _END)
        finally:
            self.is_busy = False


async def _one_by_one(dispatcher: Dispatcher, source: _Source) -> AsyncGenerator[Result]:
    while True:
        if source.is_pause_due:
            await anyio.lowlevel.checkpoint()
        item = await source.next() if source.is_async else source.next()
        if item is _END:
            return
        raw, headers = _parts(item)
        yield await dispatcher.process(raw, headers)


class _Pool:
    """
    Workers that share a source.

    A worker goes on from event to event while its handlers don't wait. There are as many workers
    as handlers that wait at the same time: one that takes an event calls for another, which finds
    nothing to do unless the handler waits, so handlers that never wait need two.

    Switching between tasks is what costs here, so the one who reads the results takes all there
    are each time it runs, and a worker lets it run before it goes to rest for lack of room.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        source: _Source,
        concurrency: int,
        ordered_by: OrderedBy | None,
    ) -> None:
        self._dispatcher = dispatcher
        self._source = source
        self._most = concurrency
        self._ordered_by = ordered_by
        self._last_of_key: dict[Hashable, anyio.Event] = {}
        self._ready: deque[Result] = deque()
        self._news: anyio.Event | None = None  # while a reader of the results waits for one
        self._held = 0  # taken and not yet given out
        self._workers = 0
        self._coming = 0  # workers that will look for an event when they run
        self._resting: deque[anyio.Event] = deque()  # workers that looked in vain
        self._is_exhausted = False
        self._failure: Exception | None = None  # of the source
        self._interruption = Interruption()  # of a worker

    async def results(self) -> AsyncGenerator[Result]:
        async with anyio.create_task_group() as tasks:
            self._call_worker(tasks)
            while self._ready or self._workers:
                while self._ready:
                    result = self._ready.popleft()
                    self._held -= 1
                    if not self._coming:
                        self._call_worker(tasks)
                    try:
                        yield result
                    except GeneratorExit:  # the task group would wrap it in a group
                        tasks.cancel_scope.cancel()
                        return
                if self._workers:
                    self._news = anyio.Event()
                    await self._news.wait()
        self._interruption.raise_again()
        if self._failure is not None:
            raise self._failure

    def _call_worker(self, tasks: anyio.abc.TaskGroup) -> None:
        if self._held >= self._most or self._is_exhausted:
            return
        if self._resting:
            self._coming += 1
            self._resting.popleft().set()
        elif self._workers < self._most:
            self._coming += 1
            self._workers += 1
            tasks.start_soon(self._interruption.stopping, tasks, self._work(tasks))

    async def _work(self, tasks: anyio.abc.TaskGroup) -> None:
        source = self._source
        try:
            while not self._is_exhausted:
                if self._held >= self._most or source.is_pause_due or source.is_busy:
                    await self._wait_for_turn()
                    continue
                self._held += 1
                try:
                    item = await source.next() if source.is_async else source.next()
                except Exception as error:
                    self._failure, item = error, _END
                if item is _END:
                    self._held -= 1
                    self._is_exhausted = True
                    break
                self._coming -= 1
                if not self._coming:
                    self._call_worker(tasks)
                raw, headers = _parts(item)
                if self._ordered_by is None:
                    self._give(await self._dispatcher.process(raw, headers))
                else:
                    self._give(await self._process_in_order(raw, headers, self._ordered_by))
                self._coming += 1
        finally:
            self._workers -= 1
            self._wake_all_at_the_end()
            self._tell()

    async def _wait_for_turn(self) -> None:
        self._source.is_pause_due = False
        # Cheaper than to rest, and often enough: meanwhile results are given out.
        await anyio.lowlevel.checkpoint()
        while (self._held >= self._most or self._source.is_busy) and not self._is_exhausted:
            self._coming -= 1
            called = anyio.Event()
            self._resting.append(called)
            await called.wait()

    def _wake_all_at_the_end(self) -> None:
        while self._is_exhausted and self._resting:
            self._resting.popleft().set()

    async def _process_in_order(self, raw: Raw, headers: Headers, ordered_by: OrderedBy) -> Result:
        received = now()
        result = await self._process_after_last(raw, headers, ordered_by)
        dead_letters = self._dispatcher.dead_letters
        if dead_letters is None or result.error is None:
            return result
        return await dead_letters.keep(result, raw, headers, received, True)

    async def _process_after_last(
        self, raw: Raw, headers: Headers, ordered_by: OrderedBy
    ) -> Result:
        try:
            event = self._dispatcher.read(raw, headers)
        except MalformedEvent as error:
            return malformed(error, raw)
        try:
            key = ordered_by(event)
            before = self._last_of_key.get(key)
        except Exception as error:
            annotate(error, event, "ordered_by=")
            return Result(Status.FAILED, event, (), error, raw)
        own = self._last_of_key[key] = anyio.Event()
        try:
            if before is not None:
                await before.wait()
            return await self._dispatcher.process_event(event, raw)
        finally:
            own.set()  # the next of the key runs after this result is given
            if self._last_of_key.get(key) is own:
                del self._last_of_key[key]

    def _give(self, result: Result) -> None:
        self._ready.append(result)
        if self._news is not None:
            self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None


def _parts(item: Any) -> tuple[Raw, Headers]:
    return cast("tuple[Raw, Headers]", item) if isinstance(item, tuple) else (item, NO_HEADERS)
