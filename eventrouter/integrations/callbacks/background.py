"""Work in the background of an event loop, so much and no more."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import get_ident
from typing import TypeAlias

import anyio
from anyio import from_thread
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import EventLoopToken, current_token
from attrs import define, field, frozen

from eventrouter.errors import RegistrationError

Work: TypeAlias = Callable[[], Awaitable[None]]


@frozen(eq=False)
class _Opened:
    """Where work runs, from opening to closing."""

    around: TaskGroup
    tasks: TaskGroup
    limiter: anyio.CapacityLimiter
    token: EventLoopToken = field(factory=current_token)
    thread: int = field(factory=get_ident)


@define(eq=False)
class Background:
    """
    Runs work in the background of the event loop that it was opened in.

    Args:
        most_at_once: How much runs at the same time.
        most_waiting: How much is taken in at the same time, what runs included.
        grace: What is taken in has so long to end once it closes, in seconds.
        logger: Told of what is lost.
    """

    most_at_once: int
    most_waiting: int
    grace: float
    logger: logging.Logger
    dropped: int = field(default=0, init=False)
    _opened: _Opened | None = field(default=None, init=False)
    _pending: int = field(default=0, init=False)
    _interruption: BaseException | None = field(default=None, init=False)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """
        Take in work; at the end, wait for it to end, even when cancelled.

        Raises:
            RegistrationError: If it is open already.
        """
        if self._opened is not None:
            raise RegistrationError("it is open already; once for all of the program is enough")
        self._interruption = None
        closing = anyio.Event()
        error: BaseException | None = None
        async with anyio.create_task_group() as around:
            self._opened = await around.start(self._run_until, around, closing)
            try:
                yield
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as raised:  # which the group would wrap in another
                error = raised
            finally:
                self._opened = None
                closing.set()
        error = self._interruption or error
        if error is not None:
            raise error

    def take(self, work: Work, name: object) -> bool:
        """
        Take in work, from any thread; if there is too much of it, count and log that it is lost.

        Returns:
            Whether it was taken in, or lost; False if this is not open.
        """
        opened = self._opened
        if opened is None:
            return False
        if get_ident() == opened.thread:
            return self._take(opened, work, name)
        try:
            return from_thread.run_sync(self._take, opened, work, name, token=opened.token)
        except RuntimeError:  # that loop has ended, or trio won't let its own wait for another
            return False

    async def _run_until(
        self, around: TaskGroup, closing: anyio.Event, *, task_status: TaskStatus[_Opened]
    ) -> None:
        with anyio.CancelScope(shield=True) as scope:
            async with anyio.create_task_group() as tasks:
                limiter = anyio.CapacityLimiter(self.most_at_once)
                task_status.started(_Opened(around, tasks, limiter))
                await closing.wait()
                scope.deadline = anyio.current_time() + self.grace
        if scope.cancelled_caught:
            self.logger.warning(
                "%d callbacks given up: not sent %g s after the end", self._pending, self.grace
            )
            self._pending = 0

    def _take(self, opened: _Opened, work: Work, name: object) -> bool:
        if self._opened is not opened:
            return False
        if self._pending >= self.most_waiting:
            self.dropped += 1
            self.logger.warning(
                "%s was dropped: %d wait (dropped so far: %d)", name, self._pending, self.dropped
            )
            return True
        self._pending += 1
        opened.tasks.start_soon(self._run, opened, work)
        return True

    async def _run(self, opened: _Opened, work: Work) -> None:
        try:
            async with opened.limiter:
                await work()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as interruption:  # trio raises Control-C in whatever task it hits
            self._interruption = interruption
            opened.around.cancel_scope.cancel()
        self._pending -= 1
