"""The queue of a NATS broker of FastStream's, made from a subscriber or from a URL."""

from __future__ import annotations

from typing import Any

from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import (
    ConcurrentPullStreamSubscriber,
    PullStreamSubscriber,
)
from nats.js.api import AckPolicy

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.nats.publishing import NatsPublisher
from eventrouter.integrations.faststream.nats.queue import NatsQueue
from eventrouter.integrations.faststream.nats.recipe import (
    LEASE,
    Recipe,
    check_name,
    check_subject,
)
from eventrouter.integrations.faststream.queues import BrokerQueue, Connection

_PING = 20  # seconds after which a connection that is dead is noticed, twice


def queue_of(broker: Any, subscriber: Any, *, dead_letters: str | None) -> BrokerQueue:
    """
    The queue that a subscriber of JetStream is.

    Raises:
        RegistrationError: If it is another one, or could lose events.
    """
    if not isinstance(subscriber, (PullStreamSubscriber, ConcurrentPullStreamSubscriber)):
        raise RegistrationError(
            f"{subscriber!r} loses events, or gives more than are asked for; make it with "
            "broker.subscriber(subject, stream='ORDERS', durable='billing', pull_sub=True)"
        )
    config = subscriber.config
    durable = config.durable_name
    if not durable:
        raise RegistrationError(
            f"{subscriber!r} has no durable=, so that what it did not take is lost when it is "
            "gone; give it the name of the group of workers"
        )
    subject = subscriber.subject.broker_address or ", ".join(subscriber.filter_subjects)
    _refuse_unsafe(subscriber, config)
    subjects = subscriber.stream.subjects.copy()
    subjects.append(subject)
    return NatsQueue(
        broker,
        Recipe(
            subject=subject,
            durable=durable,
            stream=subscriber.stream.name,
            stream_config=subscriber.stream.config,
            stream_subjects=tuple(subjects),
            dead_letters=_place(dead_letters, durable),
            lease=config.ack_wait or LEASE,
            consumer_config=config,
            declare=subscriber.stream.declare,
        ),
    )


def _refuse_unsafe(subscriber: Any, config: Any) -> None:
    if config.ack_policy not in (None, AckPolicy.EXPLICIT):
        raise RegistrationError(
            f"{subscriber!r} has config=ConsumerConfig(ack_policy=...), by which an event that "
            "failed is as good as handled; leave it out"
        )
    if config.max_deliver is not None and config.max_deliver > 0:
        raise RegistrationError(
            f"{subscriber!r} has config=ConsumerConfig(max_deliver={config.max_deliver}), after "
            "which the server drops an event without a trace; leave it out: attempts= says how "
            "often it is tried"
        )


def connection_of(
    url: str,
    *,
    subject: str,
    group: str,
    stream: str | None,
    dead_letters: str | None,
    publish_to: str | None,
    declare: bool,
) -> Connection:
    """
    A NATS server by its URL, and what it takes to consume from it without losing an event.

    Raises:
        RegistrationError: If a setting can't work.
    """
    check_subject("subject", subject)
    check_name("the group", group)
    if stream is not None:
        check_name("a stream", stream)
    broker = NatsBroker(
        url,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=_PING,
        logger=None,
        apply_types=False,
    )
    recipe = Recipe(
        subject=subject,
        durable=group,
        stream=stream,
        dead_letters=_place(dead_letters, group),
        declare=declare,
    )
    publisher = NatsPublisher(broker, publish_to or "{type}")
    return Connection(broker=broker, queue=NatsQueue(broker, recipe), publisher=publisher)


def _place(dead_letters: str | None, durable: str) -> str:
    subject = f"dead-letters.{durable}" if dead_letters is None else dead_letters
    check_subject("dead_letters", subject)
    if "*" in subject or ">" in subject:
        raise RegistrationError(f"dead_letters={subject!r}: it is one subject, without * and >")
    return subject
