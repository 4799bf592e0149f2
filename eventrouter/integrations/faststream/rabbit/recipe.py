"""The queues of a group: how they must be so that nothing is lost, and having them be so."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity
from faststream.rabbit import RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.integrations.faststream.rabbit.failures import told

_LONGEST: Final = 2**22  # seconds; a message may not live for much longer than 48 days
_USUAL: Final = 2**9  # seconds; longer waits are only had where handlers ask for them


def checked_queue(queue: RabbitQueue) -> RabbitQueue:
    """
    Refuse a queue that loses events.

    Raises:
        RegistrationError: If it does, naming the fix.
    """
    arguments = arguments_of(queue)
    has_exit = "x-dead-letter-exchange" in arguments
    if arguments.get("x-queue-type") == "stream":
        raise _refused(queue, "is a stream, of which nothing is acknowledged", _QUORUM)
    if not queue.durable:
        raise _refused(queue, "is not durable: its events are lost when RabbitMQ restarts", _QUORUM)
    if queue.exclusive or queue.auto_delete or "x-expires" in arguments:
        raise _refused(
            queue,
            "is deleted with its events when no worker is connected",
            "make it without exclusive=True, auto_delete=True and x-expires",
        )
    if {"x-max-length", "x-max-length-bytes"} & set(arguments) and not str(
        arguments.get("x-overflow", "drop-head")
    ).startswith("reject-publish"):
        raise _refused(
            queue, "drops its oldest events when it is full", 'set "x-overflow": "reject-publish"'
        )
    if {"x-message-ttl", "x-delivery-limit"} & set(arguments) and not has_exit:
        raise _refused(
            queue,
            "drops events that wait for long, or were delivered often",
            'leave out x-message-ttl and x-delivery-limit, or set "x-dead-letter-exchange"',
        )
    return queue


def arguments_of(queue: RabbitQueue) -> dict[str, Any]:
    """What RabbitMQ is told of a queue beside its name."""
    return cast("dict[str, Any]", queue.arguments)  # pyright: ignore[reportUnknownMemberType]


_QUORUM = "pass RabbitQueue(name, queue_type=QueueType.QUORUM)"


def _refused(queue: RabbitQueue, why: str, fix: str) -> RegistrationError:
    return RegistrationError(f"the queue {queue.name} {why}; {fix}")


def counts_deliveries(queue: RabbitQueue) -> bool:
    """Whether RabbitMQ counts how often it delivered a message of the queue."""
    return arguments_of(queue).get("x-queue-type") == "quorum"


def recipe_queue(name: str, dead_letters: str, *, declare: bool) -> RabbitQueue:
    """The queue for events that loses none: on several machines, and with an exit for all."""
    return RabbitQueue(
        name,
        queue_type=QueueType.QUORUM,
        declare=declare,
        arguments={
            "x-overflow": "reject-publish",
            # For what RabbitMQ itself gives up, which by default is a message delivered 20 times.
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead_letters,
            "x-dead-letter-strategy": "at-least-once",
        },
    )


class Recipe:
    """
    The queues of a group on one connection.

    Args:
        place: Where RabbitMQ is, for messages.
        queue: The queue that events are taken from.
        dead_letters: The name of the queue for those that can't be handled.
        exchange: The exchange that events come from; None or one without a name for those that
            are sent to the queue itself.
        routing_key: Which events of the exchange.
    """

    def __init__(
        self,
        place: str,
        queue: RabbitQueue,
        dead_letters: str,
        exchange: RabbitExchange | None,
        routing_key: str,
    ) -> None:
        self._place = place
        self._queue = queue
        self._dead_letters = dead_letters
        self._exchange = exchange if exchange is not None and exchange.name else None
        self._routing_key = routing_key
        self._waits = set[int]()

    @property
    def retry_queues(self) -> str:
        """What the names of the queues begin with in which events wait to be tried again."""
        return f"{self._queue.name}.retry."

    @property
    def suspects_queue(self) -> str:
        """The queue for events that may have ended their process."""
        return f"{self._queue.name}.suspects"

    async def set_up(self, connection: Any) -> None:
        """
        Declare what may be declared, and check that all is there.

        Raises:
            RegistrationError: If events could be lost, or something has other settings.
            StoreError: If something is missing, or RabbitMQ refuses.
        """
        if self._queue.declare:
            await self._declare(connection, self._dead_letters, _kept_for_good())
            await self._declare_bound(connection)
        else:
            await self._find(connection, self._dead_letters)
            await self._find(connection, self._queue.name)
            if self._exchange is not None:
                await self._find_exchange(connection, self._exchange.name)
            if counts_deliveries(self._queue):  # or it is someone else's, and theirs to know
                await self._declare(connection, self._queue.name, self._arguments)
        await self._declare(connection, self.suspects_queue, _kept_for_good())
        await self.queue_for_wait(connection, 1)  # so that a missing permission shows at once

    async def queue_for_wait(self, connection: Any, delay: float) -> str:
        """
        The queue in which an event waits for that many seconds; it is made if it is missing.

        All in it wait for about as long. RabbitMQ gives up the first alone, so that one behind
        another that waits for longer would wait with it.

        Args:
            connection: The connection.
            delay: How many seconds, above 0.
        """
        seconds = min(2 ** math.ceil(math.log2(max(delay, 1))), _LONGEST)
        name = f"{self.retry_queues}{seconds}s"
        if seconds not in self._waits:
            arguments = {
                "x-queue-type": "quorum",
                "x-overflow": "reject-publish",
                "x-message-ttl": seconds * 1000,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": self._queue.name,
                "x-dead-letter-strategy": "at-least-once",
            }
            await self._declare(connection, name, arguments)
            self._waits.add(seconds)
        return name

    async def count(self, connection: Any) -> tuple[int, int]:
        """How many events are in the queue, and how many wait to be tried again."""
        usual = {2**step for step in range(_USUAL.bit_length())}
        waiting = await self._count_in(connection, self.suspects_queue) or 0
        for seconds in sorted(usual | self._waits):
            waiting += await self._count_in(connection, f"{self.retry_queues}{seconds}s") or 0
        # Last, as what waits now may be there then.
        ready = await self._count_in(connection, self._queue.name)
        if ready is None:
            raise StoreError(f"RabbitMQ at {self._place} has no queue {self._queue.name}")
        return ready, waiting

    @property
    def _arguments(self) -> dict[str, Any]:
        return arguments_of(self._queue)

    async def _declare_bound(self, connection: Any) -> None:
        queue = self._queue
        await self._declare(connection, queue.name, self._arguments)
        exchange = self._exchange
        if exchange is None:
            return
        with told(self._place, f"to bind the queue {queue.name} to {exchange.name}"):
            async with _channel(connection) as channel:
                if exchange.declare and not exchange.name.startswith("amq."):
                    await channel.exchange_declare(
                        exchange.name,
                        exchange_type=exchange.type.value,
                        durable=exchange.durable,
                        auto_delete=exchange.auto_delete,
                        arguments=exchange.arguments,
                    )
                await channel.queue_bind(
                    queue.name,
                    exchange.name,
                    routing_key=self._routing_key,
                    arguments=queue.bind_arguments,
                )

    async def _declare(self, connection: Any, name: str, arguments: dict[str, Any]) -> None:
        with told(self._place, f"to declare the queue {name}"):
            async with _channel(connection) as channel:
                await channel.queue_declare(name, durable=True, arguments=arguments)

    async def _find(self, connection: Any, name: str) -> None:
        if await self._count_in(connection, name) is None:
            raise StoreError(
                f"RabbitMQ at {self._place} has no queue {name}; pass --declare to have it made, "
                f"or declare it: rabbitmqadmin declare queue name={name} durable=true "
                "queue_type=quorum"
            )

    async def _find_exchange(self, connection: Any, name: str) -> None:
        try:
            async with _channel(connection) as channel:
                await channel.exchange_declare(name, passive=True)
        except ChannelNotFoundEntity:
            raise StoreError(
                f"RabbitMQ at {self._place} has no exchange {name}; pass --declare to have it "
                f"made, or declare it: rabbitmqadmin declare exchange name={name} type=topic "
                "durable=true"
            ) from None
        except ChannelAccessRefused:
            pass  # who may read the queue need not be allowed to see where its events come from

    async def _count_in(self, connection: Any, name: str) -> int | None:
        with told(self._place, f"to look at the queue {name}"):
            try:
                async with _channel(connection) as channel:
                    declared = await channel.queue_declare(name, passive=True)
                    return declared.message_count or 0
            except ChannelNotFoundEntity:
                return None


def _kept_for_good() -> dict[str, Any]:
    return {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


@asynccontextmanager
async def _channel(connection: Any) -> AsyncGenerator[AbstractChannel]:
    """A channel for one thing, as RabbitMQ closes it if that fails."""
    channel = await connection.channel(publisher_confirms=False)
    try:
        yield channel
    finally:
        await channel.close()
