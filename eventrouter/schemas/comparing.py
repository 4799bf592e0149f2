"""
Comparing two schemas: whether all that one side sends, the other takes.

Sound, not complete: where nothing is found, each value sent is taken; where something is found,
it may be that a cleverer proof exists.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import evolve

from eventrouter.errors import printable, quoted
from eventrouter.kinds import ARRAY, INTEGER, NULL, NUMBER, OBJECT, STRING
from eventrouter.paths import place
from eventrouter.schemas.arms import (
    KINDS,
    SAYING_NOTHING,
    Arm,
    Conjunction,
    SchemaTree,
    common_kind,
    default_of,
    holds,
)
from eventrouter.schemas.differences import (
    Difference,
    Found,
    Inside,
    NotComparable,
    Pair,
    breaks,
    severity,
)
from eventrouter.schemas.narrowing import narrowed_number, narrowed_size, narrowed_text, takes
from eventrouter.schemas.rules import (
    ARITY_CHANGED,
    CONSTRAINT_TIGHTENED,
    DEFAULT_CHANGED,
    ENUM_MEMBER_MISSING,
    EXTRA_KEYS_REFUSED,
    FIELD_MISSING,
    FIELD_OPTIONAL,
    FIELD_REFUSED,
    FIELD_RENAMED,
    NOT_COMPARABLE,
    NULL_REFUSED,
    TAG_RENAMED,
    TAG_UNKNOWN,
    TYPE_CHANGED,
    TYPE_NARROWED,
    UNION_ARM_MISSING,
    Direction,
    Level,
)

_SHOWN = 200  # characters of a value or a comment

_COMPARED: Final = {
    *("type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf", "discriminator", "$comment"),
    *("properties", "required", "additionalProperties", "propertyNames"),
    *("minProperties", "maxProperties", "prefixItems", "items", "minItems", "maxItems"),
    *("uniqueItems", "minLength", "maxLength", "pattern", "format", "contentEncoding"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
}

_TEXT: Final[Conjunction] = ({"type": STRING},)  # what the name of a member is


class Comparison:
    """
    One schema, of what is sent, against another, of what is taken.

    Args:
        sent: The schema of what is sent.
        read: The schema of what is taken.
        direction: Which of them is the old one.
    """

    def __init__(self, sent: Any, read: Any, direction: Direction) -> None:
        self._sent = SchemaTree(sent)
        self._read = SchemaTree(read)
        self._direction = direction
        # Each pair of schemas is assumed to be taken until it is found not to be; then those it
        # lies in are compared anew. So recursion needs no stack, and ends.
        self._pairs: dict[Pair, tuple[Conjunction, Conjunction]] = {}
        self._around: dict[Pair, set[Pair]] = {}
        self._broken: set[Pair] = set()
        self._results: dict[Pair, list[Found]] = {}
        self._waiting: list[Pair] = []
        self._current: Pair | None = None

    def differences(self) -> list[Difference]:
        """What was found, of each pair of schemas once, at the nearest of its places."""
        root = self._inside("", (self._sent.root,), (self._read.root,)).pair
        while self._waiting:
            pair = self._waiting.pop()
            if pair not in self._broken:
                self._results[pair] = self._compare(pair)
                if breaks(self._results[pair]):
                    self._broken.add(pair)
                    self._waiting += self._around[pair]
        return list(self._differences_from(root))

    def _differences_from(self, root: Pair) -> Iterator[Difference]:
        seen, to_do = {root}, deque([("", root)])
        while to_do:
            path, pair = to_do.popleft()
            for found in self._results[pair]:
                if isinstance(found, Difference):
                    yield evolve(found, path=path + found.path)
                elif found.pair not in seen:
                    seen.add(found.pair)
                    to_do.append((path + found.path, found.pair))

    def _inside(self, path: str, sent: Conjunction, read: Conjunction) -> Inside:
        sent, read = self._sent.settled(sent), self._read.settled(read)
        pair = tuple(map(id, sent)), tuple(map(id, read))
        if pair not in self._pairs:
            self._pairs[pair] = sent, read
            self._around[pair] = set()
            self._waiting.append(pair)
        if self._current is not None:
            self._around[pair].add(self._current)
        return Inside(path, pair, pair in self._broken)

    def _compare(self, pair: Pair) -> list[Found]:
        self._current = pair
        try:
            return list(self._found(*self._pairs[pair]))
        except NotComparable as error:
            return [Difference(NOT_COMPARABLE, str(error))]

    def _found(self, sent: Conjunction, read: Conjunction) -> Iterator[Found]:
        arms, candidates = self._sent.arms(sent), self._read.arms(read)
        missing = [arm for arm in arms if not _of_same_kind(arm, candidates)]
        yield from self._missing_kinds(arms, candidates, missing)
        renamed = self._renamed_tag(arms, candidates)
        for arm in arms:
            if arm in missing:
                continue
            same_kind = _of_same_kind(arm, candidates)
            if arm.values is not None:
                yield from self._listed_values(arm, same_kind)
                continue
            attempts = [list(self._against(arm, candidate)) for candidate in same_kind]
            best = min(attempts, key=severity)
            if not breaks(best):
                yield from best
            elif arm.kind == OBJECT and renamed is not None:
                yield renamed
                return
            else:
                yield from self._failed(arm, arms, list(zip(same_kind, attempts, strict=True)))

    # Alternatives

    def _missing_kinds(
        self, arms: Sequence[Arm], candidates: Sequence[Arm], missing: Sequence[Arm]
    ) -> Iterator[Difference]:
        side = self._direction
        taken = _kinds(candidates)
        kinds = [kind for kind in _kinds(missing) if kind != NULL]
        if {arm.kind for arm in arms} >= set(KINDS) and missing:
            comments = [comment for arm in arms for comment in arm.all("$comment")]
            if comments:
                yield self._only_code(comments[0])
                return
            yield Difference(
                TYPE_NARROWED,
                f"{side.sender} send any value, {side.reader} takes {_either(taken)}",
            )
            return
        if any(arm.kind == NULL for arm in missing):
            yield Difference(
                NULL_REFUSED,
                f"{side.sender} may send null, {side.reader} takes {_either(taken)}",
            )
        if not kinds:
            return
        others = [kind for kind in _kinds(arms) if kind != NULL]
        if kinds == others:
            yield Difference(
                TYPE_CHANGED,
                f"{side.sender} send {_either(kinds)}, {side.reader} takes {_either(taken)}",
            )
        else:
            yield Difference(
                UNION_ARM_MISSING,
                f"{side.sender} may send {_either(kinds)}, {side.reader} takes {_either(taken)}",
            )

    def _listed_values(self, arm: Arm, candidates: Sequence[Arm]) -> Iterator[Difference]:
        refused = [
            value
            for value in arm.values or ()
            if not any(self._takes(candidate, value, arm) for candidate in candidates)
        ]
        if not refused:
            return
        shown = ", ".join(_shown(value) for value in refused)
        yield Difference(
            ENUM_MEMBER_MISSING if any(c.values for c in candidates) else TYPE_NARROWED,
            f"{self._direction.sender} may send {shown}, which {self._direction.reader} "
            "does not take",
        )

    def _takes(self, candidate: Arm, value: Any, arm: Arm) -> bool:
        if not takes(candidate, value):
            return False
        for difference in self._beyond_comparing(arm, candidate):
            if difference.level is Level.ERROR:
                raise NotComparable(difference.what)
        return True

    def _failed(
        self, arm: Arm, arms: Sequence[Arm], attempts: Sequence[tuple[Arm, list[Found]]]
    ) -> Iterable[Found]:
        """What to tell of an alternative that no other takes."""
        rivals = [other for other in arms if other.kind == arm.kind]
        if len(attempts) == 1 and len(rivals) == 1:
            return attempts[0][1]
        by_tag = self._unknown_tag(arm, [candidate for candidate, _ in attempts])
        if isinstance(by_tag, Difference):
            return [by_tag]
        near = by_tag or [
            candidate for candidate, _ in attempts if _title(candidate) == _title(arm)
        ]
        found = [differences for candidate, differences in attempts if candidate in near]
        if found and (by_tag or _title(arm) is not None):
            return min(found, key=severity)
        if len(attempts) >= len(rivals) == 1:
            return min((differences for _, differences in attempts), key=severity)
        what = _title(arm) or arm.kind
        return [
            Difference(
                UNION_ARM_MISSING,
                f"{self._direction.sender} may send {what}, which {self._direction.reader} "
                "does not take",
            )
        ]

    def _renamed_tag(self, arms: Sequence[Arm], candidates: Sequence[Arm]) -> Difference | None:
        one, other = _tag(arms), _tag(candidates)
        if one is None or other is None or one == other:
            return None
        return Difference(
            TAG_RENAMED,
            f"{self._direction.sender} send the tag as {quoted(one)}, {self._direction.reader} "
            f"looks for {quoted(other)}",
        )

    def _unknown_tag(self, arm: Arm, candidates: Sequence[Arm]) -> Difference | list[Arm]:
        """That no candidate has the tag; or those that have it, none if there are no tags."""
        tag = _tag([arm])
        if tag is None or tag != _tag(candidates):
            return []
        own = self._tags(self._sent, arm, tag)
        by_tag = [(candidate, self._tags(self._read, candidate, tag)) for candidate in candidates]
        unknown = [value for value in own if not any(holds(known, value) for _, known in by_tag)]
        if unknown:
            return Difference(
                TAG_UNKNOWN,
                f"{self._direction.sender} may send {_title(arm) or 'an object'} with "
                f"{', '.join(map(_shown, unknown))}, which {self._direction.reader} does not know",
                path=place(tag),
            )
        return [c for c, known in by_tag if any(holds(known, value) for value in own)]

    def _tags(self, tree: SchemaTree, arm: Arm, tag: str) -> list[Any]:
        return [value for inner in tree.arms(arm.member(tag)) for value in inner.values or ()]

    # One alternative against another

    def _against(self, sent: Arm, read: Arm) -> Iterator[Found]:
        yield from self._beyond_comparing(sent, read)
        if read.values is not None:
            shown = ", ".join(map(_shown, read.values))
            yield Difference(
                TYPE_NARROWED,
                f"{self._direction.sender} may send any {sent.kind}, {self._direction.reader} "
                f"takes only {shown}",
            )
            return
        if read.kind == STRING:
            yield from narrowed_text(sent, read, self._direction)
        elif read.kind in (INTEGER, NUMBER):
            yield from narrowed_number(sent, read, self._direction)
        elif read.kind == ARRAY:
            yield from self._arrays(sent, read)
        elif read.kind == OBJECT:
            yield from self._objects(sent, read)

    def _beyond_comparing(self, sent: Arm, read: Arm) -> Iterator[Difference]:
        for facet in read.facets:
            if "$comment" in facet:
                yield from self._told_by_code(sent, facet)
            unknown = facet.keys() - _COMPARED - SAYING_NOTHING
            if "discriminator" not in facet:
                unknown |= facet.keys() & {"oneOf"}  # by which one arm fits and no other
            for keyword in sorted(unknown):
                value = facet[keyword]
                is_alone = "$ref" not in json.dumps(value)
                if not is_alone or not any(value == known for known in sent.all(keyword)):
                    yield Difference(NOT_COMPARABLE, f"{keyword!r} is no keyword compared here")

    def _told_by_code(self, sent: Arm, facet: dict[str, Any]) -> Iterator[Difference]:
        same = [known for known in sent.facets if known.get("$comment") == facet["$comment"]]
        if any(_without_words(known) == _without_words(facet) for known in same):
            yield Difference(
                NOT_COMPARABLE,
                f"a change in code would not be seen: {_shown(facet['$comment'])}",
                Level.WARNING,
            )
        else:
            yield self._only_code(facet["$comment"])

    def _only_code(self, comment: Any) -> Difference:
        return Difference(NOT_COMPARABLE, f"only code can tell: {_shown(comment)}")

    # Arrays

    def _arrays(self, sent: Arm, read: Arm) -> Iterator[Found]:
        yield from self._numbers_of_items(sent, read)
        places = max(sent.places, read.places)
        most = min(sent.most_items(), read.most_items())
        for index in range(int(min(places, most))):
            yield self._inside(place(index), sent.item(index), read.item(index))
        if most > places:
            yield self._inside("[*]", sent.item(places), read.item(places))
        if any(read.all("uniqueItems")) and not any(sent.all("uniqueItems")):
            yield Difference(CONSTRAINT_TIGHTENED, f"{self._direction.reader} takes no item twice")

    def _numbers_of_items(self, sent: Arm, read: Arm) -> Iterator[Difference]:
        side = self._direction
        rule = ARITY_CHANGED if sent.places or read.places else CONSTRAINT_TIGHTENED
        least, most = max(read.all("minItems"), default=0), read.most_items()
        if least > max(sent.all("minItems"), default=0):
            yield Difference(rule, f"{side.reader} takes only {least} items or more")
        if most < sent.most_items():
            yield Difference(rule, f"{side.reader} takes only {most} items or fewer")

    # Objects

    def _objects(self, sent: Arm, read: Arm) -> Iterator[Found]:
        side = self._direction
        refuses_others = any(schema is False for schema in read.others)
        if sent.sends_others and not sent.declared and read.declared and not read.others:
            yield Difference(
                TYPE_CHANGED, f"{side.sender} send a map, {side.reader} takes a record"
            )
        yield from self._members(sent, read, refuses_others)
        if refuses_others and not any(schema is False for schema in sent.others):
            yield Difference(EXTRA_KEYS_REFUSED, f"{side.reader} refuses keys it does not know")
        elif sent.sends_others:
            yield self._inside(".*", sent.others, read.others)
        yield from self._names(sent, read)
        yield from narrowed_size(sent, read, "Properties", "members", side)

    def _members(self, sent: Arm, read: Arm, refuses_others: bool) -> Iterator[Found]:
        side = self._direction
        gone = [n for n in sent.declared if n not in read.declared and self._sends(sent, n)]
        for name in dict.fromkeys((*sent.declared, *read.declared, *sorted(read.required))):
            step = place(name)
            if not self._sends(sent, name):
                yield from self._not_sent(sent, read, name, gone)
                continue
            if name in read.required and name not in sent.required:
                yield Difference(
                    FIELD_OPTIONAL,
                    f"{side.sender} may leave it out, {side.reader} requires it",
                    path=step,
                )
            if name in gone and refuses_others:
                yield Difference(
                    FIELD_REFUSED, f"{side.sender} send it, {side.reader} refuses it", path=step
                )
                continue
            yield self._inside(step, sent.member(name), read.member(name))
            yield from self._defaults(sent, read, name)

    def _sends(self, sent: Arm, name: str) -> bool:
        if name not in sent.declared and not sent.sends_others:
            return False
        return bool(self._sent.arms(sent.member(name)))

    def _not_sent(
        self, sent: Arm, read: Arm, name: str, gone: Sequence[str]
    ) -> Iterator[Difference]:
        side = self._direction
        member = read.member(name)
        is_required = name in read.required
        if not is_required and not self._read.arms(member):
            return
        step = place(name)
        alike = [old for old in gone if not self._inside(step, sent.member(old), member).breaks]
        if alike and (is_required or len(gone) == 1):
            missing = "requires" if is_required else "takes the default of"
            yield Difference(
                FIELD_RENAMED,
                f"{side.sender} send {quoted(alike[0])}, which {side.reader} does not read; it "
                f"{missing} {quoted(name)}",
                Level.ERROR if is_required else Level.WARNING,
                step,
            )
        elif is_required:
            what = f"{side.sender} don't send it, {side.reader} requires it"
            yield Difference(FIELD_MISSING, what, path=step)

    def _defaults(self, sent: Arm, read: Arm, name: str) -> Iterator[Difference]:
        one, other = default_of(sent.member(name)), default_of(read.member(name))
        if one and other and json.dumps(one) != json.dumps(other):
            yield Difference(
                DEFAULT_CHANGED,
                f"left out, it means {_shown(one[0])} to {self._direction.sender} and "
                f"{_shown(other[0])} to {self._direction.reader}",
                Level.WARNING,
                place(name),
            )

    def _names(self, sent: Arm, read: Arm) -> Iterator[Found]:
        names = tuple(read.all("propertyNames"))
        if not names:
            return
        for name in sent.declared:
            if self._sends(sent, name) and not any(
                takes(arm, name) for arm in self._read.arms(names)
            ):
                yield Difference(
                    FIELD_REFUSED,
                    f"{self._direction.reader} takes no such name",
                    path=place(name),
                )
        if sent.sends_others:
            yield self._inside("{name}", (*_TEXT, *sent.all("propertyNames")), names)


def _of_same_kind(arm: Arm, candidates: Iterable[Arm]) -> list[Arm]:
    return [candidate for candidate in candidates if common_kind(arm.kind, candidate.kind)]


def _kinds(arms: Iterable[Arm]) -> list[str]:
    return list(dict.fromkeys(arm.kind for arm in arms))


def _either(kinds: Sequence[str]) -> str:
    return " or ".join(kinds) or "nothing"


def _title(arm: Arm) -> str | None:
    titles = [title for title in arm.all("title") if isinstance(title, str)]
    return titles[-1] if titles else None


def _tag(arms: Iterable[Arm]) -> str | None:
    """The name of the member that tells alternatives apart."""
    names = (found["propertyName"] for arm in arms for found in arm.all("discriminator"))
    return next(names, None)


def _shown(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False), _SHOWN)


def _without_words(schema: dict[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword not in SAYING_NOTHING}
