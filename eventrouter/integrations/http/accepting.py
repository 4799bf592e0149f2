"""Events that are answered at once and processed later: so many at a time, so many waiting."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import BoundedSemaphore, Lock

import anyio
from anyio.abc import ObjectReceiveStream
from anyio.streams.memory import MemoryObjectSendStream

from eventrouter.errors import EventRouterError
from eventrouter.integrations.http.answers import ACCEPTED, Answer, overloaded
from eventrouter.integrations.http.batches import Delivery
from eventrouter.integrations.http.endpoint import LOGGER, log
from eventrouter.result import Result
from eventrouter.router import Router

_SEND_AGAIN = 1  # seconds, after which there may be room


class NotRunning(EventRouterError, RuntimeError):
    """Raised when an event is to be accepted, and nothing runs that would process it."""


class Tasks:
    """
    Processes events in tasks of an event loop.

    Args:
        router: What processes them.
        most: How many events are processed at the same time.
        waiting: How many more may wait.
    """

    def __init__(self, router: Router, most: int, waiting: int) -> None:
        self._router = router
        self._most = most
        self._waiting = waiting
        self._entrance: MemoryObjectSendStream[Delivery] | None = None
        self._is_over = False
        self._unfinished = 0

    def accept(self, delivery: Delivery) -> Answer:
        """
        Take an event, if there is room for it.

        Raises:
            NotRunning: Outside of ``running``.
        """
        if self._entrance is None:
            if self._is_over:
                return overloaded(_SEND_AGAIN)
            raise NotRunning(
                "on_accept=202 processes events in the background, which has not been started: "
                "enter `async with app.running():` in the lifespan of the application that this "
                "one is mounted in"
            )
        try:
            self._entrance.send_nowait(delivery)
        except anyio.WouldBlock:
            return overloaded(_SEND_AGAIN)
        self._unfinished += 1
        return ACCEPTED

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Process what is accepted meanwhile, and at the end, all that was accepted."""
        entrance, exit_ = anyio.create_memory_object_stream[Delivery](self._waiting)
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(self._most):
                    tasks.start_soon(self._work, exit_.clone())
                exit_.close()
                self._entrance, self._is_over = entrance, False
                try:
                    yield
                except Exception as error:  # what was accepted is processed all the same
                    failure = error
                finally:
                    self._entrance, self._is_over = None, True
                    entrance.close()
        finally:
            if self._unfinished:
                LOGGER.error("stopped before %d accepted events were processed", self._unfinished)
                self._unfinished = 0
        if failure is not None:
            raise failure

    async def _work(self, exit_: ObjectReceiveStream[Delivery]) -> None:
        async with exit_:
            async for raw, headers in exit_:
                try:
                    _note(await self._router.process(raw, headers))
                except Exception:
                    LOGGER.exception(_NOT_PROCESSED)
                self._unfinished -= 1


class Threads:
    """
    Processes events in threads, which start with the first event.

    They end with the program, once all that was accepted is processed, or when closed.

    Args:
        router: What processes them.
        most: How many events are processed at the same time.
        waiting: How many more may wait.
    """

    def __init__(self, router: Router, most: int, waiting: int) -> None:
        self._router = router
        self._most = most
        self._room = BoundedSemaphore(most + waiting)
        # Made late: threads don't survive the fork by which servers make their workers.
        self._executor: ThreadPoolExecutor | None = None
        self._is_over = False
        self._lock = Lock()

    def accept(self, delivery: Delivery) -> Answer:
        """Take an event, if there is room for it."""
        if not self._room.acquire(blocking=False):
            return overloaded(_SEND_AGAIN)
        with self._lock:
            if self._is_over:
                self._room.release()
                return overloaded(_SEND_AGAIN)
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._most, "eventrouter accepted")
            self._executor.submit(self._work, delivery)
        return ACCEPTED

    def close(self) -> None:
        """Accept no more, and wait until all that was accepted is processed."""
        with self._lock:
            self._is_over = True
        if self._executor is not None:
            self._executor.shutdown()

    def _work(self, delivery: Delivery) -> None:
        try:
            _note(self._router.process_sync(*delivery))
        except Exception:
            LOGGER.exception(_NOT_PROCESSED)
        finally:
            self._room.release()


_NOT_PROCESSED = "an accepted event could not be processed"


def _note(result: Result) -> None:
    """Log what went wrong, since nobody else is told."""
    if result.error is not None:
        log(result, logging.WARNING)
