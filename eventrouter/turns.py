"""Taking turns: so many at a time and no more, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial

import anyio
from attrs import define, field

from eventrouter.contexts import calling_in_loop


@define(eq=False)
class _Waiting:
    """One who waits for a turn: what tells him that it has come, and whether it has."""

    wake: Callable[[], object]
    has_turn: bool = False


@define(eq=False)
class _Line:
    """Those of one key: how many have their turn, and who waits for one."""

    running: int = 0
    waiting: deque[_Waiting] = field(factory=deque[_Waiting])


class Turns:
    """
    Lets so many of a key go on at a time, in any threads and event loops.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        # Of those keys alone that someone has a turn of, or memory would grow.
        self._lines: dict[Hashable, _Line] = {}

    async def take(self, key: Hashable, has_loop: bool) -> None:
        """
        Wait for a turn, which must be given back.

        Args:
            key: Of what.
            has_loop: Whether it runs in an event loop; else the thread is blocked.

        Raises:
            TypeError: If the key has no hash.
        """
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line()
            if line.running < self._most:
                line.running += 1
                return
            arrival = anyio.Event() if has_loop else threading.Event()
            wake = partial(calling_in_loop(), arrival.set) if has_loop else arrival.set
            waiting = _Waiting(wake)
            line.waiting.append(waiting)
        try:
            if isinstance(arrival, threading.Event):
                arrival.wait()
            else:
                await arrival.wait()
        except BaseException:
            self._leave(key, waiting)
            raise

    def give(self, key: Hashable) -> None:
        """Give a turn back, to who waits longest for it."""
        while True:
            with self._lock:
                line = self._lines[key]
                if not line.waiting:
                    line.running -= 1
                    if not line.running:
                        del self._lines[key]
                    return
                waiting = line.waiting.popleft()
                waiting.has_turn = True
            try:
                waiting.wake()
            except RuntimeError:  # the event loop was closed around him
                waiting.has_turn = False
                continue
            return

    def _leave(self, key: Hashable, waiting: _Waiting) -> None:
        """Wait no longer."""
        with self._lock:
            line = self._lines.get(key)
            if line is not None and waiting in line.waiting:
                line.waiting.remove(waiting)
        if waiting.has_turn:  # it came just then
            self.give(key)
