"""Waking tasks that wait for news."""

from __future__ import annotations

import anyio


class Bell:
    """Wakes all that wait for it to ring."""

    def __init__(self) -> None:
        self._next: anyio.Event | None = None  # made when someone is to wait: it rings often

    def ring(self) -> None:
        """Wake all that wait for the next time it rings."""
        rung, self._next = self._next, None
        if rung is not None:
            rung.set()

    @property
    def next(self) -> anyio.Event:
        """Is set when it rings next."""
        if self._next is None:
            self._next = anyio.Event()
        return self._next
