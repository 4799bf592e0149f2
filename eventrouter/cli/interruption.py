"""
Ctrl-C: the first lets what is in flight finish, the second ends the process at once.

SIGTERM, to those who heed it, is a first one; another one changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType
from typing import Any, NoReturn, TypeVar

INTERRUPTED = 130  # the exit status: 128 + SIGINT, as shells count it

_SHOW_CURSOR = b"\x1b[?25h\n"  # a progress bar hides it

T = TypeVar("T")


class Stop:
    """
    Whether to take no more events.

    It belongs to the event loop it is made in.

    Args:
        announce: Called in the event loop when the first signal is noticed.

    Attributes:
        is_asked: Whether no more events are to be taken.
        is_interrupted: Whether a signal came.
        is_calling: Whether a function given to ``unless_asked`` still runs.
    """

    def __init__(self, announce: Callable[[], None]) -> None:
        self.is_asked = False
        self.is_interrupted = False
        self.is_calling = False
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._awaited: asyncio.Future[Any] | None = None

    def ask(self) -> None:
        """Ask for it; whoever waits in ``unless_asked`` waits no longer."""
        self.is_asked = True
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    async def unless_asked(self, function: Callable[[], T]) -> T | None:
        """
        Call a function that may block, in a thread of its own; one at a time.

        Returns:
            What it returned, or None once the stop is asked for. The function is then left
            alone, and does not keep the process from ending.

        Raises:
            Exception: What it raised.
        """
        if self.is_asked:
            return None
        answer: asyncio.Future[T | None] = self._loop.create_future()

        def settle(value: T | None, error: Exception | None) -> None:
            self.is_calling = False
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def call() -> None:
            value, error = None, None
            try:
                value = function()
            except Exception as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(settle, value, error)

        self._awaited, self.is_calling = answer, True
        # The threads of asyncio and anyio are waited for at exit, for ever if they block.
        Thread(target=call, name="eventrouter input", daemon=True).start()
        return await answer

    @contextmanager
    def on_ctrl_c(self) -> Generator[None]:
        """Ask for it at Ctrl-C, unless the process was started to ignore that."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            yield
            return
        with self._on(signal.SIGINT):
            yield

    @contextmanager
    def on_sigterm(self) -> Generator[None]:
        """Ask for it at SIGTERM, by which a supervisor ends a process."""
        with self._on(signal.SIGTERM):
            yield

    @contextmanager
    def _on(self, number: signal.Signals) -> Generator[None]:
        before = signal.getsignal(number)
        with suppress(NotImplementedError):  # on Windows the loop is always woken
            # A signal that comes just before the loop goes to sleep must wake it.
            self._loop.add_signal_handler(number, _do_nothing)
        # The loop's own way would not run while a handler keeps the loop busy.
        signal.signal(number, self._interrupt)
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                self._loop.remove_signal_handler(number)
            signal.signal(number, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self.is_interrupted:
            self.is_interrupted = True
            self._loop.call_soon_threadsafe(self._stop_interrupted)
        elif number == signal.SIGINT:
            _end_at_once()

    def _stop_interrupted(self) -> None:
        self.ask()
        self._announce()


def _do_nothing() -> None: ...


def _end_at_once() -> NoReturn:
    # An exception would wait for the threads that handlers run in.
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    os._exit(INTERRUPTED)
