"""Events that are answered once they are kept in an inbox, and processed from there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from eventrouter.errors import StoreError
from eventrouter.event import Event
from eventrouter.inbox import Inbox
from eventrouter.integrations.http.answers import ACCEPTED, Answer, not_kept
from eventrouter.integrations.http.batches import Delivery
from eventrouter.integrations.http.endpoint import LOGGER, Endpoint
from eventrouter.stores.claims import make_key
from eventrouter.workers import Workers

#: Gives the text by which events are kept in order, or None.
KeptBy: TypeAlias = Callable[[Event[Any]], str | None]

_SEND_AGAIN = 5  # seconds, after which the store may work


class Keeping:
    """
    Keeps events in an inbox, and has workers process them.

    Args:
        endpoint: What tells events from what is none.
        inbox: Where they are kept.
        count: How many are processed here at the same time; 0 if another process does.
        grace: How many seconds those in flight may take at the end.
        ordered_by: Gives the key by which events are kept in order.

    Attributes:
        inbox: Where they are kept.
        workers: What processes them here, once it runs.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        inbox: Inbox,
        count: int,
        grace: float,
        ordered_by: KeptBy | None,
    ) -> None:
        self.inbox = inbox
        self.workers: Workers | None = None
        self._endpoint = endpoint
        self._count = count
        self._grace = grace
        self._ordered_by = ordered_by

    async def accept(self, delivery: Delivery) -> Answer:
        """Keep an event, unless it is none."""
        refusal = self._endpoint.refusal(delivery)
        if refusal is not None:
            return refusal
        raw, headers = delivery
        try:
            await self.inbox.accept(raw, headers, key=self._key_of(delivery))
        except StoreError as error:
            LOGGER.error("an event could not be kept: %s", error)
            return not_kept(_SEND_AGAIN)
        return ACCEPTED

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Process what is kept, if that is to be done here."""
        if not self._count:
            yield
            return
        router = self._endpoint.router
        async with self.inbox.workers(router, count=self._count, grace=self._grace) as workers:
            self.workers = workers
            yield

    def _key_of(self, delivery: Delivery) -> str | None:
        if self._ordered_by is None:
            return None
        key = self._ordered_by(self._endpoint.router.read(*delivery))
        return None if key is None else make_key(key)
