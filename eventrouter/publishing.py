"""Publishing the events that handlers give."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final, Protocol, cast, runtime_checkable
from uuid import UUID, uuid4, uuid5

import anyio
from attrs import evolve, field, frozen
from cattrs import Converter

from eventrouter.contexts import resolved
from eventrouter.envelope import Envelope, Headers
from eventrouter.errors import MalformedEvent, PublishError, RegistrationError, identified
from eventrouter.event import Event, given_metadata
from eventrouter.outcome import annotate, note
from eventrouter.result import HandlerResult
from eventrouter.stores.claims import make_key
from eventrouter.stores.outgoing import Outgoing
from eventrouter.writing import written

#: What the ids of published events are made under.
NAMESPACE: Final = UUID("5a1f0c3e-8a5d-4f0e-9c47-6d0b1f6f2b11")

_PATIENCE: Final = 15.0  # seconds that a receiver has to confirm one event


@runtime_checkable
class Publisher(Protocol):
    """
    Hands events to whoever takes them on: a broker, another service.

    ``Router.dispatch_sync`` calls it in an event loop made for that call, unless it has an
    attribute ``needs_loop`` that is False, as it then never waits.
    """

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        """
        Publish one event, and return once the receiver has confirmed that it has it.

        It may be called again for an event that was published, with the same id.

        Args:
            event: What it is: its type, timestamp and metadata, which say where it goes, and how it
                is told from others. Its payload is None, as it lies in ``raw``.
            raw: What is published, as it is.
            headers: What goes with it.

        Raises:
            Unrecoverable: If it can't be published, ever.
            Exception: If it was not published, or that is not known, and trying again may help.
        """
        ...


def checked_publisher(publisher: Any) -> Publisher | None:
    """
    The setting of a router.

    Raises:
        RegistrationError: If it can't publish.
    """
    if publisher is None or isinstance(publisher, Publisher):
        return publisher
    raise RegistrationError(
        f"publisher={publisher!r}: it is an object with "
        "async def publish(self, event, raw, headers)"
    )


@frozen(eq=False)
class Publishing:
    """
    What a router does with the events that its handlers give.

    Attributes:
        publisher: Who takes them.
        envelope: How they are written.
        has_outbox: Whether they are kept in the store of keys until they are published.
    """

    publisher: Publisher
    envelope: Envelope = field(repr=False)
    has_outbox: bool = False

    def prepared(
        self,
        result: HandlerResult,
        cause: Event[Any],
        parts: tuple[str | None, ...] | None,
        converter: Converter,
    ) -> tuple[HandlerResult, list[Outgoing]]:
        """
        What a handler gave, written, and its result with the events as they are published.

        If one of them can't be written, or what it gave is not events alone, the result says so,
        and there is nothing to publish.

        Args:
            result: What became of the handler.
            cause: The event that it handled.
            parts: What that is known by; None if by nothing.
            converter: What its payloads are written with.
        """
        if result.error is not None or result.skipped is not None:
            return result, []
        try:
            events = _events_in(result.value, result.handler)
            if not events:
                return result, []
            given = [
                _identified(event, cause, _id_of(parts, result.handler, position))
                for position, event in enumerate(events)
            ]
            outgoing = [self._outgoing(*each, parts, converter) for each in given]
        except Exception as error:
            named = identified(cause.type, cause.id)
            note(error, f"while writing what {result.handler} gave for {named}")
            return evolve(result, error=error), []
        published = [event for event, _ in given]
        value = published[0] if isinstance(result.value, Event) else type(events)(published)
        return evolve(result, value=value), outgoing

    async def publish(
        self, result: HandlerResult, outgoing: Iterable[Outgoing], cause: Event[Any], has_loop: bool
    ) -> HandlerResult:
        """The handler's result, once all that it gave is published, in order, or one is not."""
        try:
            for each in outgoing:
                await publish(self.publisher, each, has_loop)
        except PublishError as error:
            annotate(error, cause, result.handler)
            return evolve(result, error=error)
        return result

    def _outgoing(
        self,
        event: Event[Any],
        own: dict[str, str],
        parts: tuple[str | None, ...] | None,
        converter: Converter,
    ) -> Outgoing:
        raw, headers = self._written(event, own, converter)
        if event.timestamp.utcoffset() is None:  # not every envelope writes it
            raise MalformedEvent(f"the timestamp {event.timestamp} has no offset from UTC")
        story = event.metadata.get("correlation_id") or make_key(*(parts or (event.id,)))
        announced = Event(event.type, None, event.timestamp, event.metadata)
        return Outgoing(announced, raw, headers, make_key(story) if self.has_outbox else "")

    def _written(
        self, event: Event[Any], own: dict[str, str], converter: Converter
    ) -> tuple[bytes, dict[str, str]]:
        try:
            return written(event, self.envelope, converter)
        except MalformedEvent as error:
            refused = error
        # What was added to the handler's own metadata is left out where an envelope has no place.
        for less in ({**own, "id": event.metadata["id"]}, own):
            try:
                return written(_with_metadata(event, less), self.envelope, converter)
            except MalformedEvent:
                continue
        raise refused


async def publish(publisher: Publisher, outgoing: Outgoing, has_loop: bool) -> None:
    """
    Publish one event.

    Raises:
        PublishError: If the publisher raises anything, or gives no answer in 15 seconds.
    """

    async def within_time() -> None:
        with anyio.move_on_after(_PATIENCE):
            await publisher.publish(outgoing.event, outgoing.raw, outgoing.headers)
            return
        raise TimeoutError(f"no answer in {_PATIENCE:g} s")

    try:
        if not has_loop and not getattr(publisher, "needs_loop", True):
            await publisher.publish(outgoing.event, outgoing.raw, outgoing.headers)
        else:
            await resolved(within_time(), has_loop)
    except Exception as error:
        event = outgoing.event
        reason = f"{type(publisher).__qualname__} raised {type(error).__qualname__}"
        raise PublishError(event.type, event.id, reason) from error


def _events_in(value: Any, handler: str) -> list[Event[Any]] | tuple[Event[Any], ...]:
    """The events that a handler gave; none if it gave something else."""
    if isinstance(value, Event):
        return [cast("Event[Any]", value)]
    if not isinstance(value, (list, tuple)):
        return []
    given = cast("list[Any] | tuple[Any, ...]", value)
    others = [item for item in given if not isinstance(item, Event)]
    if len(others) == len(given):
        return []
    if others:
        raise RegistrationError(
            f"{handler} gave events and, among them, {type(others[0]).__qualname__}; a handler "
            "gives events alone, or none"
        )
    return list(given) if isinstance(given, list) else tuple(given)


def _id_of(parts: tuple[str | None, ...] | None, handler: str, position: int) -> str:
    if parts is None:
        return str(uuid4())
    return str(uuid5(NAMESPACE, make_key(*parts, handler, str(position))))


def _identified(event: Event[Any], cause: Event[Any], id: str) -> tuple[Event[Any], dict[str, str]]:
    """The event as it is published, and the metadata that the handler set."""
    own = dict(given_metadata(event))
    about = {
        "id": id,
        "correlation_id": cause.metadata.get("correlation_id") or cause.id,
        "causation_id": cause.id,
    }
    added = {name: text for name, text in about.items() if text and not own.get(name)}
    return _with_metadata(event, {**own, **added}), own


def _with_metadata(event: Event[Any], metadata: dict[str, str]) -> Event[Any]:
    return Event(
        event.type, event.payload, event.timestamp, MappingProxyType(metadata), event.extensions
    )
