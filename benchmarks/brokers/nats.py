"""NATS JetStream."""

# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import nats
from attrs import frozen
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub

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

URL: Final = os.environ.get("EVENTROUTER_TEST_NATS", "nats://127.0.0.1:4222")
GROUP: Final = "bench"


@frozen
class Place:
    """A stream and what it takes."""

    url: str
    stream: str
    subject: str


@asynccontextmanager
async def filled(url: str, raw: bytes, count: int) -> AsyncGenerator[Place]:
    """A stream with that many events, and a durable consumer of it."""
    name = f"bench{uuid4().hex[:12]}"
    client = await nats.connect(url)
    jetstream = client.jetstream()
    place = Place(url, name.upper(), f"{name}.events")
    await jetstream.add_stream(name=place.stream, subjects=[place.subject], storage="file")
    await jetstream.add_consumer(
        place.stream, durable_name=GROUP, filter_subject=place.subject, max_deliver=-1
    )
    try:
        for start in range(0, count, 500):
            published = [
                jetstream.publish(place.subject, raw, timeout=30)
                for _ in range(min(500, count - start))
            ]
            await asyncio.gather(*published)
        yield place
    finally:
        for info in await jetstream.streams_info():
            if name in (info.config.name or "").lower():
                await jetstream.delete_stream(info.config.name or "")
        await client.close()


async def by_hand(place: Place, counted: Counted) -> None:
    """Fetch in batches, one event after the other, each acknowledged once it was handled."""
    client = await nats.connect(place.url)
    subscription = await client.jetstream().pull_subscribe_bind(GROUP, place.stream)
    process = read_by_hand(counted)
    while counted.count < counted.wanted:
        for message in await subscription.fetch(AT_ONCE):
            await process(message.data)
            await message.ack()
    await client.drain()


async def ours(place: Place, counted: Counted) -> None:
    broker = NatsBroker(place.url, logger=None)
    subscriber = broker.subscriber(place.subject, stream=place.stream, durable=GROUP, pull_sub=True)
    dead_letters = f"dead.{place.subject}"
    async with (
        broker,
        consume(
            router_of(counted), broker, subscriber, concurrency=AT_ONCE, dead_letters=dead_letters
        ),
    ):
        await counted.all_came.wait()


async def with_faststream(place: Place, counted: Counted) -> None:
    broker = NatsBroker(place.url, logger=None)
    subscriber = broker.subscriber(
        place.subject,
        stream=JStream(place.stream, declare=False),
        durable=GROUP,
        pull_sub=PullSub(batch_size=AT_ONCE),
        max_workers=AT_ONCE,
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    subscriber(typed_handler(counted))
    async with broker:
        await broker.start()
        await counted.all_came.wait()


CONTEST: Final = Contest(
    "NATS JetStream", URL, filled, {BY_HAND: by_hand, OURS: ours, FASTSTREAM: with_faststream}
)
