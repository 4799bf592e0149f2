"""A router on streams of Redis."""

from __future__ import annotations

from typing import Any, cast

from faststream.redis import RedisBroker

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.queues import Connection
from eventrouter.integrations.faststream.redis.publisher import RedisPublisher
from eventrouter.integrations.faststream.redis.queue import RedisQueue
from eventrouter.integrations.faststream.redis.subscribers import refuse_unfit

__all__ = ["RedisPublisher", "RedisQueue", "connection_of", "queue_of"]


def queue_of(
    broker: Any, subscriber: Any, *, dead_letters: str | None, volatile: bool = False
) -> RedisQueue:
    """
    The queue that a subscriber of a stream is.

    Args:
        broker: A ``RedisBroker``.
        subscriber: What ``broker.subscriber(stream=StreamSub(...))`` returned.
        dead_letters: The stream that events are set aside in; by default
            ``stream:group:dead-letters``.
        volatile: Whether the server may lose events.

    Raises:
        RegistrationError: If events could be lost by it, or it can't work.
    """
    refuse_unfit(broker, subscriber)
    stream = subscriber.stream_sub
    return RedisQueue(
        broker,
        stream.name,
        stream.group,
        dead_letters=dead_letters,
        declare=stream.declare,
        volatile=volatile,
        subscriber=subscriber,
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
    volatile: bool = False,
) -> Connection:
    """
    A server, and what it takes to consume a stream of it without losing an event.

    Args:
        url: Where it is: ``redis://[user:password@]host[:port][/database]``, or ``rediss://``.
        subject: The stream.
        group: The group.
        stream: The same as ``subject``, if it is given at all.
        dead_letters: The stream that events are set aside in; by default
            ``subject:group:dead-letters``.
        publish_to: The stream that events are published to, ``{type}`` in it being their type;
            by default ``subject``.
        declare: Whether to make the stream and the group if they are missing.
        volatile: Whether the server may lose events.

    Raises:
        RegistrationError: If the URL or a setting can't work.
    """
    if not subject or set(subject) & set("*?[]"):
        raise RegistrationError(
            f"{subject!r} is no stream: Redis has no patterns of them, so name one"
        )
    if stream not in (None, subject):
        raise RegistrationError(
            f"the stream is named twice, {subject!r} and {stream!r}; Redis has it as the subject"
        )
    try:
        broker = cast(Any, RedisBroker)(url, logger=None)  # which it takes, and has no type for
    except ValueError as error:
        raise RegistrationError(
            "the URL of Redis is redis://[user:password@]host[:port][/database], and this one is "
            f"not: {type(error).__name__}"
        ) from None
    return Connection(
        broker=broker,
        queue=RedisQueue(
            broker,
            subject,
            group,
            dead_letters=dead_letters,
            declare=declare,
            volatile=volatile,
        ),
        publisher=RedisPublisher(broker, publish_to or subject),
    )
