"""Pulling messages from a durable consumer of JetStream."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

_EXPIRY = 10.0  # seconds that the server keeps a request that it has nothing for
_PART = 4  # of what is wanted, that is asked for at once while there is some yet
_SLACK = 5.0  # seconds by which what it says of that may be late
_GONE = ("409", "503")  # the consumer was deleted, or its leader went away


class Pull:
    """
    Asks a consumer for messages, never for more than are wanted, and keeps what came.

    ``fetch`` of nats-py makes a task for each message and waits for an answer to each request;
    here requests stay open, and messages are there before they are asked for.

    Args:
        client: The client of NATS.
        stream: The stream's name.
        durable: The consumer's.
    """

    def __init__(self, client: Any, stream: str, durable: str) -> None:
        self.client = client
        self._subject = f"{client.jetstream()._prefix}.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox: str = client.new_inbox()
        self._subscription: Any = None
        self._messages: deque[Any] = deque()
        self._asked = 0  # messages that were asked for and neither came nor were refused
        self._all_expired = 0.0  # when no request is open any more, by the clock of the loop
        self._connects: int = client.stats["reconnects"]
        self._requests = 0
        self._waiting: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Listen to what is sent."""
        self._subscription = await self.client.subscribe(
            f"{self._inbox}.*", cb=self._receive, pending_msgs_limit=0, pending_bytes_limit=0
        )

    async def take(self, limit: int, wait: float) -> list[Any]:
        """
        Give what came, and wait a while if nothing did.

        Args:
            limit: How many messages at most, those asked for too.
            wait: For how many seconds at most.
        """
        self._forget_lost_requests()
        missing = limit - len(self._messages) - self._asked
        # Each request is work for the server: many small ones would keep it busy.
        if missing > 0 and (missing >= limit / _PART or not (self._messages or self._asked)):
            await self._ask(missing)
        if not self._messages and wait > 0:
            await self._arrival(wait)
        return [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]

    async def stop(self) -> list[Any]:
        """Ask for no more, and give what came and was not taken."""
        self._wake()
        if self._subscription is not None:
            # The server has heard of it before it is forgotten here: what was on its way came.
            await self._subscription.drain()
            self._subscription = None
        left = list(self._messages)
        self._messages.clear()
        return left

    async def _ask(self, count: int) -> None:
        self._requests += 1
        request = {"batch": count, "expires": int(_EXPIRY * 1e9)}
        self._asked += count
        self._all_expired = asyncio.get_running_loop().time() + _EXPIRY + _SLACK
        try:
            await self.client.publish(
                self._subject, json.dumps(request).encode(), f"{self._inbox}.{self._requests}"
            )
        except BaseException:
            self._asked -= count
            raise

    async def _receive(self, message: Any) -> None:
        if message.reply:
            self._asked -= 1
            self._messages.append(message)
        else:
            self._hear(message.headers or {})
        self._wake()

    def _hear(self, headers: dict[str, str]) -> None:
        """Learn that a request is over, and how many messages it did not get."""
        unmet = headers.get("Nats-Pending-Messages")
        if unmet is not None:
            self._asked -= int(unmet)
        elif headers.get("Status") in _GONE:
            self._asked = 0

    def _forget_lost_requests(self) -> None:
        now = asyncio.get_running_loop().time()
        connects = self.client.stats["reconnects"]
        # The server forgot the requests of a connection that was lost, and says nothing of them.
        if connects != self._connects or now > self._all_expired or self._asked < 0:
            self._connects = connects
            self._asked = 0

    async def _arrival(self, wait: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(wait, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
