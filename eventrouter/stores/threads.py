"""Worker threads for stores that wait for a file or a server."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from eventrouter.contexts import in_event_loop

T = TypeVar("T")

_numbers = count()


class StoreThreads:
    """
    Runs calls that block in worker threads, so that an event loop goes on meanwhile.

    A task that is cancelled waits for its call; where asyncio interrupts it all the same, the
    thread goes on and does all of it.

    Args:
        most: How many calls of one event loop run at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Older anyio goes by the name alone.
        self._limiter = anyio.lowlevel.RunVar[anyio.CapacityLimiter](
            f"eventrouter store threads {next(_numbers)}"
        )

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns; where no event loop runs, it is called in this thread."""
        if not in_event_loop():
            return call()
        return await anyio.to_thread.run_sync(call, limiter=self._limiter_of_loop())

    def _limiter_of_loop(self) -> anyio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._most)
            self._limiter.set(limiter)
            return limiter
