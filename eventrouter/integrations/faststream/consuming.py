"""Consuming the events of a broker with workers of our own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from eventrouter.integrations.faststream.queues import BrokerQueue, queue_of
from eventrouter.processing import Terms
from eventrouter.router import Router
from eventrouter.workers import Workers

_POLL = 1.0  # seconds that taking waits for events to come


@asynccontextmanager
async def consume(
    router: Router,
    broker: Any,
    subscriber: Any,
    *,
    concurrency: int = 50,
    attempts: int = 5,
    wait: float = 1.0,
    longest_wait: float = 300.0,
    grace: float = 25.0,
    dead_letters: str | None = None,
) -> AsyncGenerator[Workers]:
    """
    Have the router process what a subscriber gets, for as long as the body runs.

    Each event is acknowledged once it was handled, given back if it may yet succeed, and set aside
    in the broker's place for dead letters if not. At the end no more is taken, and what is being
    processed may finish. What has not when the grace is over is cancelled and given back.

    The events are taken by this, not by FastStream, whose middleware does not see them.

    Args:
        router: What processes the events.
        broker: FastStream's broker; it is connected if it is not yet.
        subscriber: What ``broker.subscriber(...)`` returned, without a handler of its own.
        concurrency: How many events are processed at the same time, and how many are never
            acknowledged at the same time.
        attempts: How often an event is tried that fails and may yet succeed, before it is set
            aside.
        wait: The seconds before a failed event is tried again, doubled with each attempt.
        longest_wait: What that does not grow beyond, in seconds.
        grace: How many seconds it may take at the end.
        dead_letters: Where events go that can't be handled: a subject, a queue, a stream or a
            topic. One named after the subscriber unless given.

    Raises:
        RegistrationError: If the router or a setting can't work, or events could be lost.
        StoreError: If the broker does not answer, or refuses.
    """
    queue = queue_of(broker, subscriber, dead_letters=dead_letters)
    async with consuming(
        router,
        queue,
        concurrency=concurrency,
        attempts=attempts,
        wait=wait,
        longest_wait=longest_wait,
        grace=grace,
    ) as workers:
        yield workers


@asynccontextmanager
async def consuming(
    router: Router,
    queue: BrokerQueue,
    *,
    concurrency: int,
    attempts: int,
    wait: float,
    longest_wait: float,
    grace: float,
) -> AsyncGenerator[Workers]:
    """Have the router process what is in the queue, for as long as the body runs."""
    router.compile()
    terms = Terms(
        attempts=attempts,
        deaths=attempts,
        wait=wait,
        longest_wait=longest_wait,
        lease=queue.lease,
        poll=_POLL,
    )
    await queue.open(concurrency)
    try:
        workers = Workers(queue, router, terms, concurrency)
        async with workers.running(grace):
            yield workers
    finally:
        await queue.close()
