"""Worker threads for sync handlers, of which a router has so many and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import EventLoopToken, RunVar, current_token
from attrs import frozen

T = TypeVar("T")


@frozen
class _Lent:
    """The thread that a handler holds, lent to what it dispatches while it waits for that."""

    limiter: CapacityLimiter
    loop: EventLoopToken


_lent: ContextVar[Mapping[WorkerThreads, _Lent]] = ContextVar("_lent")
_NOTHING_LENT: Mapping[WorkerThreads, _Lent] = MappingProxyType({})


class WorkerThreads:
    """
    The worker threads of one router.

    A handler in a thread may dispatch again and wait for it. Were its handlers to wait for a free
    thread while all are held by such waiting handlers, none would ever end; so they run in a
    thread of the waiting handler's own.

    Args:
        most: How many run at once in one event loop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: RunVar[CapacityLimiter] = RunVar("eventrouter worker threads")

    async def run(self, function: Callable[[], T]) -> T:
        """
        Call the function in a thread, with a copy of the context variables.

        A cancelled caller waits for the function to return.
        """
        lent = _lent.get(_NOTHING_LENT)
        own = _Lent(CapacityLimiter(1), current_token())

        def in_thread() -> T:
            _lent.set({**lent, self: own})
            return function()

        return await to_thread.run_sync(in_thread, limiter=self._limiter_of_caller(lent))

    def _limiter_of_caller(self, lent: Mapping[WorkerThreads, _Lent]) -> CapacityLimiter:
        of_ancestor = lent.get(self)
        if of_ancestor is not None and of_ancestor.loop == current_token():
            return of_ancestor.limiter
        try:
            return self._limiter.get()
        except LookupError:
            limiter = CapacityLimiter(self._most)
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
