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
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeAlias, Union

from eventrouter.direct import Prepare, Prepared, Run, run_built, run_each
from eventrouter.envelope import Headers
from eventrouter.envelopes.json import make_event, read_parts
from eventrouter.errors import MalformedEvent
from eventrouter.event import Event, now
from eventrouter.json import Parse, Raw, decode
from eventrouter.limits import Limits
from eventrouter.routing import Route
from eventrouter.structuring.recursion import remembering
from eventrouter.structuring.refusal import Hook
from eventrouter.structuring.twins import NoTwin, build_marked, projection_of, twin_of
from eventrouter.timestamps import DATETIME_PATTERN
from eventrouter.upcasting import Builder, UpcastBuilder

_MOST_TYPES = 256  # and versions read in one pass; making the decoder anew for each takes a while
_MISSES = 16  # of the decoder tried first, after which the other is
_MOST_DIGITS = 4_300  # of an integer that msgspec reads
_STRING_OR_BRACKET = rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]'


class Way(NamedTuple):
    """
    How a payload is read.

    Attributes:
        type: What msgspec decodes; None if the whole tree goes to cattrs, or is the payload.
        is_whole: Whether that is the payload; else cattrs builds it from that.
        why: Why it is not.
    """

    type: Any
    is_whole: bool
    why: str = ""

    @property
    def reader(self) -> str:
        """What reads it: ``msgspec``, ``msgspec, then cattrs``, ``cattrs``; ``raw`` if nothing."""
        if self.type is None:
            return "raw" if self.is_whole else "cattrs"
        return "msgspec" if self.is_whole else "msgspec, then cattrs"

    def __str__(self) -> str:
        return f"{self.reader}: {self.why}" if self.why else self.reader


#: The way of a payload that is asked for as it is.
RAW_WAY = Way(None, True)


def cattrs_way(why: str) -> Way:
    """The way of a payload whose whole tree goes to cattrs."""
    return Way(None, False, why)


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


def way_of(builder: Builder, msgspec: Any, limits: Limits) -> Way:
    """How the payloads of a builder are read, and why."""
    if not _counts_alike(limits):
        return cattrs_way("msgspec has another limit for the digits of an integer")
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
    return cattrs_way(why)


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
    """How the events of one type and version are read, for the routes they take."""

    routes: tuple[Route, ...]
    way: Way
    decode: Callable[[Any], Any]  # of the payload, where versions of the type are not read alike


#: How to go on with what is decoded: what runs what, second decoder, what builds, from which type.
_Step: TypeAlias = tuple[Run, Any, Any, Any, Any]
#: A class that an event is decoded to, and how to go on, by version.
_Class: TypeAlias = tuple[type, dict[str | None, _Step]]
#: What decodes an event, and how to go on, by class and version.
_Decoding: TypeAlias = tuple[Callable[[bytes], Any], dict[type, dict[str | None, _Step]]]


def _building(builder: Builder | None, way: Way) -> tuple[Hook | None, Any]:
    """What makes the payload of what is decoded, None if that is it; and of which type."""
    assert builder is not None
    if not way.is_whole:
        return builder.build, builder.type
    return (builder.rest if isinstance(builder, UpcastBuilder) else None), builder.type


def _who(routes: tuple[Route, ...]) -> str:
    return "it" if len(routes) == 1 else "one of its handlers"


