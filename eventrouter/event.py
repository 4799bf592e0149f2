"""An event: something that happened, with the payload that says what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias
from uuid import uuid4

from attrs import Factory, fields_dict, frozen
from typing_extensions import TypeVar

from eventrouter.errors import MalformedEvent

#: The payload; a bare ``Event`` is one of any payload.
T = TypeVar("T", covariant=True, default=Any)
P = TypeVar("P")

#: The string-to-string headers that travel with an event; a handler's parameter annotated so is
#: given ``event.metadata``.
Metadata: TypeAlias = Mapping[str, str]


#: What holds, in an event that was upcast, the one that came.
_ORIGINAL = "_original"

#: What holds the metadata of an event whose id was made up, until someone looks at them.
_PROVISIONAL = "_provisional"

#: Of an event without any.
NOTHING_MORE: Final[Mapping[str, Any]] = MappingProxyType({})


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@frozen(slots=False)  # with slots, making one takes half as long again
class Event(Generic[T]):
    """
    Something that happened.

    Args:
        type: The dotted name that routes match: ``order.paid``.
        payload: What happened, raw JSON or built to a type.
        timestamp: When, with an offset.
        metadata: The strings that travel with it; ``id``, ``source`` and ``version`` are read
            from here.
        extensions: The members of the envelope that are none of the above.
    """

    type: str
    payload: T
    timestamp: datetime = Factory(now)
    metadata: Metadata = NOTHING_MORE
    extensions: Mapping[str, Any] = NOTHING_MORE

    @classmethod
    def new(
        cls,
        type: str,
        payload: P,
        *,
        version: str | None = None,
        source: str | None = None,
        id: str | None = None,
        timestamp: datetime | None = None,
        metadata: Metadata | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Event[P]:
        """
        Make an event that has just happened.

        Args:
            type: The dotted name that routes match.
            payload: What happened.
            version: The name of the payload's shape.
            source: Who says so.
            id: Equal for two deliveries of one event; a random UUID if not given. Of an event that
                a handler gives to be published it counts as none, unless someone has looked at it.
            timestamp: When, with an offset; now if not given.
            metadata: More strings to travel with it.
            extensions: More members for the envelope.

        Raises:
            MalformedEvent: If the type is empty or the timestamp has no offset.
        """
        if not type:
            raise MalformedEvent("an event needs a type")
        if timestamp is not None and timestamp.utcoffset() is None:
            raise MalformedEvent(f"the timestamp {timestamp} has no offset from UTC")
        named = {"id": id, "source": source, "version": version}
        given = {**(metadata or {}), **{name: text for name, text in named.items() if text}}
        is_made_up = not given.get("id")
        event = Event(
            type,
            payload,
            timestamp or now(),
            MappingProxyType({**given, "id": str(uuid4())} if is_made_up else given),
            MappingProxyType(dict(extensions or {})),
        )
        if is_made_up:
            event.__dict__[_PROVISIONAL] = event.__dict__.pop("metadata")
        return event

    if not TYPE_CHECKING:  # or any attribute would pass as one it has

        def __getattr__(self, name: str) -> Any:
            if name == "metadata" and _PROVISIONAL in self.__dict__:
                return self.__dict__.setdefault(name, self.__dict__[_PROVISIONAL])
            unmade = self.__dict__.get("_unmade")
            if unmade is None or name not in _PARTS:
                raise AttributeError(f"an Event has no attribute {name!r}")
            make, parts = unmade
            self.__dict__.update(make(parts).__dict__)
            self.__dict__.pop("_unmade", None)
            return self.__dict__[name]

    @property
    def id(self) -> str | None:
        """The text equal for two deliveries of one event, if the event carries one."""
        return self.metadata.get("id")

    @property
    def source(self) -> str | None:
        """Who says that it happened, if the event carries it."""
        return self.metadata.get("source")

    @property
    def version(self) -> str | None:
        """The name of the payload's shape, if the event carries one."""
        return self.metadata.get("version")

    @property
    def original(self) -> Event[Any]:
        """The event as it came, its payload raw, if this one was upcast; else this one itself."""
        original: Event[Any] = self.__dict__.get(_ORIGINAL, self)
        return original

    def with_payload(self, payload: P) -> Event[P]:
        """The same event with another payload."""
        event = Event(self.type, payload, self.timestamp, self.metadata, self.extensions)
        if _ORIGINAL in self.__dict__:
            event.__dict__[_ORIGINAL] = self.__dict__[_ORIGINAL]
        return event

    # A mapping proxy can be neither pickled nor deep-copied, an event should.
    def __getstate__(self) -> tuple[Any, ...]:
        state = (
            self.type,
            self.payload,
            self.timestamp,
            dict(self.metadata),
            dict(self.extensions),
        )
        return (*state, self.original) if _ORIGINAL in self.__dict__ else state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        type_, payload, timestamp, metadata, extensions, *original = state
        self.__init__(  # type: ignore[misc]
            type_, payload, timestamp, MappingProxyType(metadata), MappingProxyType(extensions)
        )
        if original:
            self.__dict__[_ORIGINAL] = original[0]


def unmade_event(event_type: str, make: Callable[[Any], Event[Any]], parts: Any) -> Event[Any]:
    """
    An event whose other attributes are made when one of them is first asked for.

    Args:
        event_type: Its type.
        make: Makes it whole.
        parts: What of.
    """
    event: Event[Any] = object.__new__(Event)
    event.__dict__["type"] = event_type
    event.__dict__["_unmade"] = (make, parts)
    return event


def given_metadata(event: Event[Any]) -> Metadata:
    """The metadata without an id that was made up and nobody has looked at."""
    if _PROVISIONAL not in event.__dict__ or "metadata" in event.__dict__:
        return event.metadata
    return {name: text for name, text in event.__dict__[_PROVISIONAL].items() if name != "id"}


def upcast_event(
    event: Event[Any], payload: Any, version: str, changes: Mapping[str, str]
) -> Event[Any]:
    """
    The event in a later version.

    Args:
        event: The event as it came.
        payload: The payload of that version.
        version: The version.
        changes: What else becomes of the metadata.
    """
    metadata = MappingProxyType({**event.metadata, **changes, "version": version})
    upcast = Event(event.type, payload, event.timestamp, metadata, event.extensions)
    upcast.__dict__[_ORIGINAL] = event
    return upcast


_PARTS = frozenset(fields_dict(Event))
