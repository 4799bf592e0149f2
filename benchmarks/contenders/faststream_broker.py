"""FastStream: the in-memory broker of its tests, and its subscriber alone."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from faststream.nats import NatsBroker, TestNatsBroker
from faststream.nats.testing import build_message

from benchmarks.contenders.contender import Contender, Seen, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def broker_for(sample: Sample, seen: Seen) -> tuple[NatsBroker, Any]:
    broker = NatsBroker(logger=None)
    count = counting(TYPES[sample.size], seen)

    async def handle(event: Any) -> None:
        await count(event.payload)

    handle.__annotations__["event"] = EVENTS[sample.size]
    subscriber = broker.subscriber(sample.event_type)
    subscriber(handle)
    return broker, subscriber


@asynccontextmanager
async def in_memory(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    broker, _ = broker_for(sample, seen)
    async with TestNatsBroker(broker, connect_only=False):

        async def dispatch(raw: bytes) -> None:
            await broker.publish(raw, sample.event_type)

        yield repeated(dispatch, sample.raw)


@asynccontextmanager
async def subscriber_alone(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    broker, subscriber = broker_for(sample, seen)
    broker._setup_logger()
    logger = broker.config.logger.logger
    # The test broker starts it without a server. Without the mocks that it puts in for the logger
    # and around the handler, it is what a real broker's messages go through.
    async with TestNatsBroker(broker, connect_only=False):
        broker.config.logger.logger = logger
        for call in subscriber.calls:
            call.handler.reset_test()
        message = await build_message(sample.raw, sample.event_type)
        yield repeated(subscriber.process_message, message)


BY_SUBJECT = "the subject that the message came on finds the handler; nothing is logged"

CONTENDERS = (
    Contender(
        "FastStream, process_message",
        "framework",
        subscriber_alone,
        notes=(BY_SUBJECT, "the subscriber alone, its mocks removed"),
    ),
    Contender(
        "FastStream, in-memory broker",
        "framework",
        in_memory,
        notes=(BY_SUBJECT, "made for tests: mocks record each call"),
    ),
)
