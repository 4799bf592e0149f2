"""The default envelope: one JSON object with the event's parts as members."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from attrs import frozen

from eventrouter.envelope import NO_HEADERS, Body, Headers, is_json
from eventrouter.errors import MalformedEvent, quoted
from eventrouter.event import NOTHING_MORE, Event, now
from eventrouter.json import Raw, encode
from eventrouter.kinds import described
from eventrouter.limits import Limits
from eventrouter.paths import MISSING
from eventrouter.timestamps import format_datetime, parse_datetime

_PARTS = frozenset({"event_type", "timestamp", "payload", "metadata"})

#: Type, metadata, payload and timestamp of an event, all checked, and the object they are from.
Parts: TypeAlias = tuple[str, Mapping[str, str], Any, datetime, dict[str, Any]]


@frozen
class JsonEnvelope:
    """
    ``{"event_type": ..., "timestamp": ..., "payload": ..., "metadata": {...}}``.

    ``event_type`` is required. ``timestamp`` is RFC 3339 with an offset; absent, it is the time
    of reading. ``payload`` absent is null. ``metadata`` maps names to strings. Every other member
    is an extension.
    """

    def fits(self, body: Body, headers: Headers) -> bool:
        """Whether the content type is JSON, or none is given, and there is an ``event_type``."""
        if not is_json(headers):
            return False
        tree = body.json()
        return tree.__class__ is dict and "event_type" in tree

    def read(self, body: Body | Raw, headers: Headers = NO_HEADERS) -> Event[Any]:
        """
        Read an event, its payload still raw JSON.

        Raises:
            MalformedEvent: If what arrived is not JSON, not this envelope, or over a limit.
        """
        if not isinstance(body, Body):
            body = Body(body)
        return make_event(read_parts(body.json(), body.limits))

    def write(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        """
        Write an event whose payload is JSON.

        Raises:
            MalformedEvent: If the event can't be written so that it is read back.
        """
        taken = _PARTS & event.extensions.keys()
        if taken:
            raise MalformedEvent(f"the extension {quoted(min(taken))} is a part of the envelope")
        body = encode(
            {
                "event_type": event.type,
                "timestamp": write_timestamp(event.timestamp),
                "payload": event.payload,
                "metadata": dict(event.metadata),
                **event.extensions,
            }
        )
        return body, {"Content-Type": "application/json"}


def read_parts(tree: Any, limits: Limits) -> Parts:
    """
    Check an event in its JSON, without making an ``Event`` of it yet.

    Raises:
        MalformedEvent: If the JSON is not this envelope, or over a limit.
    """
    if tree.__class__ is not dict:
        raise MalformedEvent("an event is a JSON object", described(tree))
    longest = limits.max_name_length
    event_type = tree.get("event_type")
    if event_type.__class__ is not str or not 0 < len(event_type) <= longest:
        raise wrong_name(event_type, "event_type", limits)
    metadata = tree.get("metadata", NOTHING_MORE)
    if metadata is not NOTHING_MORE:
        if metadata.__class__ is not dict:
            raise MalformedEvent("metadata must be an object", described(metadata))
        for text in metadata.values():
            if text.__class__ is not str:
                raise _wrong_metadata(metadata)
        if "version" in metadata and len(metadata["version"]) > longest:
            raise wrong_name(metadata["version"], "metadata.version", limits)
    timestamp = tree.get("timestamp", MISSING)
    moment = now() if timestamp is MISSING else read_timestamp(timestamp, "timestamp")
    return event_type, metadata, tree.get("payload"), moment, tree


def make_event(parts: Parts) -> Event[Any]:
    """The event that these are the parts of, its payload still raw JSON."""
    event_type, metadata, payload, moment, tree = parts
    extensions = NOTHING_MORE if tree.keys() <= _PARTS else _extensions(tree)
    return Event(event_type, payload, moment, MappingProxyType(metadata), extensions)


def _wrong_metadata(metadata: dict[str, Any]) -> MalformedEvent:
    name, value = next(item for item in metadata.items() if item[1].__class__ is not str)
    return MalformedEvent(f"metadata {quoted(name)} must be a string", described(value))


def _extensions(tree: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: tree[name] for name in tree if name not in _PARTS})


def read_name(value: Any, where: str, limits: Limits) -> str:
    """The text of an event's type or version; raise ``MalformedEvent`` for anything else."""
    if value.__class__ is str and 0 < len(value) <= limits.max_name_length:
        return cast(str, value)
    raise wrong_name(value, where, limits)


def wrong_name(value: Any, where: str, limits: Limits) -> MalformedEvent:
    """What is wrong with the text of an event's type or version."""
    if value is None:
        return MalformedEvent(f"{where} is missing")
    if value.__class__ is not str or not value:
        return MalformedEvent(f"{where} must be a string", described(value))
    return MalformedEvent(
        f"{where} has {len(value):,} characters; "
        f"Limits(max_name_length={limits.max_name_length}) allows less"
    )


def read_timestamp(value: Any, where: str) -> datetime:
    """The moment that RFC 3339 text names; raise ``MalformedEvent`` for anything else."""
    try:
        return parse_datetime(value)
    except (ValueError, TypeError):  # or it is no text at all
        raise MalformedEvent(
            f"{where} must be an RFC 3339 date-time with an offset, such as 2024-08-20T05:21:19Z",
            described(value),
        ) from None


def write_timestamp(moment: datetime) -> str:
    """The moment as RFC 3339 text; raise ``MalformedEvent`` if it has no offset."""
    try:
        return format_datetime(moment)
    except ValueError as error:
        raise MalformedEvent(str(error)) from None
