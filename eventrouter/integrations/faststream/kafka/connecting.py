"""From FastStream's subscribers, or a URL, to the events of Kafka."""

from __future__ import annotations

from typing import Any

from faststream.kafka import KafkaBroker

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.kafka.publishing import KafkaPublisher
from eventrouter.integrations.faststream.kafka.queue import KafkaEvents
from eventrouter.integrations.faststream.queues import BrokerQueue, Connection


def queue_of(broker: Any, subscriber: Any, *, dead_letters: str | None) -> BrokerQueue:
    """
    The topics that a subscriber of FastStream takes events from.

    Args:
        broker: Its broker.
        subscriber: What ``broker.subscriber(...)`` returned.
        dead_letters: The topic for events that can't be handled.

    Raises:
        RegistrationError: If events could be lost with it.
    """
    group = subscriber.group_id
    if not group:
        raise RegistrationError(
            f"{subscriber!r} is in no group, so that nothing tells which events were handled; "
            "pass group_id= to broker.subscriber()"
        )
    if hasattr(subscriber, "max_records"):
        raise RegistrationError(
            f"{subscriber!r} takes batches, which are settled as one; pass batch=False"
        )
    if subscriber.partitions:
        raise RegistrationError(
            f"{subscriber!r} has partitions of its own, which nobody takes over when it dies; "
            "pass topics instead of partitions="
        )
    settings = dict(subscriber._connection_args)
    if settings.get("auto_offset_reset") != "earliest":
        raise RegistrationError(
            f"a new group of {subscriber!r} would pass over the events that are there already; "
            'pass auto_offset_reset="earliest" to broker.subscriber()'
        )
    pattern = subscriber.pattern.broker_address if subscriber.pattern else None
    topics = list(subscriber.topic_names_for_subscribe)
    return KafkaEvents(
        broker,
        topics=topics,
        pattern=pattern,
        group=group,
        dead_letters=dead_letters or f"{group}.dead-letters",
        settings=settings,
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
    The Kafka at a URL, and a consumer of it that loses nothing.

    Args:
        url: ``kafka://host:port``, several with commas between them.
        subject: The topics of the events, with commas between them.
        group: The group that the workers are in.
        stream: Not of Kafka.
        dead_letters: The topic for events that can't be handled.
        publish_to: The topic that events are published to, ``{type}`` in it being their type.
        declare: Whether topics may be made when they are first used, by Kafka's own defaults.

    Raises:
        RegistrationError: If a setting can't work.
    """
    if stream is not None:
        raise RegistrationError(f"Kafka has no streams, but topics: leave out {stream!r}")
    topics = [topic.strip() for topic in subject.split(",") if topic.strip()]
    if not topics or {"*", ">", "#"} & set(subject):
        raise RegistrationError(
            f"the subject {subject!r} is no topic of Kafka; name each, with commas between them"
        )
    broker = KafkaBroker(
        url.partition("://")[2].split(","),
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=declare,
        logger=None,
    )
    queue = KafkaEvents(
        broker,
        topics=topics,
        pattern=None,
        group=group,
        dead_letters=dead_letters or f"{group}.dead-letters",
        settings={"auto_offset_reset": "earliest"},
    )
    publisher = KafkaPublisher(broker, publish_to or topics[0])
    return Connection(broker=broker, queue=queue, publisher=publisher)
