"""Redis Streams."""

# pyright: reportMissingImports=false

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from uuid import uuid4

from attrs import frozen
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis

from benchmarks.brokers.contest import (
    AT_ONCE,
    BY_HAND,
    FASTSTREAM,
    OURS,
    Contest,
    Counted,
    read_by_hand,
    router_of,
    typed_handler,
)
from eventrouter.integrations.faststream import consume

URL: Final = os.environ.get("EVENTROUTER_TEST_REDIS", "redis://127.0.0.1:6379")
GROUP: Final = "bench"
A_BATCH: Final = "by hand, acknowledged by the batch"


@frozen
class Place:
    """A stream on a server."""

    url: str
    stream: str


@asynccontextmanager
async def filled(url: str, raw: bytes, count: int) -> AsyncGenerator[Place]:
    """A stream with that many events, and a group of it."""
    place = Place(url, f"bench{uuid4().hex[:12]}")
    client: Any = Redis.from_url(url)
    try:
        for start in range(0, count, 500):
            async with client.pipeline(transaction=False) as pipeline:
                for _ in range(min(500, count - start)):
                    pipeline.xadd(place.stream, {"data": raw})
                await pipeline.execute()
        await client.xgroup_create(place.stream, GROUP, id="0")
        yield place
    finally:
        await client.delete(place.stream)
        await client.aclose()


async def by_hand(place: Place, counted: Counted) -> None:
    """Read in batches, one event after the other, each acknowledged once it was handled."""
    client: Any = Redis.from_url(place.url)
    process = read_by_hand(counted)
    while counted.count < counted.wanted:
        for _, entries in await read(client, place):
            for id, fields in entries:
                await process(fields[b"data"])
                await client.xack(place.stream, GROUP, id)
    await client.aclose()


async def by_the_batch(place: Place, counted: Counted) -> None:
    """The same, and a whole batch acknowledged at once: what a kill costs is a batch."""
    client: Any = Redis.from_url(place.url)
    process = read_by_hand(counted)
    while counted.count < counted.wanted:
        for _, entries in await read(client, place):
            for _, fields in entries:
                await process(fields[b"data"])
            await client.xack(place.stream, GROUP, *[id for id, _ in entries])
    await client.aclose()


async def read(client: Any, place: Place) -> Any:
    return await client.xreadgroup(GROUP, "1", {place.stream: ">"}, count=AT_ONCE, block=1_000)


def quiet(url: str) -> RedisBroker:
    """A broker that logs nothing, which the types of FastStream don't know it can."""
    broker: RedisBroker = cast(Any, RedisBroker)(url, logger=None)
    return broker


async def ours(place: Place, counted: Counted) -> None:
    broker = quiet(place.url)
    subscriber = broker.subscriber(stream=StreamSub(place.stream, group=GROUP, consumer="1"))
    async with (
        broker,
        consume(router_of(counted), broker, subscriber, concurrency=AT_ONCE, volatile=True),
    ):
        await counted.all_came.wait()


async def with_faststream(place: Place, counted: Counted) -> None:
    broker = quiet(place.url)
    subscriber = broker.subscriber(
        stream=StreamSub(place.stream, group=GROUP, consumer="1", max_records=AT_ONCE),
        max_workers=AT_ONCE,
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    subscriber(typed_handler(counted))
    async with broker:
        await broker.start()
        await counted.all_came.wait()


CONTEST: Final = Contest(
    "Redis Streams",
    URL,
    filled,
    {BY_HAND: by_hand, A_BATCH: by_the_batch, OURS: ours, FASTSTREAM: with_faststream},
)
