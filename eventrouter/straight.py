"""
Reading the default envelope and its payload in one pass, by msgspec where it is installed.

What it reads it reads as the strict converter does. On anything that does not fit, or that it does
not know, it gives nothing, and the event goes the general way, which says what is wrong. It reads
no more than it needs: members that no class names must be JSON in UTF-8, and are skipped.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, Union

from eventrouter.envelopes.json import make_event, read_parts
from eventrouter.errors import MalformedEvent
from eventrouter.event import Event, now
from eventrouter.json import Parse, Raw, decode
from eventrouter.limits import Limits
from eventrouter.payload import PayloadBuilder
from eventrouter.routing import Route
from eventrouter.structuring.recursion import remembering
from eventrouter.structuring.twins import NoTwin, build_marked, projection_of, twin_of
from eventrouter.timestamps import parse_datetime

_MOST_TYPES = 256  # and versions read in one pass; making the decoder anew for each takes a while
_MOST_DIGITS = 4_300  # of an integer that msgspec reads
_STRING_OR_BRACKET = rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]'


class Way(NamedTuple):
    """
    How the payloads of one builder are read.

    Attributes:
        type: What msgspec decodes; None if the whole tree goes to cattrs.
        is_whole: Whether that is the payload; else cattrs builds it from that.
        why: Why it is not.
    """

    type: Any
    is_whole: bool
    why: str = ""

    def __str__(self) -> str:
        if self.is_whole:
            return "msgspec"
        return f"cattrs: {self.why}" if self.type is None else f"msgspec, then cattrs: {self.why}"


def installed_msgspec() -> Any:
    """The module msgspec, or None where it is not installed."""
    try:
        import msgspec
    except ImportError:
        return None
    return msgspec


def quick_parser(msgspec: Any, limits: Limits) -> Parse | None:
    """What parses JSON faster than the standard library and gives the same, if anything does."""
    return msgspec.json.Decoder().decode if msgspec and _counts_alike(limits) else None


def way_of(builder: PayloadBuilder, msgspec: Any, limits: Limits) -> Way:
    """How the payloads of a builder are read, and why."""
    if msgspec is None:
        return Way(None, False, "msgspec is not installed")
    if not _counts_alike(limits):
        return Way(None, False, "the limits are lower than those of msgspec")
    why = ""
    for is_whole, make in ((True, twin_of), (False, projection_of)):
        try:
            with remembering():
                twin = make(builder.type, builder.converter)
            _decoder(msgspec, twin.type)
        except NoTwin as reason:
            why = why or str(reason)
        except Exception as error:  # what msgspec does not support
            why = why or f"msgspec: {error}"
        else:
            # The event is an object too, and so are its metadata.
            if max(twin.depth, 1) < limits.max_depth and twin.type is not Any:
                return Way(twin.type, is_whole, why)
            why = why or f"it may be nested deeper than {limits.max_depth}"
    return Way(None, False, why)


def _counts_alike(limits: Limits) -> bool:
    """Whether msgspec reads integers of as many digits as the limits allow, and no more."""
    return limits.max_integer_digits == sys.get_int_max_str_digits() == _MOST_DIGITS


def _decoder(msgspec: Any, target: Any) -> Callable[[Any], Any]:
    decode: Callable[[Any], Any] = msgspec.json.Decoder(target, dec_hook=build_marked).decode
    return decode


def _int(digits: str) -> int | float:
    return int(digits) if len(digits.lstrip("-")) <= _MOST_DIGITS else float(digits)


def _levelled(raw: bytes, max_depth: int) -> bytes:
    """The JSON with null for what is nested deeper, as Python's parser stops at some depth."""
    kept: list[bytes] = []
    depth, start = 0, 0
    for match in re.finditer(_STRING_OR_BRACKET, raw, re.DOTALL):
        if match[0] in b"[{":
            depth += 1
            if depth == max_depth + 1:
                kept += [raw[start : match.start()], b"null"]
        elif match[0] in b"]}":
            depth -= 1
            if depth == max_depth:
                start = match.end()
    return b"".join([*kept, raw[start:]])


class _Reading(NamedTuple):
    """How the events of one type and version are read, for the one route they take."""

    route: Route
    way: Way
    decode: Callable[[Any], Any]  # of the payload, where versions of the type are not read alike


