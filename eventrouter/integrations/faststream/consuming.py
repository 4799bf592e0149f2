"""Consuming the events of a broker with workers of our own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.queues import BrokerQueue, queue_of
from eventrouter.integrations.faststream.terms import check_terms, terms_of
from eventrouter.processing import log_failure
from eventrouter.router import Router
from eventrouter.stores.arguments import checked_limit
from eventrouter.workers import Workers

_PATIENCE = 15.0  # seconds that the broker may take at the end


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
    volatile: bool = False,
) -> AsyncGenerator[Workers]:
    """
    Have the router process what a subscriber gets, for as long as the body runs.

    Each event is acknowledged once it was handled, given back if it may yet succeed, and set aside
    in the broker's place for dead letters if not. At the end no more is taken, and what is being
    processed may finish. What has not when the grace is over is cancelled and given back.

    The events are taken by this, not by FastStream, whose middleware does not see them.

    Args:
        router: What processes the events.
        broker: FastStream's broker; it is connected if it is not yet, and stays so.
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
        volatile: Whether the broker may lose events, as one that is for tests may: one of Redis
            that keeps nothing on disk. What may be lost is logged.

    Raises:
        RegistrationError: If the router or a setting can't work, or events could be lost.
        StoreError: If the broker does not answer, or refuses.
    """
    queue = queue_of(broker, subscriber, dead_letters=dead_letters, volatile=volatile)
    if subscriber.calls:
        raise RegistrationError(
            f"{subscriber!r} has a handler, which FastStream would call beside the router; leave "
            "it without, or have FastStream call the router: attach()"
        )
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
    checked_limit(concurrency, "concurrency")
    check_terms(attempts, wait, longest_wait)
    if not grace >= 0:
        raise RegistrationError(f"grace={grace!r}: it is a number of seconds from 0")
    router.compile()
    try:
        await queue.open(concurrency)
        terms = terms_of(queue, attempts, wait, longest_wait)
        workers = Workers(queue, router, terms, concurrency)
        async with workers.running(grace):
            try:
                yield workers
            finally:
                await _stop(queue)
    finally:
        with anyio.move_on_after(_PATIENCE, shield=True):
            await queue.close()


async def _stop(queue: BrokerQueue) -> None:
    with anyio.move_on_after(_PATIENCE, shield=True):
        try:
            await queue.stop()
        except Exception as error:  # what it has goes back by itself, when its lease runs out
            log_failure("what was received and not taken can't be given back", error)
