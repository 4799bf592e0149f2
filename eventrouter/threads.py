"""Worker threads for sync handlers, of which a router has so many and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from itertools import count
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import anyio
from attrs import define, frozen

from eventrouter.errors import TooManyAbandoned

T = TypeVar("T")

_numbers = count()


@frozen(eq=False)
class _Lent:
    """The thread that a handler holds, lent to what it dispatches while it waits for that."""

    limiter: anyio.CapacityLimiter
    loop: object


@define(eq=False)
class _Call(Generic[T]):
    """A call that may be left behind in its thread."""

    function: Callable[[], T]
    returned: T | None = None
    is_running: bool = False
    is_left: bool = False


_lent: ContextVar[Mapping[WorkerThreads, _Lent]] = ContextVar("_lent")
_NOTHING_LENT: Mapping[WorkerThreads, _Lent] = MappingProxyType({})


class WorkerThreads:
    """
    The worker threads of one router.

    A handler in a thread may dispatch again and wait for it. Were its handlers to wait for a free
    thread while all are held by such waiting handlers, none would ever end; so they run in a
    thread of the waiting handler's own, unless one is free.

    Args:
        most: How many run at once in one event loop.
        most_abandoned: How many may be left behind, still running, before no other one is started
            that may be.
    """

    def __init__(self, most: int, most_abandoned: int) -> None:
        self._most = most
        self._most_abandoned = most_abandoned
        self._abandoned = 0
        self._lock = threading.Lock()
        self._limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar(
            f"eventrouter worker threads {next(_numbers)}"  # older anyio goes by the name alone
        )

    async def run(self, function: Callable[[], T]) -> T:
        """
        Call the function in a thread, with a copy of the context variables.

        A cancelled caller waits for the function to return.
        """
        lent = _lent.get(_NOTHING_LENT)
        own = _Lent(anyio.CapacityLimiter(1), anyio.lowlevel.current_token())

        def in_thread() -> T:
            _lent.set({**lent, self: own})
            return function()

        limiter = self._limiter_of_loop()
        of_ancestor = lent.get(self)
        if of_ancestor is None or of_ancestor.loop != own.loop:
            return await anyio.to_thread.run_sync(in_thread, limiter=limiter)
        try:
            is_one_free = limiter.available_tokens > 0  # older anyio raises trio's own WouldBlock
            if is_one_free:
                limiter.acquire_on_behalf_of_nowait(own)
        except anyio.WouldBlock:
            is_one_free = False
        if not is_one_free:
            return await anyio.to_thread.run_sync(in_thread, limiter=of_ancestor.limiter)
        try:
            return await anyio.to_thread.run_sync(in_thread, limiter=anyio.CapacityLimiter(1))
        finally:
            limiter.release_on_behalf_of(own)

    @property
    def abandoned(self) -> int:
        """How many were left behind and still run."""
        return self._abandoned

    async def run_or_abandon(self, function: Callable[[], T], seconds: float) -> T | None:
        """
        Do what ``run`` does, but leave the thread behind when its time is over.

        A cancelled caller waits for the function to return, or for its time to be over; the time
        spent waiting for a free thread does not count.

        Args:
            function: What to call. It does not return None.
            seconds: How long it may take.

        Returns:
            What the function returned, or None if it was left behind.

        Raises:
            TooManyAbandoned: If as many as may be were left behind before.
        """
        lent = _lent.get(_NOTHING_LENT)
        own = _Lent(anyio.CapacityLimiter(1), anyio.lowlevel.current_token())
        call = _Call(function)

        def in_thread() -> None:
            _lent.set({**lent, self: own})
            self._finish(call)

        # Not held by a thread that was left behind, which else would be in the way of the others.
        limiter = self._limiter_for(lent.get(self), own)
        await limiter.acquire_on_behalf_of(own)
        try:
            if self._abandoned >= self._most_abandoned:
                raise TooManyAbandoned(self._most_abandoned)
            with anyio.move_on_after(seconds, shield=True):
                await anyio.to_thread.run_sync(
                    in_thread, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
                )
        finally:
            limiter.release_on_behalf_of(own)
            self._leave(call)
        return call.returned

    def _finish(self, call: _Call[Any]) -> None:
        """Make the call, in its thread."""
        with self._lock:
            if call.is_left:  # before its thread came to it
                return
            call.is_running = True
        try:
            call.returned = call.function()
        finally:
            with self._lock:
                call.is_running = False
                if call.is_left:
                    self._abandoned -= 1

    def _leave(self, call: _Call[Any]) -> None:
        """Leave the call behind, if it is not finished."""
        with self._lock:
            call.is_left = True
            if call.is_running:
                self._abandoned += 1

    def _limiter_for(self, of_ancestor: _Lent | None, own: _Lent) -> anyio.CapacityLimiter:
        limiter = self._limiter_of_loop()
        if of_ancestor is None or of_ancestor.loop != own.loop or limiter.available_tokens > 0:
            return limiter
        return of_ancestor.limiter

    def _limiter_of_loop(self) -> anyio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._most)
            self._limiter.set(limiter)
            return limiter


def outcome_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """
    (value, None) or (None, error) of a call.

    An error crosses a thread as a value: as an exception, StopIteration could not.
    """
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error
