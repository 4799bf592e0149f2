"""What each broker is to workers: a queue that entries are taken from."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from attrs import frozen

from eventrouter.errors import RegistrationError
from eventrouter.publishing import Publisher
from eventrouter.stores.entries import Entry, EventQueue


class BrokerQueue(EventQueue, Protocol):
    """
    The events that one subscriber of a broker gets.

    It is prepared or opened, then used, stopped and closed; after that it may be opened again.
    ``take`` waits about a second for events, unless some are there.
    """

    @property
    def place(self) -> str:
        """What it is called in messages, such as ``orders.> of the stream ORDERS``."""
        ...

    @property
    def lease(self) -> float:
        """The seconds for which the broker leaves an event to who took it; known once prepared."""
        ...

    async def prepare(self) -> None:
        """
        Connect, make on the broker what is to be made, and check that nothing can be lost.

        Raises:
            RegistrationError: If events could be lost with these settings; it names the fix.
            StoreError: If the broker does not answer, or refuses.
        """
        ...

    async def open(self, limit: int) -> None:
        """
        Prepare, and begin to receive.

        Args:
            limit: How many events may be taken and not settled, at most.

        Raises:
            RegistrationError: If events could be lost with these settings; it names the fix.
            StoreError: If the broker does not answer, or refuses.
        """
        ...

    async def stop(self) -> None:
        """
        Receive no more; what was received and not taken goes back to the broker, at no cost.

        What was taken can still be settled. ``take`` gives nothing any more, and does not wait.
        """
        ...

    async def close(self) -> None:
        """Let go of the broker; ``stop`` was called before, unless nothing was opened."""
        ...

    async def entry_of(self, message: Any) -> Entry:
        """
        The entry of a message that FastStream received itself.

        Args:
            message: What FastStream hands to a handler.

        Raises:
            StoreError: If the broker does not tell how often it was tried.
        """
        ...


@frozen(kw_only=True)
class Connection:
    """
    A broker as ``eventrouter worker`` uses it, made by the lossless recipe.

    Attributes:
        broker: FastStream's broker, which connects and disconnects.
        queue: Where events are taken from.
        publisher: Publishes events to it.
    """

    broker: Any
    queue: BrokerQueue
    publisher: Publisher


#: The module of a broker, by the package of FastStream that it stands in.
_HOMES = {"nats": "nats", "rabbit": "rabbit", "redis": "redis", "kafka": "kafka"}
#: The package, by the scheme of the broker's URL.
_SCHEMES = {
    "nats": "nats",
    "tls": "nats",
    "amqp": "rabbit",
    "amqps": "rabbit",
    "redis": "redis",
    "rediss": "redis",
    "kafka": "kafka",
}


def queue_of(
    broker: Any, subscriber: Any, *, dead_letters: str | None, volatile: bool = False
) -> BrokerQueue:
    """
    The queue that a subscriber of FastStream is.

    Args:
        broker: Its broker.
        subscriber: What ``broker.subscriber(...)`` returned.
        dead_letters: Where events go that can't be handled: a subject, a queue, a stream or a
            topic. None for one that is named after the subscriber.
        volatile: Whether the broker may lose events, as one that is for tests may: one of Redis
            that keeps nothing on disk.

    Raises:
        RegistrationError: If there is no adapter for it, or it can't work.
    """
    package, _, rest = type(subscriber).__module__.partition(".")
    home = _HOMES.get(rest.partition(".")[0])
    if package != "faststream" or home is None:
        raise RegistrationError(
            f"{subscriber!r} is no subscriber of FastStream's brokers for "
            f"{', '.join(sorted(_HOMES))}; pass what broker.subscriber() returned"
        )
    make: Callable[..., BrokerQueue] = _module(home).queue_of
    return make(broker, subscriber, dead_letters=dead_letters, **_allowed(volatile, home))


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
    The broker at a URL, and what it takes to consume from it without losing an event.

    Args:
        url: Where the broker is: ``nats://``, ``amqp://``, ``redis://`` or ``kafka://``.
        subject: Which events: a subject of NATS, a routing key of RabbitMQ, a stream of Redis, a
            topic of Kafka; patterns where the broker has them.
        group: What the workers that share the events are called.
        stream: The stream of NATS or the exchange of RabbitMQ that the events are in.
        dead_letters: Where events go that can't be handled; by default named after the group.
        publish_to: Where events are published, ``{type}`` in it being their type.
        declare: Whether to make on the broker what is missing, instead of refusing to start.
        volatile: Whether the broker may lose events, as one that is for tests may: one of Redis
            that keeps nothing on disk.

    Raises:
        RegistrationError: If the URL is of no broker that is known, or a setting can't work.
    """
    scheme = url.partition("://")[0].lower()
    home = _SCHEMES.get(scheme)
    if home is None:
        raise RegistrationError(
            f"a broker's URL begins with {', '.join(f'{known}://' for known in _SCHEMES)}, and not "
            f"with {scheme[:20]!r}"
        )
    make: Callable[..., Connection] = _module(home).connection_of
    return make(
        url,
        subject=subject,
        group=group,
        stream=stream,
        dead_letters=dead_letters,
        publish_to=publish_to,
        declare=declare,
        **_allowed(volatile, home),
    )


def _allowed(volatile: bool, home: str) -> dict[str, bool]:
    if not volatile:
        return {}
    if home != "redis":
        raise RegistrationError(
            "volatile=True is for Redis alone, which may be without its file; leave it out"
        )
    return {"volatile": True}


def _module(home: str) -> Any:
    try:
        return import_module(f"eventrouter.integrations.faststream.{home}")
    except ImportError as error:
        if (error.name or "").startswith("eventrouter"):
            raise
        raise ImportError(
            f"this broker needs the extra: pip install 'eventrouter[{home}]'", name=error.name
        ) from error
