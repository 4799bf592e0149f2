"""Comparing schemas that refer to themselves, that others wrote, or that are odd."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pydantic
import pytest
from attrs import frozen

from eventrouter.schemas.comparing import Comparison
from eventrouter.schemas.rules import Direction
from tests.schemas.contracts import broken, document_of, written_of


def told(old: Any, new: Any) -> list[tuple[str, str]]:
    """The rules and paths of what is found between two schemas."""
    found = Comparison(old, new, Direction.BACKWARD).differences()
    return [(difference.rule.id, difference.path) for difference in found]


# Recursion


@frozen
class Tree:
    value: int
    children: "list[Tree]"  # noqa: UP037


@frozen
class Wider:
    value: float
    children: "list[Wider] | None" = None  # noqa: UP037


@frozen
class Narrower:
    value: bool
    children: "list[Narrower]"  # noqa: UP037


@frozen
class Even:
    value: int
    children: "list[Odd]"  # noqa: UP037


@frozen
class Odd:
    value: int
    children: "list[Even]"  # noqa: UP037


@frozen
class OddAsText:
    value: str
    children: "list[EvenBeforeText]"  # noqa: UP037


@frozen
class EvenBeforeText:
    value: int
    children: "list[OddAsText]"  # noqa: UP037


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (Tree, Tree, []),
        (Tree, Wider, []),
        (Tree, Even, []),
        (Even, Tree, []),
        (Tree, Narrower, ["type-changed"]),
        (Tree, EvenBeforeText, ["type-changed"]),
        (Even, EvenBeforeText, ["type-changed"]),
        (Wider, Tree, ["type-narrowed", "field-optional", "null-refused"]),
    ],
)
def test_recursive_classes_are_compared(old: Any, new: Any, rules: list[str]) -> None:
    assert sorted(broken(document_of(old), document_of(new))) == sorted(rules)


def test_what_was_found_under_an_assumption_that_fails_is_forgotten() -> None:
    """
    ``next`` fits as long as ``to`` is assumed to fit, which it does not for its ``value``.

    That is no matter to ``one``, which may be any object, and all the matter to ``two``.
    """

    def document(kind: str, *others: Any) -> Any:
        following = {"$ref": "#/$defs/Link"}
        node = {"properties": {"next": following, "value": {"type": kind}}}
        one = {"type": "object", "properties": {"link": {"$ref": "#/$defs/Link"}}}
        return {
            "type": "object",
            "properties": {"one": {"anyOf": [one, *others]}, "two": following},
            "$defs": {
                "Node": {"type": "object", **node},
                "Link": {"type": "object", "properties": {"to": {"$ref": "#/$defs/Node"}}},
            },
        }

    assert told(document("integer"), document("string", {"type": "object"})) == [
        ("type-changed", ".two.to.value")
    ]


def test_a_class_at_two_places_is_told_of_once() -> None:
    price: Any = {"type": "object", "properties": {"a": {"type": "integer"}}}
    order: Any = {
        "type": "object",
        "properties": {"one": {"$ref": "#/$defs/Price"}, "of": {"$ref": "#/$defs/Price"}},
        "$defs": {"Price": price},
    }
    changed = {
        **order,
        "$defs": {"Price": {**price, "properties": {"a": {"type": "string"}}}},
    }

    assert told(order, changed) == [("type-changed", ".one.a")]


# Odd schemas


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "https://example.com/order.json"}, "leads elsewhere"),
        ({"$ref": "#/$defs/Order"}, "leads nowhere"),
        ({"$ref": "#"}, "refers to itself"),
        ({"anyOf": ["order"]}, "is no schema"),
        ({"allOf": [{"anyOf": [{"minLength": n} for n in range(40)]}] * 2}, "alternatives"),
    ],
)
def test_a_schema_that_can_t_be_taken_apart_is_not_comparable(schema: Any, said: str) -> None:
    [difference] = Comparison(schema, {"type": "string"}, Direction.BACKWARD).differences()

    assert difference.rule.id == "not-comparable"
    assert said in difference.what


def test_schemas_may_lie_deep_in_each_other() -> None:
    def deep(schema: Any) -> Any:
        for _ in range(5_000):
            schema = {"type": "array", "items": schema}
        return schema

    assert told(deep({"type": "string"}), deep({"type": "string"})) == []
    assert told(deep({"type": "string"}), deep({"type": "null"})) == [
        ("type-changed", "[*]" * 5_000)
    ]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ({"type": "integer"}, True, []),
        (True, {}, []),
        (False, {"type": "integer"}, []),
        ({"type": "integer"}, False, ["type-changed"]),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "null"}}}, {"type": "null"}, []),
        ({"const": 1}, {"const": 1.0}, []),
        ({"const": 1}, {"const": True}, ["type-changed"]),
        ({"enum": ["a", "b"]}, {"anyOf": [{"const": "b"}, {"const": "a"}]}, []),
        ({"enum": [[1]]}, {"enum": [[1]]}, []),
        ({"enum": [[1]]}, {"type": "array"}, ["not-comparable"]),
        ({"enum": ["aa"]}, {"type": "string", "pattern": "^a+$"}, []),
        ({"enum": ["ab"]}, {"type": "string", "pattern": "^a+$"}, ["type-narrowed"]),
        ({"enum": ["aa"]}, {"type": "string", "maxLength": 1}, ["type-narrowed"]),
        ({"enum": ["aa"]}, {"type": "string", "pattern": "("}, ["not-comparable"]),
        ({"enum": ["aa"]}, {"type": "string", "format": "uuid"}, ["not-comparable"]),
        ({"enum": [4]}, {"type": "integer", "multipleOf": 2, "maximum": 4}, []),
        ({"enum": [4]}, {"type": "integer", "exclusiveMaximum": 4}, ["type-narrowed"]),
        ({"enum": ["a"]}, {"type": "string", "$comment": "also asked"}, ["not-comparable"]),
        ({"$comment": "read in code"}, {"type": "string"}, ["not-comparable"]),
        ({"type": "array"}, {"type": "array", "uniqueItems": True}, ["constraint-tightened"]),
        ({"type": "string"}, {"type": "string", "format": "email"}, ["constraint-tightened"]),
        ({"type": "string", "format": "email"}, {"type": "string"}, []),
        ({"type": "string"}, {"oneOf": [{"type": "string"}]}, ["not-comparable"]),
        (
            {"type": "integer"},
            {"type": "number", "exclusiveMinimum": 0.5},
            ["constraint-tightened"],
        ),
        ({"type": "object", "maxProperties": 2}, {"type": "object", "maxProperties": 3}, []),
        (
            {"allOf": [{"minimum": 1}, {"type": "integer"}]},
            {"type": "integer", "exclusiveMinimum": 0},
            [],
        ),
    ],
)
def test_keywords_mean_what_the_draft_says(old: Any, new: Any, rules: list[str]) -> None:
    assert [rule for rule, _ in told(old, new)] == rules


# Schemas of other libraries


class Card(pydantic.BaseModel):
    kind: Literal["card"] = "card"
    digits: str


class Cash(pydantic.BaseModel):
    kind: Literal["cash"] = "cash"


class Paid(pydantic.BaseModel):
    how: Card | Cash = pydantic.Field(discriminator="kind")
    note: str | None = None


class PaidByCard(pydantic.BaseModel):
    how: Card
    note: str | None = None


class Struct(msgspec.Struct):
    how: str
    cents: int = 0


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    how: str
    cents: int = 0


def test_models_of_pydantic_are_compared() -> None:
    old, new = document_of(Paid), document_of(PaidByCard)

    assert broken(old, old) == []
    assert broken(old, new) == ["union-arm-missing"]
    # Where a tag tells classes apart it must be there, default or not.
    assert broken(new, old) == ["field-optional"]


def test_structs_of_msgspec_are_compared() -> None:
    old, new = document_of(Struct), document_of(Closed)

    assert broken(old, old) == []
    assert broken(old, new) == ["extra-keys-refused"]
    assert broken(new, old) == []


def test_a_schema_is_compared_with_one_that_a_person_wrote() -> None:
    assert broken(written_of({"type": "object", "properties": {}}), document_of(Struct)) == [
        "field-missing"
    ]
