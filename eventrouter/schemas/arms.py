"""
Schemas taken apart: what a schema takes, as alternatives of one kind of JSON each.

References are followed, ``anyOf`` becomes alternatives, ``allOf`` and what stands beside a
reference become facets of one alternative. What lies inside arrays and objects stays as it is
until it is asked for, so that a recursive schema is taken apart step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote

from attrs import define, field

from eventrouter.kinds import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    KIND_OF_CLASS,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
)
from eventrouter.schemas.differences import NotComparable
from eventrouter.schemas.keywords import Schema

#: Schemas, each of which a value must fit.
Conjunction: TypeAlias = tuple[Any, ...]

KINDS: Final = (NULL, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT)
ANYTHING: Final[Conjunction] = ()
_MOST_ARMS = 1_000
_LONGEST_CHAIN = 20  # references followed at once

#: Keywords that don't change what a schema takes.
SAYING_NOTHING: Final = {
    *("$schema", "$id", "$defs", "definitions", "$anchor", "title", "description", "default"),
    *("examples", "example", "deprecated", "readOnly", "writeOnly", "contentMediaType"),
}


@define(eq=False, slots=False)
class Arm:
    """
    One alternative.

    Attributes:
        kind: The kind of its values.
        facets: The schemas that say what they are like; each must be fitted.
    """

    kind: str
    facets: tuple[Schema, ...] = field(repr=False)

    def all(self, *keywords: str) -> list[Any]:
        """What its facets say under keywords."""
        return [facet[keyword] for facet in self.facets for keyword in keywords if keyword in facet]

    @cached_property
    def values(self) -> tuple[Any, ...] | None:
        """All values there are, if these are listed."""
        listed: list[Sequence[Any]] = [*self.all("enum"), *([value] for value in self.all("const"))]
        if self.kind in (NULL, BOOLEAN):
            listed.append((None,) if self.kind == NULL else (False, True))
        if not listed:
            return None
        first, *others = listed
        return tuple(
            value
            for value in first
            if is_of_kind(value, self.kind) and all(holds(values, value) for values in others)
        )

    # Objects

    @cached_property
    def declared(self) -> tuple[str, ...]:
        """The names of members with a schema of their own."""
        return tuple(dict.fromkeys(name for members in self.all("properties") for name in members))

    @cached_property
    def required(self) -> frozenset[str]:
        """The names of members that must be there."""
        tags = (discriminator["propertyName"] for discriminator in self.all("discriminator"))
        return frozenset((*tags, *(name for names in self.all("required") for name in names)))

    def member(self, name: str) -> Conjunction:
        """What the member of a name must fit."""
        found: list[Any] = []
        for facet in self.facets:
            if name in facet.get("properties", ()):
                found.append(facet["properties"][name])
            elif "additionalProperties" in facet:
                found.append(facet["additionalProperties"])
        return tuple(found)

    @property
    def others(self) -> Conjunction:
        """What members without a schema of their own must fit."""
        return tuple(self.all("additionalProperties"))

    @property
    def sends_others(self) -> bool:
        """
        Whether members without a schema of their own are part of what is sent.

        Whoever reads a record ignores them, which is not to say that they are sent.
        """
        return not any(
            "properties" in facet and "additionalProperties" not in facet for facet in self.facets
        )

    # Arrays

    @property
    def places(self) -> int:
        """How many items have a schema of their own."""
        return max((len(places) for places in self.all("prefixItems")), default=0)

    def item(self, index: int) -> Conjunction:
        """What the item at an index must fit; past ``places``, what all others must."""
        found: list[Any] = []
        for facet in self.facets:
            places = facet.get("prefixItems", ())
            if index < len(places):
                found.append(places[index])
            elif "items" in facet:
                found.append(facet["items"])
        return tuple(found)

    def most_items(self) -> float:
        """How many items there may be."""
        closed = [facet for facet in self.facets if facet.get("items") is False]
        places = (len(facet.get("prefixItems", ())) for facet in closed)
        return min((*places, *self.all("maxItems")), default=float("inf"))


class SchemaTree:
    """
    A schema with what it refers to.

    Args:
        root: The schema.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        # Ids of the schemas -> these, so that the ids stay theirs, and the arms
        self._arms: dict[tuple[int, ...], tuple[Conjunction, list[Arm]]] = {}

    def arms(self, schemas: Conjunction) -> list[Arm]:
        """
        The alternatives that fit all of some schemas.

        Raises:
            NotComparable: If they are no schemas, refer elsewhere, or there are too many.
        """
        key = tuple(map(id, schemas))
        known = self._arms.get(key)
        if known is None:
            arms = _any_value()
            for schema in schemas:
                arms = _crossed(arms, self._taken_apart(schema, frozenset()))
            known = self._arms[key] = schemas, arms
        return known[1]

    def settled(self, schemas: Conjunction) -> Conjunction:
        """The schemas, those referred to in place of references with nothing beside them."""
        return tuple(map(self._settled, schemas))

    def _settled(self, schema: Any) -> Any:
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            if cast(Schema, schema).keys() - SAYING_NOTHING != {"$ref"}:
                break
            try:
                schema = self._referred(cast(Schema, schema)["$ref"])
            except NotComparable:  # as it will be, when it is taken apart
                break
        return cast(Any, schema)

    def _taken_apart(self, schema: Any, within: frozenset[int]) -> list[Arm]:
        if isinstance(schema, bool):
            return _any_value() if schema else []
        if not isinstance(schema, dict):
            raise NotComparable(f"{schema!r} is no schema")
        if id(cast("object", schema)) in within:
            raise NotComparable("a schema refers to itself")
        within |= {id(cast("object", schema))}
        facet = cast(Schema, schema)
        arms = [Arm(kind, (facet,)) for kind in _kinds(facet)]
        if "$ref" in facet:
            arms = _crossed(arms, self._taken_apart(self._referred(facet["$ref"]), within))
        for inner in facet.get("allOf", ()):
            arms = _crossed(arms, self._taken_apart(inner, within))
        for keyword in ("anyOf", "oneOf"):
            if keyword in facet:
                inner = [arm for one in facet[keyword] for arm in self._taken_apart(one, within)]
                arms = _crossed(arms, inner)
        return [arm for arm in arms if arm.values != ()]

    def _referred(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise NotComparable(f"the reference {reference!r} leads elsewhere")
        found = self.root
        for step in unquote(reference[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise NotComparable(f"the reference {reference!r} leads nowhere")
            found = cast("dict[str, Any]", found)[name]
        return found


def _any_value() -> list[Arm]:
    return [Arm(kind, ()) for kind in KINDS]


def _kinds(schema: Schema) -> Iterable[str]:
    kinds = schema.get("type", KINDS)
    return (kinds,) if isinstance(kinds, str) else kinds


def _crossed(one: list[Arm], other: list[Arm]) -> list[Arm]:
    """What fits an alternative of each."""
    crossed: list[Arm] = []
    for a in one:
        for b in other:
            kind = common_kind(a.kind, b.kind)
            if kind is not None:
                facets = {id(facet): facet for facet in (*a.facets, *b.facets)}
                crossed.append(Arm(kind, tuple(facets.values())))
    crossed = [arm for arm in crossed if arm.values != ()]
    if len(crossed) > _MOST_ARMS:
        raise NotComparable(f"there are over {_MOST_ARMS} alternatives")
    return crossed


def common_kind(one: str, other: str) -> str | None:
    """The kind of what is of both kinds."""
    if one == other:
        return one
    return INTEGER if {one, other} == {INTEGER, NUMBER} else None


def is_of_kind(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a kind; an integer is a number too."""
    own = KIND_OF_CLASS.get(value.__class__)
    return own == kind or (own == INTEGER and kind == NUMBER)


def holds(values: Iterable[Any], value: Any) -> bool:
    """Whether a JSON value is among some; ``true`` is no ``1``."""
    return any(
        other == value and isinstance(other, bool) is isinstance(value, bool) for other in values
    )


def default_of(schemas: Conjunction) -> list[Any]:
    """The default that schemas tell of a member: one, or none."""
    told = [
        cast("Mapping[str, Any]", schema)["default"]
        for schema in schemas
        if isinstance(schema, dict) and "default" in schema
    ]
    return told[:1]
