"""A message of RabbitMQ that was delivered, and what is published instead of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Protocol, cast

from aio_pika import DeliveryMode, IncomingMessage, Message
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError
from attrs import evolve, field, frozen
from pamqp.commands import Basic

from eventrouter.integrations.faststream.dead_letters import PREFIX
from eventrouter.integrations.faststream.dead_letters import headers_of as letter_headers_of
from eventrouter.integrations.faststream.rabbit.headers import text_headers, without_deaths_in
from eventrouter.stores.entries import Entry
from eventrouter.stores.letters import DeadLetter

# How often the event failed, and how often it never ended, before it was published anew.
_FAILED: Final = f"{PREFIX}failed"
_DIED: Final = f"{PREFIX}died"
_RECEIVED: Final = f"{PREFIX}received"
_EXCHANGE: Final = f"{PREFIX}exchange"
_ROUTING_KEY: Final = f"{PREFIX}routing-key"
# What the broker obeys and must not obey again; kept under another name.
_OBEYED: Final = ("CC", "BCC")

_DELIVERY_COUNT = "x-delivery-count"  # of quorum queues: how often it was delivered before


class Delivery(Protocol):
    """A message that has to be acknowledged."""

    raw: bytes
    properties: Basic.Properties
    exchange: str
    routing_key: str
    redelivered: bool
    tag: int

    @property
    def is_gone(self) -> bool:
        """Whether the broker has taken it back, as its channel is closed."""
        ...

    async def acknowledge(self, *, wait: bool) -> bool:
        """
        Acknowledge it, unless its channel is closed, and say which.

        Args:
            wait: Whether to wait until that was given to the operating system.
        """
        ...


@frozen(eq=False)
class RabbitEntry(Entry):
    """
    An entry, with the message that it came in.

    Attributes:
        delivery: The message.
    """

    delivery: Delivery = field(kw_only=True)


class Taken:
    """A delivery to a consumer of our own."""

    __slots__ = ("_message", "exchange", "properties", "raw", "redelivered", "routing_key", "tag")

    def __init__(self, message: DeliveredMessage) -> None:
        self._message = message
        self.raw = message.body
        self.properties = message.header.properties
        self.exchange = message.exchange or ""
        self.routing_key = message.routing_key or ""
        self.redelivered = bool(message.redelivered)
        self.tag = message.delivery_tag or 0

    @property
    def is_gone(self) -> bool:
        """Whether its channel is closed."""
        return bool(self._message.channel.is_closed)

    async def acknowledge(self, *, wait: bool) -> bool:
        """Acknowledge it, unless the channel is closed."""
        try:
            await self._message.channel.basic_ack(self.tag, wait=wait)
        except ChannelInvalidStateError:
            return False
        return True


class Attached:
    """A delivery that FastStream received."""

    def __init__(self, message: IncomingMessage) -> None:
        self._message = message
        # FastStream's broker for tests makes a message without a tag or a channel.
        self._is_made_up = message.delivery_tag is None
        self.raw = message.body
        self.properties = message.properties
        self.exchange = message.exchange or ""
        self.routing_key = message.routing_key or ""
        self.redelivered = bool(message.redelivered)
        self.tag = message.delivery_tag or 0

    @property
    def is_gone(self) -> bool:
        """Whether its channel is closed."""
        try:
            self._message.channel  # noqa: B018 - which is only given out while it is open
        except ChannelInvalidStateError:
            return not self._is_made_up
        return False

    async def acknowledge(self, *, wait: bool) -> bool:
        """Acknowledge it, unless the channel is closed."""
        try:
            await self._message.ack()
        except ChannelInvalidStateError:
            return False
        return True


def entry_of(delivery: Delivery, token: str, *, counts_deliveries: bool) -> RabbitEntry:
    """
    The entry that a message is.

    Args:
        delivery: The message.
        token: What tells this consumer from those before it.
        counts_deliveries: Whether the queue counts how often it delivered a message. If not, all
            that is known is whether it was.
    """
    headers: dict[str, Any] = delivery.properties.headers or {}
    failed = _count(headers, _FAILED)
    died = _count(headers, _DIED)
    died += _count(headers, _DELIVERY_COUNT) if counts_deliveries else int(delivery.redelivered)
    return RabbitEntry(
        id=str(delivery.tag),
        raw=delivery.raw,
        headers=text_headers(delivery.properties),
        received=_received(headers),
        key=None,
        attempts=1 + failed + died,
        token=token,
        failed=failed,
        delivery=delivery,
    )


def again(entry: RabbitEntry, *, own_queues: str, charge: bool, delay: float = 0) -> Message:
    """
    The message that is published so that the event is delivered again.

    Args:
        entry: The entry.
        own_queues: What the names of the queues for retries begin with.
        charge: Whether it failed.
        delay: After how many seconds a queue for retries gives it up; 0 for at once.
    """
    failed = entry.failed or 0
    told: dict[str, Any] = {
        _FAILED: failed + charge,
        _DIED: entry.attempts - 1 - failed,
        _RECEIVED: entry.received.isoformat(),
        **_origin(entry.delivery),
    }
    return _message(entry.delivery, told, own_queues, delay)


def suspected(entry: RabbitEntry, died: int) -> RabbitEntry:
    """The entry, charged with so many ends of a process, or as many as are sure."""
    failed = entry.failed or 0
    sure = _count(entry.delivery.properties.headers or {}, _DIED)
    return evolve(entry, attempts=1 + failed + max(sure, died))


def letter_message(entry: RabbitEntry, letter: DeadLetter, own_queues: str) -> Message:
    """The message that a dead letter is: the event as it came, and headers that tell why."""
    told = {n: v for n, v in letter_headers_of(letter).items() if n.startswith(PREFIX)}
    return _message(entry.delivery, {**told, **_origin(entry.delivery)}, own_queues)


def _message(
    delivery: Delivery, told: dict[str, Any], own_queues: str, delay: float = 0
) -> Message:
    properties = delivery.properties
    headers = without_deaths_in(properties.headers or {}, own_queues)
    headers.pop(_DELIVERY_COUNT, None)
    kept = {n: v for n, v in headers.items() if not n.startswith(PREFIX) and n not in _OBEYED}
    obeyed = {PREFIX + n.lower(): headers[n] for n in _OBEYED if n in headers}
    if properties.user_id:  # the broker refuses one that is not who publishes
        obeyed[f"{PREFIX}user-id"] = properties.user_id
    carried = {
        n: headers[n]
        for n in (f"{PREFIX}cc", f"{PREFIX}bcc", f"{PREFIX}user-id")
        if n in headers and n not in obeyed
    }
    return Message(
        delivery.raw,
        headers=_writable({**kept, **carried, **obeyed, **told}),
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=properties.priority,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        expiration=delay or None,
        message_id=properties.message_id,
        timestamp=properties.timestamp,
        type=properties.message_type,
        app_id=properties.app_id,
    )


def _writable(value: Any) -> Any:
    """The value of a header as the client can write it: text that is no UTF-8 it only reads."""
    match value:
        case bytes():
            return bytearray(value)
        case dict():
            table = cast("dict[str, Any]", value)
            return {name: _writable(item) for name, item in table.items()}
        case list():
            return [_writable(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _origin(delivery: Delivery) -> dict[str, str]:
    headers: dict[str, Any] = delivery.properties.headers or {}
    return {
        _EXCHANGE: str(headers.get(_EXCHANGE, delivery.exchange)),
        _ROUTING_KEY: str(headers.get(_ROUTING_KEY, delivery.routing_key)),
    }


def _count(headers: dict[str, Any], name: str) -> int:
    value = headers.get(name, 0)
    return value if isinstance(value, int) and value > 0 else 0


def _received(headers: dict[str, Any]) -> datetime:
    if _FAILED in headers:  # which a dead letter that was put back has not
        try:
            received = datetime.fromisoformat(str(headers.get(_RECEIVED)))
        except ValueError:
            pass
        else:
            if received.tzinfo is not None:
                return received
    return datetime.now(UTC)
