"""Having FastStream's own loop call a router."""

from __future__ import annotations

from typing import Any

import anyio
from faststream import AckPolicy

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.queues import BrokerQueue, queue_of
from eventrouter.integrations.faststream.terms import check_terms, terms_of
from eventrouter.processing import Processing, Terms, log_failure
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
    volatile: bool = False,
) -> None:
    """
    Have the router handle what a subscriber of a FastStream app gets.

    FastStream takes the events, with its middleware around each, and as many at the same time as
    its ``max_workers`` says. Each is acknowledged once it was handled, given back if it may yet
    succeed, and set aside in the broker's place for dead letters if not.

    When the broker starts it is checked that nothing can be lost, and refused with a
    ``RegistrationError`` if something could; FastStream's ``TestBroker`` has nothing to check.

    Args:
        router: What handles the events.
        broker: FastStream's broker, not started yet.
        subscriber: What ``broker.subscriber(..., ack_policy=AckPolicy.MANUAL)`` returned.
        attempts: How often an event is tried that fails and may yet succeed, before it is set
            aside.
        wait: The seconds before a failed event is tried again, doubled with each attempt.
        longest_wait: What that does not grow beyond, in seconds.
        dead_letters: Where events go that can't be handled: a subject, a queue, a stream or a
            topic. One named after the subscriber unless given.
        volatile: Whether the broker may lose events, as one that is for tests may: one of Redis
            that keeps nothing on disk. What may be lost is logged.

    Raises:
        RegistrationError: If the router or a setting can't work, or the subscriber acknowledges
            events by any policy but ``AckPolicy.MANUAL``.
    """
    refuse_other_policies(subscriber)
    check_terms(attempts, wait, longest_wait)
    queue = queue_of(broker, subscriber, dead_letters=dead_letters, volatile=volatile)
    router.compile()
    attached = _Attached(router, queue, terms_of(queue, attempts, wait, longest_wait))
    attached.follow(broker)
    subscriber(attached.handle, decoder=_undecoded)


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


class _Attached:
    """A router that FastStream calls with each event of a queue."""

    def __init__(self, router: Router, queue: BrokerQueue, terms: Terms) -> None:
        self._queue = queue
        self._terms = terms
        self._processing = Processing(queue, router, terms, _let_go)

    def follow(self, broker: Any) -> None:
        """Prepare the queue before the broker starts, and close it once it has stopped."""
        start, stop = broker.start, broker.stop

        async def prepare_and_start() -> None:
            await self._queue.prepare()
            await start()

        async def stop_and_close(*error: Any) -> None:
            try:
                await stop(*error)
            finally:
                await self._queue.close()

        # Nothing else of FastStream's tells of both, in an app and without one.
        broker.start, broker.stop = prepare_and_start, stop_and_close

    async def handle(self, message: Any) -> None:
        """Process what FastStream received."""
        entry = await self._queue.entry_of(message)
        if self._terms.is_over(entry):
            await self._processing.end(entry)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep, entry)
            await self._processing.process(entry)
            tasks.cancel_scope.cancel()

    async def _keep(self, entry: Entry) -> None:
        while True:
            await anyio.sleep(self._queue.lease / 3)
            try:
                await self._queue.keep(entry, self._queue.lease)
            except Exception as error:
                log_failure("the lease of an event can't be renewed", error)


async def _undecoded(message: Any) -> Any:
    return message


def _let_go(_: Entry) -> None:
    pass
