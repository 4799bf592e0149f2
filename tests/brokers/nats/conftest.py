"""A NATS server's streams that are of one test alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import nats
import pytest
from attrs import evolve
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from eventrouter.integrations.faststream.nats.queue import NatsQueue
from eventrouter.integrations.faststream.queues import connection_of
from tests.brokers.proxy import Proxy
from tests.brokers.rig import Letter
from tests.services import NATS, require


class NatsRig:
    """Names on a NATS server, and a way between that can be cut."""

    tells_failures = True
    keeps_order = True

    def __init__(self, client: Client, proxy: Proxy) -> None:
        self.client = client
        self.jetstream = client.jetstream()
        self.proxy = proxy
        self.name = f"t{uuid4().hex[:12]}"

    @property
    def stream(self) -> str:
        return self.name.upper()

    def connection(self, group: str) -> dict[str, Any]:
        return {
            "url": self.proxy.url,
            "subject": f"{self.name}.events.>",
            "group": group,
            "stream": self.stream,
            "dead_letters": f"{self.name}.dead.{group}",
            "publish_to": f"{self.name}.events.{{type}}",
            "declare": True,
        }

    def queue(self, group: str, *, lease: float = 30.0) -> NatsQueue:
        queue = connection_of(**self.connection(group)).queue
        assert isinstance(queue, NatsQueue)
        return NatsQueue(queue._broker, evolve(queue._recipe, lease=lease))

    async def publish(self, raw: bytes, headers: Mapping[str, str] | None = None) -> None:
        await self.jetstream.publish(
            f"{self.name}.events.x", raw, headers=dict(headers) if headers else None
        )

    async def dead_letters(self, group: str) -> list[Letter]:
        subscription = await self.jetstream.subscribe(
            f"{self.name}.dead.{group}", ordered_consumer=True
        )
        letters = list[Letter]()
        while True:
            try:
                message = await subscription.next_msg(timeout=1)
            except TimeoutError:
                break
            letters.append(Letter(message.data, message.headers or {}))
            if message.metadata.num_pending == 0:
                break
        await subscription.unsubscribe()
        return letters

    async def cut(self) -> None:
        self.proxy.cut()

    async def delete(self) -> None:
        for info in await self.jetstream.streams_info():
            name = info.config.name or ""
            if self.name in name.lower():
                with suppress(NotFoundError):
                    await self.jetstream.delete_stream(name)


@pytest.fixture
async def rig() -> AsyncGenerator[NatsRig]:
    require(NATS)
    client = await nats.connect(NATS)
    async with Proxy.to(NATS) as proxy:
        rig = NatsRig(client, proxy)
        try:
            yield rig
        finally:
            await rig.delete()
            await client.close()