#: Class of what is decoded -> version -> how to go on: route, second decoder, cattrs.
_Following: TypeAlias = dict[type, dict[str | None, tuple[Route, Any, Any]]]


class StraightReader:
    """
    Reads events for routes that ask for nothing but the payload.

    Args:
        msgspec: The module.
        limits: How much of an event is read.
        default_version: The version of an event that carries none.
    """

    def __init__(self, msgspec: Any, limits: Limits, default_version: str | None) -> None:
        self._msgspec = msgspec
        self._unset = msgspec.UNSET
        self._limits = limits
        self._default_version = default_version
        # event type -> version -> how it is read
        self._known: dict[str, dict[str | None, _Reading]] = {}
        # What decodes an event, and how to go on. They change together, as other threads may read.
        self._compiled: tuple[Callable[[bytes], Any], _Following] | None = None

    def add(self, event_type: str, version: str | None, route: Route) -> None:
        """Read the events of a type and version from now on, if they can be."""
        builder = route.builder
        if builder is None or route.signature.takes_event:
            return
        known = self._known.get(event_type, {}).get(version)
        if known is not None and known.route is route:  # whoever asked has forgotten it
            return
        # Whoever makes up types or versions must not make memory grow.
        if sum(map(len, self._known.values())) >= _MOST_TYPES:
            return
        if max(len(event_type), len(version or "")) > self._limits.max_name_length:
            return
        way = way_of(builder, self._msgspec, self._limits)
        if way.type is None:
            return
        reading = _Reading(route, way, _decoder(self._msgspec, way.type))
        # Not changed in place, as another thread may be looking at it.
        readings = {**self._known.get(event_type, {}), version: reading}
        self._known = {**self._known, event_type: readings}
        self._compile(self._known)

    def read(self, raw: Raw) -> tuple[Route, Any, datetime] | None:
        """The route of an event, its payload built, and its timestamp; None if it won't do."""
        compiled = self._compiled
        if compiled is None or not isinstance(raw, bytes) or len(raw) > self._limits.max_bytes:
            return None
        decode_event, following_of = compiled
        try:
            event = decode_event(raw)
            metadata, timestamp = event.metadata, event.timestamp
            version = None if metadata is self._unset else metadata.get("version")
            following = following_of[event.__class__].get(version or self._default_version)
            if following is None:
                return None
            route, decode, builder = following
            payload = event.payload
            if decode is not None:
                payload = decode(payload)
            if builder is not None:
                payload = builder.build(payload, builder.type)
            moment = now() if timestamp is self._unset else parse_datetime(timestamp)
            if not raw.isascii():
                raw.decode()  # msgspec skips text without looking whether it is UTF-8
        except Exception:
            return None
        return route, payload, moment

    def make_event(self, parts: tuple[bytes, datetime]) -> Event[Any]:
        """The event that was read from the bytes, its payload raw JSON."""
        raw, moment = parts
        try:
            tree = decode(raw, self._limits)
        except MalformedEvent:  # over a limit, in a member that was skipped
            tree = json.loads(_levelled(raw, self._limits.max_depth), parse_int=_int)
        event_type, metadata, payload, _, tree = read_parts(tree, self._limits)
        return make_event((event_type, metadata, payload, moment, tree))

    def _compile(self, known: dict[str, dict[str | None, _Reading]]) -> None:
        unset = self._msgspec.UnsetType
        following: _Following = {}
        for event_type, readings in known.items():
            types = {reading.way.type for reading in readings.values()}
            is_one = len(types) == 1
            event = self._msgspec.defstruct(
                "Event",
                [
                    ("payload", types.pop() if is_one else self._msgspec.Raw),
                    ("timestamp", str | unset, self._unset),
                    ("metadata", dict[str, str] | unset, self._unset),
                ],
                tag_field="event_type",
                tag=event_type,
            )
            following[event] = {
                version: (
                    route,
                    None if is_one else decode,
                    None if way.is_whole else route.builder,
                )
                for version, (route, way, decode) in readings.items()
            }
        # Of one class alone, msgspec would take an object without a tag for it.
        nothing = self._msgspec.defstruct("Nothing", [], tag_field="event_type", tag="")
        decode = _decoder(self._msgspec, Union[(nothing, *following)])
        self._compiled = (decode, following)
