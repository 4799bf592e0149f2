"""
Whether old and new code understand each other's events.

Backward: new code takes what old producers send. Forward: old code takes what new producers send.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from attrs import frozen

from eventrouter.errors import printable
from eventrouter.schemas.comparing import Comparison
from eventrouter.schemas.contract import Contract, Entry, read_contract
from eventrouter.schemas.differences import Difference, severity
from eventrouter.schemas.rules import (
    EVENT_UNKNOWN,
    UPCASTER_MISSING,
    VERSION_UNKNOWN,
    WHERE_CHANGED,
    Direction,
    Level,
    Rule,
)

_ANY_OTHER: Final = "\0"  # a segment or version that nobody names
_LONGEST = 1_000


class Mode(StrEnum):
    """What is to hold."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that are looked at."""
        return tuple(Direction) if self is Mode.FULL else (Direction(self.value),)


@frozen
class Finding:
    """
    One place where old and new code don't understand each other.

    Attributes:
        rule: The id of the rule.
        level: Whether it breaks something, or asks for a look.
        direction: Who can't read whom.
        event_type: The type of the event, or the pattern.
        version: Its version; None if it carries none, or any.
        path: Where in the payload: ``$.items[*].price``; ``{name}`` stands for the names of
            members.
        what: What would break.
        fix: What mends it.
    """

    rule: str
    level: Level
    direction: Direction
    event_type: str
    version: str | None
    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        text = (
            f"{self.event_type}{version} {self.path}: {self.level} {self.rule} "
            f"({self.direction}): {self.what}; {self.fix}"
        )
        return printable(text, _LONGEST)


def compatibility(old: Any, new: Any, mode: Mode = Mode.BACKWARD) -> tuple[Finding, ...]:
    """
    Compare what two versions of an application take.

    Whoever sends a record sends the members that its class declares; that a reader ignores others
    is no promise of their types.

    Args:
        old: The document of the old code, from ``Router.schema()``.
        new: That of the new code.
        mode: What is to hold.

    Returns:
        What breaks it, and warnings; by event, the old document's first.

    Raises:
        UnreadableLock: If one of them is no such document, or of another format.
    """
    before, after = read_contract(old), read_contract(new)
    found: dict[tuple[Any, ...], Finding] = {}
    for direction in mode.directions:
        is_backward = direction is Direction.BACKWARD
        sides = (before, after) if is_backward else (after, before)
        for finding in _findings(*sides, direction):
            # A warning would be the same both ways.
            way = None if finding.level is Level.WARNING else direction
            key = (finding.rule, finding.event_type, finding.version, finding.path, way)
            found.setdefault(key if way is None else (*key, finding.what), finding)
    return tuple(found.values())


def _findings(sender: Contract, reader: Contract, direction: Direction) -> Iterator[Finding]:
    compared: set[tuple[int, ...]] = set()
    unknown: set[tuple[Rule, str, str | None]] = set()
    for event_type, version in _events(sender, reader):
        sent, read = sender.taking(event_type, version), reader.taking(event_type, version)
        key = tuple(map(id, (*sent, None, *read)))
        if not sent or key in compared:
            continue
        compared.add(key)
        if read:
            yield from _between(sent, read, direction)
        elif direction is Direction.BACKWARD or not sent[0].upcast:  # nobody begins to send those
            rule = _rule_of_unknown(sent[0], reader, event_type)
            named = None if rule is EVENT_UNKNOWN else sent[0].version
            if (rule, sent[0].type, named) not in unknown:
                unknown.add((rule, sent[0].type, named))
                yield _unknown(rule, sent[0].type, named, direction)


def _events(one: Contract, other: Contract) -> Iterable[tuple[str, str | None]]:
    """Types and versions, some for each choice of entries that may take an event."""
    entries = (*one.entries, *other.entries)
    forms = {form for entry in entries for form in _forms(entry.type)}
    overlaps = [_overlap(*pair) for pair in combinations(sorted(filter(_is_open, forms)), 2)]
    types = dict.fromkeys((*sorted(forms), *(form for form in overlaps if form is not None)))
    versions = dict.fromkeys(entry.version for entry in entries)
    for form in types:
        event_type = ".".join(_ANY_OTHER if segment == "*" else segment for segment in form)
        yield from ((event_type, version) for version in (*versions, None, _ANY_OTHER))


def _forms(pattern: str) -> Iterator[tuple[str, ...]]:
    """The segments of a pattern, with one and with many where any number may stand."""
    for many in ("*", "*.*.*.*"):
        yield tuple(pattern.replace("**", many).split("."))


def _is_open(form: tuple[str, ...]) -> bool:
    return "*" in form


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...] | None:
    """What both forms match."""
    if len(one) != len(other):
        return None
    pairs = list(zip(one, other, strict=True))
    if any(a != b and "*" not in (a, b) for a, b in pairs):
        return None
    return tuple(b if a == "*" else a for a, b in pairs)


def _rule_of_unknown(sent: Entry, reader: Contract, event_type: str) -> Rule:
    if not reader.takes_type(event_type):
        return EVENT_UNKNOWN
    return UPCASTER_MISSING if sent.upcast else VERSION_UNKNOWN


def _unknown(rule: Rule, event_type: str, version: str | None, direction: Direction) -> Finding:
    what = {
        EVENT_UNKNOWN: "no such event",
        VERSION_UNKNOWN: "no such version" if version else "no event without a version",
        UPCASTER_MISSING: "no such version any more, nor a way from it",
    }[rule]
    return Finding(
        rule.id,
        Level.ERROR,
        direction,
        event_type,
        version,
        "$",
        f"{direction.sender} send it, {direction.reader} knows {what}",
        rule.fix,
    )


def _between(sent: list[Entry], read: list[Entry], direction: Direction) -> Iterator[Finding]:
    named = sent[0]
    for difference in _differences(sent, read, direction):
        yield Finding(
            difference.rule.id,
            difference.level,
            direction,
            named.type,
            named.version,
            f"${difference.path}",
            difference.what,
            difference.rule.fix,
        )


def _differences(
    sent: list[Entry], read: list[Entry], direction: Direction
) -> Iterator[Difference]:
    yield from _conditions(sent, read, direction)
    if len(sent) > 1 and _told(sent) == _told(read):
        return  # which of them takes an event is told by conditions, and these are the same
    for reading in read:
        attempts = [
            Comparison(sending.schema, reading.schema, direction).differences() for sending in sent
        ]
        if any(entry.where for entry in sent):
            yield from (difference for attempt in attempts for difference in attempt)
        else:  # a payload fits all of them
            yield from min(attempts, key=severity)


def _conditions(sent: list[Entry], read: list[Entry], direction: Direction) -> Iterator[Difference]:
    if not all(entry.where for entry in read):
        return
    one = {condition for entry in sent for condition in entry.where}
    other = {condition for entry in read for condition in entry.where}
    if not all(entry.where for entry in sent):
        yield Difference(
            WHERE_CHANGED, f"{direction.reader} takes it only where {' or '.join(sorted(other))}"
        )
    elif not one <= other:
        yield Difference(
            WHERE_CHANGED,
            f"{direction.sender} send it where {' or '.join(sorted(one))}, {direction.reader} "
            f"takes it where {' or '.join(sorted(other))}",
        )


def _told(entries: list[Entry]) -> str:
    return json.dumps([(e.type, e.version, e.where, e.schema) for e in entries], sort_keys=True)
