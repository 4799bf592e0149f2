"""A document of schemas, read: what a router takes, by event type and version."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from attrs import field, frozen

from eventrouter.errors import RegistrationError, UnreadableLock, printable, quoted
from eventrouter.patterns import PatternTree, Specificity, specificity
from eventrouter.schemas.wellformed import misshapen

#: The number of the document's form; another where what reads the one can't read the other.
FORMAT: Final = 1


@frozen(eq=False)
class Entry:
    """
    What payloads are taken of events of one type or pattern, and version.

    Attributes:
        type: The type or pattern.
        version: The version; None for any.
        schema: The schema of the payload.
        where: The conditions, of which one must hold; none if the event is always taken.
        upcast: The versions that the payload goes through on its way to a handler, its own first;
            none if a handler takes it as it is.
    """

    type: str
    version: str | None
    schema: Any = field(repr=False)
    where: tuple[str, ...] = ()
    upcast: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[Specificity, bool]:
        """How closely it names events; the lowest takes an event."""
        return specificity(self.type), self.version is None


class Contract:
    """
    What a router takes.

    Args:
        entries: One for each type or pattern, and version.
        default_version: The version of events that carry none, if there is one.
    """

    def __init__(self, entries: Sequence[Entry], default_version: str | None) -> None:
        self.entries = entries
        self._default_version = default_version
        self._by_pattern = PatternTree[Entry]()
        for entry in entries:
            self._by_pattern.add(entry.type, entry)

    def takes_type(self, event_type: str) -> bool:
        """Whether any version of a type is taken."""
        return bool(self._by_pattern.find(event_type))

    def taking(self, event_type: str, version: str | None) -> list[Entry]:
        """
        The entries that may take an event, by rank.

        Those after the first rank do only where all before depend on conditions.
        """
        if version is None:
            version = self._default_version
        by_rank: dict[tuple[Specificity, bool], list[Entry]] = defaultdict(list)
        for entry in self._by_pattern.find(event_type):
            if entry.version in (None, version):
                by_rank[entry.rank].append(entry)
        taking: list[Entry] = []
        for rank in sorted(by_rank):
            taking += by_rank[rank]
            is_exact = rank[0] is Specificity.EXACT  # which tells of those after it too
            if is_exact or not all(entry.where for entry in by_rank[rank]):
                break
        return taking


def read_contract(document: Any) -> Contract:
    """
    Read a document, as ``Router.schema()`` gives it.

    Raises:
        UnreadableLock: If it is none, or of another format.
    """
    if not isinstance(document, dict) or "format" not in document:
        raise UnreadableLock('it is no object with a "format"')
    members = cast("dict[str, Any]", document)
    _check_format(members["format"])
    default_version = members.get("default_version")
    if not _is_version(default_version):
        raise UnreadableLock('"default_version" is neither text nor null')
    entries = list(_entries(members.get("events")))
    return Contract(entries, default_version)


def parse_document(text: str | bytes) -> dict[str, Any]:
    """
    Parse a document, and check that it is one that can be compared.

    Raises:
        UnreadableLock: If it is no JSON, no such document, or of another format.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableLock(f"it is no JSON: {error}") from error
    read_contract(document)
    return cast("dict[str, Any]", document)


def _check_format(number: Any) -> None:
    if number.__class__ is not int:
        raise UnreadableLock(f'"format" is {number!r}, not a number')
    if number > FORMAT:
        raise UnreadableLock(
            f"it is of format {number}, and this eventrouter reads {FORMAT}: install the one that "
            "wrote it, or a later one"
        )
    if number < FORMAT:
        raise UnreadableLock(
            f"it is of format {number}, and this eventrouter reads {FORMAT}: write it anew from "
            "the code it was written of"
        )


def _entries(events: Any) -> Iterator[Entry]:
    if not isinstance(events, list):
        raise UnreadableLock('"events" is no list')
    seen: set[tuple[str, str | None]] = set()
    for index, event in enumerate(cast("list[Any]", events)):
        entry = _entry(event, f"events[{index}]")
        if (entry.type, entry.version) in seen:
            raise UnreadableLock(
                f"events[{index}]: {quoted(entry.type)} in version {entry.version} is there twice"
            )
        seen.add((entry.type, entry.version))
        yield entry


def _entry(event: Any, where: str) -> Entry:
    members = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
    event_type, version = members.get("type"), members.get("version")
    schema, conditions = members.get("schema"), members.get("where", [])
    upcast = members.get("upcast", [])
    if not isinstance(event_type, str) or not _is_version(version):
        raise UnreadableLock(f'{where} has no "type" that is text, or a "version" that is not')
    wrong = misshapen(schema)
    if wrong is not None:
        raise UnreadableLock(f"{where} has no JSON Schema at /schema{printable(wrong)}")
    if not _are_texts(conditions) or not _are_texts(upcast):
        raise UnreadableLock(f'{where}: "where" and "upcast" are lists of text')
    try:
        specificity(event_type)
    except RegistrationError as error:
        raise UnreadableLock(f"{where}: {error}") from error
    return Entry(event_type, version, schema, tuple(conditions), tuple(upcast))


def _is_version(version: Any) -> bool:
    return version is None or isinstance(version, str)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) for value in cast("list[Any]", values)
    )
