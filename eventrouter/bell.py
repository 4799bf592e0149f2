"""Waking tasks that wait for news."""

from __future__ import annotations

import anyio


class Bell:
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
