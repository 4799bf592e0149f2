"""Serving an endpoint with uvicorn: until a signal comes, and then what is in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from socket import socket
from typing import NoReturn

import uvicorn
from anyio import CancelScope

from eventrouter.cli.interruption import Stop
from eventrouter.integrations.http.answers import problem
from eventrouter.integrations.http.asgi_endpoint import (
    ASGIEndpoint,
    Message,
    Receive,
    Scope,
    Send,
    send_answer,
)

_PATIENCE = 1.0  # seconds that what is cancelled may take to end
_CLOSE = (b"connection", b"close")


class Server:
    """
    Serves one endpoint.

    Args:
        endpoint: What answers the requests.
        listening: The socket they come to.
        grace: How many seconds it may take to finish what is in flight.
        announce_start: Called when requests are answered and signals heeded.
        announce_end: Called when the first signal is noticed.
        give_up: Called if something does not even end when it is cancelled, as a thread does not.

    Attributes:
        answers: How many requests were answered, by status code.
        cut_off: How many requests were cancelled, since the grace was over.
        lost: How many events that were accepted before were cancelled then.
    """

    def __init__(
        self,
        endpoint: ASGIEndpoint,
        listening: socket,
        grace: float,
        announce_start: Callable[[], None],
        announce_end: Callable[[], None],
        give_up: Callable[[], NoReturn],
    ) -> None:
        self.answers: Counter[int] = Counter()
        self.cut_off = 0
        self.lost = 0
        self._endpoint = endpoint
        self._listening = listening
        self._grace = grace
        self._announce_start = announce_start
        self._announce_end = announce_end
        self._give_up = give_up
        self._in_flight: set[CancelScope] = set()
        self._is_ending = False
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                self._watched,
                interface="asgi3",
                # The endpoint is started below, where the time it takes to end is limited.
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )

    @property
    def given_back(self) -> int:
        """How many events were cancelled then that are in an inbox, or are about to be."""
        keeping = self._endpoint.keeping
        workers = keeping.workers if keeping is not None else None
        return 0 if workers is None else workers.cut_off + workers.in_flight

    async def serve(self) -> None:
        """Answer requests until a signal comes; return when what is in flight then is over."""
        with CancelScope() as background:
            stop = Stop(lambda: self._stop(background))
            with stop.on_ctrl_c(), stop.on_sigterm():
                async with self._endpoint.running():
                    self._announce_start()
                    with CancelScope(shield=True):
                        await self._uvicorn.serve(sockets=[self._listening])

    def _stop(self, background: CancelScope) -> None:
        self._announce_end()
        self._is_ending = self._uvicorn.should_exit = True
        loop = asyncio.get_running_loop()
        loop.call_later(self._grace, self._cut, background)
        loop.call_later(self._grace + _PATIENCE, self._give_up)

    def _cut(self, background: CancelScope) -> None:
        tasks = self._endpoint.tasks
        self.lost = tasks.unfinished if tasks is not None else 0
        self.cut_off = len(self._in_flight)
        for request in self._in_flight:
            request.cancel()
        background.cancel()

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The endpoint as an ASGI application that can be cancelled, and is counted."""
        is_answered = False

        async def watched_send(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                self.answers[message["status"]] += 1
                if self._is_ending:  # one accepted late would be kept open
                    message["headers"] = [*message["headers"], _CLOSE]
            await send(message)

        with CancelScope() as request:
            self._in_flight.add(request)
            try:
                await self._endpoint(scope, receive, watched_send)
            except Exception:
                if not is_answered:
                    self.answers[500] += 1  # which is how uvicorn answers it
                raise
            finally:
                self._in_flight.discard(request)
        if request.cancelled_caught and not is_answered:
            await send_answer(_CUT_OFF, watched_send)


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them to ``Stop``: of uvicorn's own a process ends with another status."""
        yield


_CUT_OFF = problem(
    503,
    "the server ends before the event is processed; send it again later",
    headers={"retry-after": "1"},
    is_retryable=True,
)
