"""Pausing a handler that failed so many times in a row, until one event tells that it works."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

from eventrouter.errors import HandlerPaused

FIRST_PAUSE: Final = 30.0  # seconds; short against an outage, long against what retries are for
LONGEST_PAUSE: Final = 600.0
WHILE_PROBED: Final = 5.0  # seconds after which to ask again, as nobody knows how long it takes


class Circuit:
    """
    Tells whether a handler may run, from what became of it before; in any threads.

    Args:
        handler: Its name, with its module.
    """

    def __init__(self, handler: str) -> None:
        self._handler = handler
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._pause = FIRST_PAUSE
        self._paused_until: float | None = None
        self._is_probed = False
        # Goes up with each pause, as what began before one says nothing about its end.
        self._pauses: int = 0

    def enter(self) -> int:
        """
        Begin with an event, and say later what became of it.

        Returns:
            What to say it with.

        Raises:
            HandlerPaused: If the handler is paused.
        """
        with self._lock:
            if self._paused_until is not None:
                left = self._paused_until - monotonic()
                if self._is_probed or left > 0:
                    raise HandlerPaused(self._handler, WHILE_PROBED if self._is_probed else left)
                self._is_probed = True
            return self._pauses

    def refuse_if_paused_since(self, entered: int) -> None:
        """
        Ask again, right before a call.

        Raises:
            HandlerPaused: If a pause began since the event was let through, and goes on.
        """
        with self._lock:
            if self._paused_until is not None and entered != self._pauses:
                left = self._paused_until - monotonic()
                raise HandlerPaused(self._handler, left if left > 0 else WHILE_PROBED)

    def succeeded(self, entered: int) -> None:
        """Let all events through, unless a pause began meanwhile."""
        with self._lock:
            if entered == self._pauses:
                self._in_a_row = 0
                self._pause = FIRST_PAUSE
                self._paused_until = None
                self._is_probed = False

    def failed(self, entered: int, pause_after: int) -> None:
        """
        Pause the handler if that was one failure too many, or the end of a pause.

        Args:
            entered: What ``enter`` returned.
            pause_after: How many failures in a row are too many.
        """
        with self._lock:
            if entered != self._pauses:
                return
            self._in_a_row += 1
            if self._is_probed or self._in_a_row >= pause_after:
                self._pauses += 1
                self._is_probed = False
                self._paused_until = monotonic() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def undecided(self, entered: int) -> None:
        """Count the event as neither; if it was to tell whether the handler works, another is."""
        with self._lock:
            if entered == self._pauses:
                self._is_probed = False
