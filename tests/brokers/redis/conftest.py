"""Streams of a Redis server that are of one test alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.integrations.faststream.redis import RedisQueue
from tests.brokers.proxy import Proxy
from tests.brokers.rig import Letter
from tests.services import REDIS, require


class RedisRig:
    """Names on a Redis server, and a way between that can be cut."""

    tells_failures = True
    keeps_order = True

    def __init__(self, client: Any, proxy: Proxy) -> None:
        self.client = client
        self.proxy = proxy
        self.stream = f"t-{uuid4().hex}"

    def connection(self, group: str) -> dict[str, Any]:
        return {**self.settings(group), "lease": 1.0}

    def settings(self, group: str) -> dict[str, Any]:
        return {
            "url": self.proxy.url,
            "subject": self.stream,
            "group": group,
            "declare": True,
            "volatile": True,
        }

    def queue(self, group: str = "g", *, lease: float = 30.0) -> RedisQueue:
        queue = connection_of(**self.settings(group)).queue
        assert isinstance(queue, RedisQueue)
        queue.lease = lease
        return queue

    @asynccontextmanager
    async def opened(self, group: str = "g", *, lease: float = 30.0) -> AsyncGenerator[RedisQueue]:
        """A queue that is open."""
        queue = self.queue(group, lease=lease)
        try:
            await queue.open(10)
            yield queue
            await queue.stop()
        finally:
            await queue.close()

    async def publish(self, raw: bytes, headers: Mapping[str, str] | None = None) -> None:
        await self.client.xadd(self.stream, {**(headers or {}), "data": raw})

    async def dead_letters(self, group: str) -> list[Letter]:
        return [
            Letter(
                fields.pop(b"data", b""),
                {name.decode(): value.decode() for name, value in fields.items()},
            )
            for _, fields in await self.client.xrange(f"{self.stream}:{group}:dead-letters")
        ]

    async def cut(self) -> None:
        self.proxy.cut()

    async def delete(self) -> None:
        keys = [key async for key in self.client.scan_iter(f"{self.stream}*", count=1_000)]
        if keys:
            await self.client.delete(*keys)


@pytest.fixture
async def rig() -> AsyncGenerator[RedisRig]:
    require(REDIS)
    client = Redis.from_url(REDIS)
    async with Proxy.to(REDIS) as proxy:
        rig = RedisRig(client, proxy)
        try:
            yield rig
        finally:
            await rig.delete()
            await client.aclose()