class StraightReader:
    """
    Reads events for routes that ask for nothing but the payload.

    Args:
        msgspec: The module.
        limits: How much of an event is read.
        parse: What parses JSON faster, if anything does.
        default_version: The version of an event that carries none.
        around: What runs that which runs the handlers, if there is anything around them; it is
            given the event's type and that first.
        otherwise: What prepares an event that can't be read so.
    """

    def __init__(
        self,
        msgspec: Any,
        limits: Limits,
        parse: Parse | None,
        default_version: str | None,
        around: Run | None,
        otherwise: Prepare,
    ) -> None:
        self._msgspec = msgspec
        self._unset = msgspec.UNSET
        self._limits = limits
        self._max_bytes = limits.max_bytes
        self._otherwise = otherwise
        self._parse = parse
        self._around = around
        self._default_version = default_version
        self._is_moment = re.compile(DATETIME_PATTERN).match
        # event type -> version -> how it is read
        self._known: dict[str, dict[str | None, _Reading]] = {}
        # event type -> the class it is decoded to; and, if there are two, that to be upcast
        self._classes: dict[str, tuple[_Class, ...]] = {}
        # As they are tried, that of events to be upcast last unless many come. They change
        # together, as other threads may read.
        self._decodings: tuple[_Decoding, ...] = ()
        self._usual_decodings: tuple[_Decoding, ...] = ()
        self._misses = 0

    def way_of(self, event_type: str, version: str | None, routes: tuple[Route, ...]) -> Way:
        """How the payload of an event of a type and version is read for the routes it takes."""
        builder = routes[0].builder
        if any(route.signature.takes_event for route in routes):
            return cattrs_way(f"{_who(routes)} takes the event")
        if any(route.builder is not builder for route in routes):
            return cattrs_way("its handlers take different payloads")
        if builder is None:
            return RAW_WAY
        if builder.type is Any:
            return cattrs_way("its first upcaster takes any JSON")
        # Whoever makes up types or versions must not make memory grow.
        is_known = version in self._known.get(event_type, {})
        if not is_known and sum(map(len, self._known.values())) >= _MOST_TYPES:
            return cattrs_way(f"{_MOST_TYPES} other types came first")
        if max(len(event_type), len(version or "")) > self._limits.max_name_length:
            return cattrs_way("its type or version is over a limit")
        return way_of(builder, self._msgspec, self._limits)

    def add(self, event_type: str, version: str | None, routes: tuple[Route, ...]) -> None:
        """Read the events of a type and version from now on, if they can be."""
        way = self.way_of(event_type, version, routes)
        if way.type is None:
            return
        known = self._known.get(event_type, {}).get(version)
        if known is not None and known.routes == routes:  # whoever asked has forgotten it
            return
        reading = _Reading(routes, way, _decoder(self._msgspec, way.type))
        # Not changed in place, as another thread may be looking at it.
        readings = {**self._known.get(event_type, {}), version: reading}
        self._known = {**self._known, event_type: readings}
        self._compile(event_type, readings)

    def prepare(self, raw: Raw, headers: Headers) -> Prepared:
        """What runs the handlers of an event, its payload built, or what ``otherwise`` gives."""
        if not isinstance(raw, bytes) or len(raw) > self._max_bytes:
            return self._otherwise(raw, headers)
        decodings = self._decodings
        for decode_event, following_of in decodings:
            try:
                event = decode_event(raw)
                version = event.metadata.get("version") or self._default_version
                run, target, decode, build, payload_type = following_of[event.__class__][version]
                payload = event.payload
                if decode is not None:
                    payload = decode(payload)
                if build is not None:
                    payload = build(payload, payload_type)
                timestamp, read_at = event.timestamp, None
                if timestamp is self._unset:
                    read_at = now()
                elif not self._is_moment(timestamp):  # made when the event is looked at
                    break
                if not raw.isascii():
                    raw.decode()  # msgspec skips text without looking whether it is UTF-8
            except Exception:
                if len(decodings) > 1:
                    self._missed(decodings)
                continue
            return run, (target, payload, self._make_event, (raw, read_at))
        return self._otherwise(raw, headers)

    def _missed(self, decodings: tuple[_Decoding, ...]) -> None:
        """Try the other decoder first, for as long as nothing but events to be upcast comes."""
        self._misses += 1
        if decodings is not self._usual_decodings:
            self._misses = 0
            self._decodings = self._usual_decodings
        elif self._misses >= _MISSES:
            self._decodings = decodings[::-1]

    def _runner_of(self, event_type: str, routes: tuple[Route, ...]) -> tuple[Run, Any]:
        run: Run = run_each
        target: Any = routes
        if len(routes) == 1 and routes[0].signature.is_async:
            run, target = run_built, routes[0]
        if self._around is not None:
            run = partial(self._around, event_type, run)
        return run, target

    def _make_event(self, parts: tuple[bytes, datetime | None]) -> Event[Any]:
        """The event that was read from the bytes; the time of reading, where it has none."""
        raw, read_at = parts
        try:
            tree = decode(raw, self._limits, self._parse)
        except MalformedEvent:  # over a limit, in a member that was skipped
            tree = json.loads(_levelled(raw, self._limits.max_depth), parse_int=_int)
        event_type, metadata, payload, moment, tree = read_parts(tree, self._limits)
        return make_event((event_type, metadata, payload, read_at or moment, tree))

    def _compile(self, event_type: str, readings: dict[str | None, _Reading]) -> None:
        # Classes of other types are kept: making one takes longer than all the rest.
        self._classes = {**self._classes, event_type: self._classes_of(event_type, readings)}
        classes = self._classes.values()
        decodings = [self._decoding([of_type[0] for of_type in classes])]
        if any(len(of_type) > 1 for of_type in classes):
            decodings.append(self._decoding([of_type[-1] for of_type in classes]))
        self._decodings = self._usual_decodings = tuple(decodings)

    def _decoding(self, classes: Iterable[_Class]) -> _Decoding:
        following = dict(classes)
        # Of one class alone, msgspec would take an object without a tag for it.
        nothing = self._msgspec.defstruct("Nothing", [], tag_field="event_type", tag="")
        return _decoder(self._msgspec, Union[(nothing, *following)]), following

    def _classes_of(
        self, event_type: str, readings: dict[str | None, _Reading]
    ) -> tuple[_Class, ...]:
        # Two payload types in one class take longer to read. Versions that have a handler don't
        # pay for those that are upcast.
        parts: tuple[dict[str | None, _Reading], ...] = ({}, {})
        for version, reading in readings.items():
            parts[bool(reading.routes[0].upcasts)][version] = reading
        if len({reading.way.type for reading in readings.values()}) == 1 or not all(parts):
            parts = (readings,)
        return tuple(self._class_of(event_type, part) for part in parts)

    def _class_of(self, event_type: str, readings: dict[str | None, _Reading]) -> _Class:
        unset = self._msgspec.UnsetType
        types = {reading.way.type for reading in readings.values()}
        is_one = len(types) == 1
        event = self._msgspec.defstruct(
            "Event",
            [
                ("payload", types.pop() if is_one else self._msgspec.Raw),
                ("timestamp", str | unset, self._unset),
                ("metadata", dict[str, str], self._msgspec.field(default_factory=dict)),
            ],
            tag_field="event_type",
            tag=event_type,
            gc=False,  # it lives no longer than it takes to read it
        )
        return event, {
            version: (
                *self._runner_of(event_type, routes),
                None if is_one else decode,
                *_building(routes[0].builder, way),
            )
            for version, (routes, way, decode) in readings.items()
        }
