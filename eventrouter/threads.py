"""Worker threads for sync handlers, of which a router has so many and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from itertools import count
from types import MappingProxyType
from typing import Any, TypeVar

import anyio
from attrs import frozen

T = TypeVar("T")

_numbers = count()


@frozen(eq=False)
class _Lent:
    """The thread that a handler holds, lent to what it dispatches while it waits for that."""

    limiter: anyio.CapacityLimiter
    loop: object


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
    """

    def __init__(self, most: int) -> None:
        self._most = most
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
