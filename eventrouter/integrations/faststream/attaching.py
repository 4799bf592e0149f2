"""Having FastStream's own loop call a router."""

from __future__ import annotations

from typing import Any

import anyio
from faststream import AckPolicy

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.queues import BrokerQueue, queue_of
from eventrouter.processing import Processing, Terms
from eventrouter.router import Router
from eventrouter.stores.entries import Entry


def attach(
    router: Router,
    broker: Any,
    subscriber: Any,
    *,
    attempts: int = 5,
    wait: float = 1.0,
    longest_wait: float = 300.0,
    dead_letters: str | None = None,
) -> None:
    """
    Have the router handle what a subscriber of a FastStream app gets.

    FastStream takes the events, with its middleware around each, and as many at the same time as
    its ``max_workers`` says. Each is acknowledged once it was handled, given back if it may yet
    succeed, and set aside in the broker's place for dead letters if not.

    Args:
        router: What handles the events.
        broker: FastStream's broker.
        subscriber: What ``broker.subscriber(..., ack_policy=AckPolicy.MANUAL)`` returned.
        attempts: How often an event is tried that fails and may yet succeed, before it is set
            aside.
        wait: The seconds before a failed event is tried again, doubled with each attempt.
        longest_wait: What that does not grow beyond, in seconds.
        dead_letters: Where events go that can't be handled: a subject, a queue, a stream or a
            topic. One named after the subscriber unless given.

    Raises:
        RegistrationError: If the router or a setting can't work, or the subscriber acknowledges
            events by any policy but ``AckPolicy.MANUAL``.
    """
    refuse_other_policies(subscriber)
    queue = queue_of(broker, subscriber, dead_letters=dead_letters)
    router.compile()
    terms = Terms(
        attempts=attempts,
        deaths=attempts,
        wait=wait,
        longest_wait=longest_wait,
        lease=queue.lease,
        poll=1.0,
    )
    processing = Processing(queue, router, terms, _let_go)

    async def handle(message: Any) -> None:
        await _process(processing, queue, terms, queue.entry_of(message))

    subscriber(handle, decoder=_undecoded)


def refuse_other_policies(subscriber: Any) -> None:
    """
    Refuse a subscriber whose events FastStream acknowledges by itself.

    Raises:
        RegistrationError: If it does.
    """
    policy = subscriber.ack_policy
    if policy is not AckPolicy.MANUAL:
        raise RegistrationError(
            f"{subscriber!r} acknowledges by {policy}, which loses events whose handler fails, or "
            "tries them without end; pass ack_policy=AckPolicy.MANUAL to broker.subscriber()"
        )


async def _process(processing: Processing, queue: BrokerQueue, terms: Terms, entry: Entry) -> None:
    if terms.is_over(entry):
        await processing.end(entry)
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_keep, queue, entry)
        await processing.process(entry)
        tasks.cancel_scope.cancel()


async def _keep(queue: BrokerQueue, entry: Entry) -> None:
    while True:
        await anyio.sleep(queue.lease / 3)
        await queue.keep(entry, queue.lease)


async def _undecoded(message: Any) -> Any:
    return message


def _let_go(_: Entry) -> None:
    pass
