"""From FastStream's subscribers, or a URL, to the events of RabbitMQ."""

from __future__ import annotations

from typing import Any

from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.queues import BrokerQueue, Connection
from eventrouter.integrations.faststream.rabbit.publishing import RabbitPublisher
from eventrouter.integrations.faststream.rabbit.queue import RabbitEvents
from eventrouter.integrations.faststream.rabbit.recipe import recipe_queue
from eventrouter.integrations.faststream.rabbit.sending import default_channel_of

_RECONNECT = 1.0  # seconds between two tries to connect again
_EXCHANGE = "amq.topic"  # of every RabbitMQ: durable, and routes by patterns


def queue_of(broker: Any, subscriber: Any, *, dead_letters: str | None) -> BrokerQueue:
    """
    The queue that a subscriber of FastStream takes events from.

    Args:
        broker: Its broker.
        subscriber: What ``broker.subscriber(...)`` returned.
        dead_letters: The queue for events that can't be handled.

    Raises:
        RegistrationError: If events could be lost with it.
    """
    queue = subscriber.queue.add_prefix(broker.config.prefix)
    return RabbitEvents(
        broker,
        queue,
        exchange=subscriber.exchange,
        routing_key=queue.routing(),
        dead_letters=dead_letters or _dead_letters_of(queue.name),
        prefetch=(subscriber.channel or default_channel_of(broker)).prefetch_count,
    )


def connection_of(
    url: str,
    *,
    subject: str,
    group: str,
    stream: str | None = None,
    dead_letters: str | None = None,
    publish_to: str | None = None,
    declare: bool = False,
) -> Connection:
    """
    The RabbitMQ at a URL, and a quorum queue of it that loses nothing.

    Args:
        url: ``amqp://user:password@host/virtual-host``, or ``amqps://``.
        subject: The routing keys of the events, in which ``*`` is one word and ``#`` any number.
        group: The name of the queue; the workers that take from it share its events.
        stream: The exchange, of type topic; ``amq.topic`` unless given.
        dead_letters: The queue for events that can't be handled.
        publish_to: The routing key with which events are published to the exchange, ``{type}`` in
            it being their type.
        declare: Whether to make the queues, the exchange and the binding if they are missing.

    Raises:
        RegistrationError: If a setting can't work.
    """
    if ">" in subject.split("."):
        raise RegistrationError(
            f"the subject {subject!r} has '>', which is no pattern of RabbitMQ; any number of "
            "words is '#', and one word is '*'"
        )
    exchange = RabbitExchange(stream or _EXCHANGE, type=ExchangeType.TOPIC)
    letters = dead_letters or _dead_letters_of(group)
    broker = RabbitBroker(url, logger=None, reconnect_interval=_RECONNECT)
    queue = RabbitEvents(
        broker,
        recipe_queue(group, letters, declare=declare),
        exchange=exchange,
        routing_key=subject,
        dead_letters=letters,
        prefetch=1,  # which FastStream does not do here
    )
    publisher = RabbitPublisher(broker, publish_to or "{type}", exchange=exchange.name)
    return Connection(broker=broker, queue=queue, publisher=publisher)


def _dead_letters_of(queue: str) -> str:
    return f"{queue}.dead-letters"
