"""An envelope told where the parts of an event lie, for the JSON of other systems."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

from attrs import frozen

from eventrouter.envelope import NO_HEADERS, Body, Headers, header, is_json
from eventrouter.envelopes.json import read_name, read_timestamp, write_timestamp
from eventrouter.errors import MalformedEvent, quoted
from eventrouter.event import Event, now
from eventrouter.json import Raw, encode
from eventrouter.kinds import described
from eventrouter.paths import MISSING, Missing, put_at, split_path, value_at

_WHOLE_BODY: Final = "$"


@frozen
class Header:
    """
    A part of the event that lies in a header.

    Args:
        name: The header's name, in any case.
    """

    name: str


#: Where a part lies: a dotted path into the body, ``"$"`` for all of it, or a header.
Part: TypeAlias = str | Header


class _InBody(NamedTuple):
    segments: tuple[str, ...]  # none for the whole body


_Place: TypeAlias = _InBody | Header


def _place(part: Part) -> _Place:
    if isinstance(part, Header):
        return part
    return _InBody(() if part == _WHOLE_BODY else split_path(part))


@frozen(init=False)
class MappedEnvelope:
    """
    Any JSON, and headers, with the parts of an event at places of your choice.

    A place is a dotted path into the body (``detail.order``, ``records.0.body``), ``"$"`` for
    the whole body, or ``Header(name)``.

    Args:
        type: Where the event's type lies.
        payload: Where the payload lies; nothing there is null.
        id: Where the event's id lies, a string or an integer; as for every part below, nothing
            there is no error.
        timestamp: Where an RFC 3339 timestamp lies; without one it is the time of reading.
        source: Where the name of the sender lies.
        version: Where the name of the payload's shape lies.
        metadata: More metadata by name, and where the text of each lies.

    Raises:
        RegistrationError: If a path has an empty segment.
    """

    type: _Place
    payload: _Place
    timestamp: _Place | None
    metadata: Mapping[str, _Place]

    def __init__(
        self,
        *,
        type: Part,
        payload: Part = _WHOLE_BODY,
        id: Part | None = None,
        timestamp: Part | None = None,
        source: Part | None = None,
        version: Part | None = None,
        metadata: Mapping[str, Part] | None = None,
    ) -> None:
        named = {"id": id, "source": source, "version": version}
        strings = {**(metadata or {}), **{n: part for n, part in named.items() if part is not None}}
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            type=_place(type),
            payload=_place(payload),
            timestamp=None if timestamp is None else _place(timestamp),
            metadata={name: _place(part) for name, part in strings.items()},
        )

    def fits(self, body: Body, headers: Headers) -> bool:
        """Whether the content type is JSON, or none is given, and there is a type at its place."""
        if isinstance(self.type, Header):
            return header(headers, self.type.name) is not None
        return is_json(headers) and isinstance(self._find(self.type, body, headers), str)

    def read(self, body: Body | Raw, headers: Headers = NO_HEADERS) -> Event[Any]:
        """
        Read an event, its payload still raw JSON.

        Raises:
            MalformedEvent: If what arrived is not JSON, has no type at its place, a part of the
                wrong kind, or is over a limit.
        """
        if not isinstance(body, Body):
            body = Body(body)
        event_type = self._find(self.type, body, headers)
        name = read_name(
            None if event_type is MISSING else event_type, _named("type", self.type), body.limits
        )
        payload = self._find(self.payload, body, headers)
        timestamp = MISSING
        if self.timestamp is not None:
            timestamp = self._find(self.timestamp, body, headers)
        return Event(
            name,
            None if payload is MISSING else payload,
            now()
            if timestamp is MISSING
            else read_timestamp(timestamp, _named("timestamp", self.timestamp)),
            MappingProxyType(self._read_metadata(body, headers)),
            MappingProxyType(self._read_extensions(body)),
        )

    def write(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        """
        Write an event whose payload is JSON.

        Raises:
            MalformedEvent: If the event can't be written so that it is read back: metadata or
                extensions without a place, two parts at one place, a payload that is no object
                where other parts lie inside it.
        """
        written = _Written()
        written.put(self.payload, event.payload)
        for name, member in event.extensions.items():
            written.put(_InBody((name,)), member)
        written.put(self.type, event.type)
        if self.timestamp is not None:
            written.put(self.timestamp, write_timestamp(event.timestamp))
        for name, text in event.metadata.items():
            if name not in self.metadata:
                raise MalformedEvent(f"this envelope has no place for metadata {quoted(name)}")
            written.put(self.metadata[name], text)
        body, headers = encode(written.body), written.headers
        return body, {"Content-Type": "application/json", **headers}

    def _find(self, place: _Place, body: Body, headers: Headers) -> Any | Missing:
        if isinstance(place, Header):
            value = header(headers, place.name)
            return MISSING if value is None else value
        return value_at(body.json(), place.segments)

    def _read_metadata(self, body: Body, headers: Headers) -> dict[str, str]:
        metadata: dict[str, str] = {}
        for name, place in self.metadata.items():
            value = self._find(place, body, headers)
            if value is MISSING or value is None:
                continue
            if value.__class__ is int:
                value = str(value)
            if value.__class__ is not str:
                raise MalformedEvent(f"{_named(name, place)} must be a string", described(value))
            if name == "version":
                read_name(value, _named(name, place), body.limits)
            metadata[name] = value
        return metadata

    def _read_extensions(self, body: Body) -> dict[str, Any]:
        places = (self.type, self.payload, self.timestamp, *self.metadata.values())
        paths = [place.segments for place in places if isinstance(place, _InBody)]
        if () in paths:
            return {}
        tree = body.json() if paths else None
        if tree.__class__ is not dict:
            return {}
        mapped = {segments[0] for segments in paths}
        members = cast("dict[str, Any]", tree)
        return {name: member for name, member in members.items() if name not in mapped}


class _Written:
    """A body and headers in the making, in which no part overwrites another."""

    def __init__(self) -> None:
        self.body: Any = {}
        self.headers: dict[str, str] = {}

    def put(self, place: _Place, value: Any) -> None:
        if isinstance(place, Header):
            self._put_header(place.name, value)
        elif not place.segments:
            self.body = deepcopy(value)
        else:
            self._put_in_body(place.segments, value)

    def _put_header(self, name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise MalformedEvent(f"the header {name} can't hold {described(value)}")
        if self.headers.setdefault(name, value) != value:
            raise MalformedEvent(f"two different parts in the header {name}")

    def _put_in_body(self, segments: tuple[str, ...], value: Any) -> None:
        path = ".".join(segments)
        there = value_at(self.body, segments)
        if there is not MISSING:
            # An integer id is read as text.
            if there != value and not (there.__class__ is int and str(there) == value):
                raise MalformedEvent(f"two different parts at {path}")
            return
        body: Any = self.body
        if body.__class__ is not dict:
            raise MalformedEvent(f"no place for {path} beside a payload that is no object")
        try:
            put_at(body, segments, deepcopy(value))
        except ValueError as error:
            raise MalformedEvent(f"no place for {path}: {error}") from None


def _named(part: str, place: _Place | None) -> str:
    if isinstance(place, Header):
        return f"the {part} in the header {place.name}"
    where = ".".join(place.segments) if place else ""
    return f"the {part} at {where or 'the whole body'}"
