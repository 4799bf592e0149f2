"""A queue of RabbitMQ, as workers take events from it."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any, cast

import anyio
from aiormq.abc import AbstractConnection, DeliveredMessage
from faststream.rabbit import RabbitExchange, RabbitQueue

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.integrations.faststream.rabbit.consumer import Consumer
from eventrouter.integrations.faststream.rabbit.failures import place_of, told
from eventrouter.integrations.faststream.rabbit.messages import (
    Attached,
    Delivery,
    RabbitEntry,
    Taken,
    again,
    entry_of,
    letter_message,
    suspected,
)
from eventrouter.integrations.faststream.rabbit.recipe import (
    Recipe,
    checked_queue,
    counts_deliveries,
)
from eventrouter.integrations.faststream.rabbit.sending import Sending
from eventrouter.integrations.faststream.rabbit.suspects import Suspects
from eventrouter.processing import SUSPICIOUS, deaths_of
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter

# RabbitMQ has no lease: what it takes back is what was unacknowledged for so long, by default.
_CONSUMER_TIMEOUT = 1800.0
_PATIENCE = 10.0  # seconds that connecting may take
_RECONNECTING = 1.0  # seconds to wait for a connection that is being made anew


class RabbitEvents:
    """
    The events of one queue.

    Args:
        broker: FastStream's broker.
        queue: The queue.
        exchange: The exchange that it is bound to, if any.
        routing_key: Which events of the exchange.
        dead_letters: The queue for those that can't be handled.
        prefetch: How many events FastStream has pushed to its subscriber; None if any number.

    Raises:
        RegistrationError: If events could be lost with this queue.
    """

    def __init__(
        self,
        broker: Any,
        queue: RabbitQueue,
        *,
        exchange: RabbitExchange | None,
        routing_key: str,
        dead_letters: str,
        prefetch: int | None,
    ) -> None:
        self._broker = broker
        self._is_bounded = bool(prefetch)
        self._has_connected = False
        self._queue = checked_queue(queue)
        self._at = place_of(broker)
        self._dead_letters = dead_letters
        self._recipe = Recipe(self._at, queue, dead_letters, exchange, routing_key)
        self._sending = Sending(broker)
        self._counts_deliveries = counts_deliveries(queue)
        self._suspects = Suspects(self._at, self._recipe.suspects_queue)
        self._prefetch = 1
        self._consumer: Consumer | None = None
        self._consumers = count(1)
        self._token = ""
        self._is_stopped = False
        self._unsettled = set[tuple[str, str]]()

    @property
    def place(self) -> str:
        """What it is called in messages."""
        return f"the queue {self._queue.name}"

    @property
    def lease(self) -> float:
        """How long RabbitMQ by default waits for an acknowledgement, in seconds."""
        return _CONSUMER_TIMEOUT

    async def prepare(self) -> None:
        """Connect, declare what is to be declared, and refuse what FastStream's loop can't do."""
        if not self._is_bounded:
            raise RegistrationError(
                f"RabbitMQ would push all of {self.place} at once; pass "
                "channel=Channel(prefetch_count=50) to broker.subscriber()"
            )
        if not self._counts_deliveries:
            raise RegistrationError(
                f"{self.place} is no quorum queue: it does not count how often an event ended its "
                "process, so that one that always does would come again without end; pass "
                "RabbitQueue(name, queue_type=QueueType.QUORUM), or take its events with consume()"
            )
        await self._set_up()

    async def open(self, limit: int) -> None:
        """Connect, declare what is to be declared, and begin to receive."""
        self._prefetch = limit
        await self._set_up()
        self._is_stopped = False
        await self._working_consumer()

    async def stop(self) -> None:
        """Receive no more, and put back what was received and not taken."""
        self._is_stopped = True
        if self._consumer is not None:
            await self._consumer.pause()
            await self._give_back_rest(self._consumer)

    async def close(self) -> None:
        """Close the channel, and disconnect, if it was connected here."""
        consumer, self._consumer = self._consumer, None
        try:
            if consumer is not None:
                await self._give_back_rest(consumer)
        finally:
            if consumer is not None:
                await consumer.close()
            await self._suspects.close()
            if self._has_connected:
                self._has_connected = False
                await self._broker.stop()

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take what RabbitMQ pushed; wait a moment if that is nothing."""
        if self._is_stopped:
            return []
        consumer = await self._working_consumer()
        suspect = await self._suspects.take(await self._connection())
        if suspect is not None:
            entry = entry_of(suspect, self._suspects.token, counts_deliveries=True)
            self._unsettled.add(_key_of(entry))
            return [entry]
        return list(await self._sorted_out(consumer, await consumer.take(limit)))

    async def entry_of(self, message: Any) -> Entry:
        """The entry of a message that FastStream received itself."""
        entry = entry_of(
            Attached(message.raw_message), "attached", counts_deliveries=self._counts_deliveries
        )
        self._unsettled.add(_key_of(entry))
        return entry

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Say whether the channel is open on which it came; there is nothing to renew."""
        return not _message_of(entry).is_gone

    async def done(self, entry: Entry) -> bool:
        """Acknowledge it."""
        self._unsettled.discard(_key_of(entry))
        # Not waiting for the socket: if that is lost the event comes again, either way.
        return await _message_of(entry).acknowledge(wait=False)

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Publish it anew with its counts, to wait if it is to, and acknowledge it."""
        if not _message_of(entry).is_gone:
            target = self._queue.name
            if delay > 0:
                target = await self._recipe.queue_for_wait(await self._connection(), delay)
            await self._send_again(cast("RabbitEntry", entry), target, charge=charge, delay=delay)
        return await self._acknowledge(entry)

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Publish it to the queue for dead letters, and acknowledge it."""
        if _message_of(entry).is_gone:
            self._unsettled.discard(_key_of(entry))
            return None
        message = letter_message(cast("RabbitEntry", entry), letter, self._recipe.retry_queues)
        await self._sending.send(message, exchange="", routing_key=self._dead_letters)
        await self._acknowledge(entry)
        return str(message.message_id)

    async def count_entries(self) -> EntryCounts:
        """Say how many are in the queue; of what other workers have, RabbitMQ does not tell."""
        consumer, taken = self._consumer, len(self._unsettled)
        buffered, arrived = (consumer.buffered, consumer.arrived) if consumer else (0, 0)
        ready, waiting = await self._recipe.count(await self._connection())
        if consumer is not None:
            # They may be in another queue by now, in one that had been counted already.
            buffered += consumer.arrived - arrived
        return EntryCounts(ready=ready + buffered, waiting=waiting, taken=taken)

    async def _acknowledge(self, entry: Entry) -> bool:
        self._unsettled.discard(_key_of(entry))
        # Once this is left it is sent, even if the next event kills the process.
        return await _message_of(entry).acknowledge(wait=True)

    async def _give_back_rest(self, consumer: Consumer) -> None:
        rest = consumer.take_rest()
        try:
            while rest:
                await self.give_back(self._entry_of(rest[0]))
                rest.pop(0)
        finally:
            consumer.put_back(rest)

    async def _set_up(self) -> None:
        is_new = self._broker._connection is None
        with told(self._at, "to connect"), anyio.fail_after(_PATIENCE):
            await self._broker.connect()
        self._has_connected = self._has_connected or is_new
        self._sending.check()
        await self._recipe.set_up(await self._connection())

    async def _connection(self) -> AbstractConnection:
        with told(self._at, "to connect"):
            robust = await self._broker.connect()
            with anyio.fail_after(_RECONNECTING):
                await robust.connected.wait()
        if robust.transport is None:
            raise StoreError(f"RabbitMQ at {self._at} does not answer")
        return cast("AbstractConnection", robust.transport.connection)

    async def _working_consumer(self) -> Consumer:
        consumer = self._consumer
        if consumer is not None and consumer.is_working:
            return consumer
        connection = await self._connection()
        if consumer is not None:
            self._consumer = None
            await consumer.close()
        started = Consumer(self._at, self._queue.name)
        await started.start(connection, self._prefetch)
        self._consumer = started
        self._token = str(next(self._consumers))
        return started

    async def _sorted_out(
        self, consumer: Consumer, messages: list[DeliveredMessage]
    ) -> list[RabbitEntry]:
        """The entries that may be processed beside others; the rest is published elsewhere."""
        sound = list[tuple[DeliveredMessage, RabbitEntry]]()
        unseen = deque((message, self._entry_of(message)) for message in messages)
        keys = {_key_of(entry) for _, entry in unseen}
        self._unsettled |= keys
        try:
            while unseen:
                message, entry = unseen[0]
                target = self._detour_of(entry)
                if target is None:
                    sound.append((message, entry))
                else:
                    if target == self._suspects.queue:
                        entry = suspected(entry, SUSPICIOUS)
                        self._suspects.expect_one()
                    await self._send_again(entry, target, charge=False)
                    await self._acknowledge(entry)
                unseen.popleft()
        except BaseException:
            self._unsettled -= keys
            consumer.put_back([message for message, _ in (*sound, *unseen)])
            raise
        return [entry for _, entry in sound]

    def _detour_of(self, entry: RabbitEntry) -> str | None:
        """The queue that an entry is to go to first, if any."""
        if deaths_of(entry) >= SUSPICIOUS:
            return self._suspects.queue
        if entry.delivery.redelivered and not self._counts_deliveries:
            # A classic queue tells that a message was delivered before, and not how often. So
            # that is counted in the message, before a handler gets it that may end the process.
            return str(self._queue.name)
        return None

    def _entry_of(self, message: DeliveredMessage) -> RabbitEntry:
        return entry_of(Taken(message), self._token, counts_deliveries=self._counts_deliveries)

    async def _send_again(
        self, entry: RabbitEntry, target: str, *, charge: bool, delay: float = 0
    ) -> None:
        message = again(entry, own_queues=self._recipe.retry_queues, charge=charge, delay=delay)
        await self._sending.send(message, exchange="", routing_key=target)


def _message_of(entry: Entry) -> Delivery:
    return cast("RabbitEntry", entry).delivery


def _key_of(entry: Entry) -> tuple[str, str]:
    return entry.id, entry.token
