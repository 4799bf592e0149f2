"""Dispatching many events, so many at a time and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Hashable, Iterable
from typing import Any, Final, TypeAlias, cast

import anyio

from eventrouter.dispatch import Dispatcher
from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.errors import MalformedEvent, RegistrationError
from eventrouter.event import Event
from eventrouter.interruption import Interruption
from eventrouter.json import Raw
from eventrouter.outcome import annotate
from eventrouter.result import Result, Status

_END: Final = object()
_BETWEEN_CHECKPOINTS = 64  # events

#: What arrived, alone or with its headers.
Delivered: TypeAlias = Raw | tuple[Raw, Headers]
OrderedBy: TypeAlias = Callable[[Event[Any]], Hashable]


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
    """A sync or async iterable, read by several tasks in turn."""

    def __init__(self, source: Iterable[Delivered] | AsyncIterable[Delivered]) -> None:
        self._is_async = isinstance(source, AsyncIterable)
        self._iterator: Any = aiter(source) if isinstance(source, AsyncIterable) else iter(source)
        self._turn = anyio.Lock(fast_acquire=True)
        self._taken = 0

    async def next(self) -> Any:
        """
        The next item, or ``_END``; every so often other tasks run first.

        Raises:
            Exception: Whatever the iterable raises.
        """
        self._taken += 1
        if self._taken % _BETWEEN_CHECKPOINTS == 0:
            await anyio.lowlevel.checkpoint()
        if not self._is_async:
            return next(self._iterator, _END)
        async with self._turn:
            return await anext(self._iterator, _END)


async def _one_by_one(dispatcher: Dispatcher, source: _Source) -> AsyncGenerator[Result]:
    while (item := await source.next()) is not _END:
        raw, headers = _parts(item)
        yield await dispatcher.process(raw, headers)


class _Pool:
    """
    Workers that share a source.

    There are as many as handlers that wait at the same time: a worker calls for another only when
    it takes an event while none is on its way, so handlers that never wait need two.
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
        self._news = anyio.Event()  # for whoever reads the results
        self._held = 0  # taken and not yet given out
        self._workers = 0
        self._resting: deque[anyio.Event] = deque()  # workers without room for an event
        self._is_one_coming = False
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
        if self._is_one_coming or self._held >= self._most:
            return
        if self._resting:
            self._is_one_coming = True
            self._resting.popleft().set()
        elif self._workers < self._most and not self._is_exhausted:
            self._is_one_coming = True
            self._workers += 1
            tasks.start_soon(self._interruption.stopping, tasks, self._work(tasks))

    async def _work(self, tasks: anyio.abc.TaskGroup) -> None:
        self._is_one_coming = False
        try:
            while await self._has_room():
                item = await self._take()
                if item is _END:
                    break
                self._call_worker(tasks)
                await self._process(*_parts(item))
        finally:
            self._workers -= 1
            self._wake_all_at_the_end()
            self._news.set()

    async def _has_room(self) -> bool:
        while self._held >= self._most and not self._is_exhausted:
            room = anyio.Event()
            self._resting.append(room)
            await room.wait()
            self._is_one_coming = False
        return not self._is_exhausted

    async def _take(self) -> Any:
        self._held += 1
        try:
            item = await self._source.next()
        except Exception as error:
            self._failure, item = error, _END
        if item is _END:
            self._held -= 1
            self._is_exhausted = True
        return item

    def _wake_all_at_the_end(self) -> None:
        while self._is_exhausted and self._resting:
            self._resting.popleft().set()

    async def _process(self, raw: Raw, headers: Headers) -> None:
        if self._ordered_by is None:
            self._give(await self._dispatcher.process(raw, headers))
            return
        try:
            event = self._dispatcher.read(raw, headers)
        except MalformedEvent as error:
            self._give(Result(Status.MALFORMED, None, (), error, raw))
            return
        try:
            key = self._ordered_by(event)
            before = self._last_of_key.get(key)
        except Exception as error:
            annotate(error, event, "ordered_by=")
            self._give(Result(Status.FAILED, event, (), error, raw))
            return
        own = self._last_of_key[key] = anyio.Event()
        try:
            if before is not None:
                await before.wait()
            self._give(await self._dispatcher.process_event(event, raw))
        finally:
            own.set()
            if self._last_of_key.get(key) is own:
                del self._last_of_key[key]

    def _give(self, result: Result) -> None:
        self._ready.append(result)
        self._news.set()


def _parts(item: Any) -> tuple[Raw, Headers]:
    return cast("tuple[Raw, Headers]", item) if isinstance(item, tuple) else (item, NO_HEADERS)
