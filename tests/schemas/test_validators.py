"""What the validators of attrs ask, told in the schema."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import attrs
import pytest
from attrs import validators as v

from tests.schemas.agreement import property_of

NULL = {"type": "null"}


class Color(Enum):
    RED = "red"
    GREEN = "green"


def told(type_: Any, validator: Any, **options: Any) -> dict[str, Any]:
    """The schema of a field with a validator."""
    field = attrs.field(type=type_, validator=validator, **options)
    return property_of(attrs.make_class("Record", {"f": field}), "f")


def is_even(instance: Any, attribute: Any, value: int) -> None: ...


@pytest.mark.parametrize(
    ("type_", "validator", "more"),
    [
        (int, v.ge(1), {"minimum": 1}),
        (int, v.gt(1), {"exclusiveMinimum": 1}),
        (float, v.le(1.5), {"maximum": 1.5}),
        (float, v.lt(1), {"exclusiveMaximum": 1}),
        (int, [v.ge(1), v.ge(3), v.le(9), v.le(5)], {"minimum": 3, "maximum": 5}),
        (int, v.and_(v.gt(0), v.lt(9)), {"exclusiveMinimum": 0, "exclusiveMaximum": 9}),
        (int, v.optional(v.ge(1)), {"minimum": 1}),
        (int, v.instance_of(int), {}),
        (str, v.min_len(1), {"minLength": 1}),
        (str, v.max_len(5), {"maxLength": 5}),
        (str, v.matches_re("a+"), {"pattern": "^(?:a+)$"}),
        (str, v.matches_re("a+", func=re.match), {"pattern": "^(?:a+)"}),
        (str, v.matches_re("a+", func=re.search), {"pattern": "a+"}),
        (str, v.in_(["b", "a"]), {"enum": ["b", "a"]}),
        (str, v.in_({"b", "a", "c"}), {"enum": ["a", "b", "c"]}),
        (int, v.in_((1, 2)), {"enum": [1, 2]}),
        (list[int], v.max_len(5), {"maxItems": 5}),
        (list[int], v.deep_iterable(v.ge(1)), {"items": {"type": "integer", "minimum": 1}}),
        (list[int], v.deep_iterable(v.instance_of(int), v.min_len(1)), {"minItems": 1}),
        (list, v.deep_iterable(v.instance_of(str)), {"items": {"type": "string"}}),
        (dict[str, int], v.min_len(1), {"minProperties": 1}),
        (
            dict[str, int],
            v.deep_mapping(v.min_len(1), v.ge(1)),
            {
                "propertyNames": {"minLength": 1},
                "additionalProperties": {"type": "integer", "minimum": 1},
            },
        ),
        (Any, v.instance_of(str), {"type": "string"}),
        (Any, v.instance_of((dict, list)), {"type": ["object", "array"]}),
        (Literal["a", "b"], v.instance_of(str), None),
    ],
)
def test_a_validator_is_told_by_a_keyword(type_: Any, validator: Any, more: Any) -> None:
    plain = told(type_, None)
    expected = (
        {**plain, "$comment": "also asked in code: InstanceOf"} if more is None else plain | more
    )

    assert told(type_, validator) == expected


@pytest.mark.parametrize(
    ("type_", "validator", "name"),
    [
        (int, is_even, "is_even"),
        (int, v.ge(Decimal(1)), "Number"),
        (float, v.lt(float("inf")), "Number"),
        (Decimal, v.ge(1), "Number"),
        (bool, v.ge(1), "Number"),
        (int | str, v.ge(1), "Number"),
        (bytes, v.min_len(1), "MinLength"),
        (set[int], v.max_len(1), "MaxLength"),
        (str, v.matches_re("(?P<a>a)"), "MatchesRe"),
        (str, v.matches_re("a", re.IGNORECASE), "MatchesRe"),
        (Decimal, v.matches_re("a"), "MatchesRe"),
        (str, v.in_("abc"), "In"),
        (datetime, v.in_([datetime.min]), "In"),
        (str, v.in_([1, "a"]), "In"),
        (Any, v.instance_of(Color), "InstanceOf"),
        (str, v.not_(v.in_(["a"])), "Not"),
        (str, v.or_(v.in_(["a"]), v.in_(["b"])), "Or"),
        (str, v.deep_iterable(v.in_(["a"])), "DeepIterable"),
        (dict[int, int], v.deep_mapping(v.ge(1)), "DeepMapping"),
    ],
)
def test_what_only_code_can_tell_is_a_comment(type_: Any, validator: Any, name: str) -> None:
    told_of = told(type_, validator)

    assert told_of == {**told(type_, None), "$comment": f"also asked in code: {name}"}


def test_least_members_of_a_set_are_told_but_may_be_sent_twice() -> None:
    told_of = told(set[int], v.min_len(2))

    assert told_of["minItems"] == 2
    assert told_of["$comment"] == "also asked in code: MinLength"


def test_what_is_asked_of_what_may_be_null_stands_beside_null() -> None:
    assert told(int | None, v.optional([v.ge(1), is_even])) == {
        "anyOf": [{"type": "integer", "minimum": 1}, NULL],
        "$comment": "also asked in code: is_even",
    }


def test_a_validator_that_fails_on_null_refuses_it() -> None:
    assert told(int | None, v.ge(1)) == {"type": "integer", "minimum": 1}
    assert told(str | None, v.instance_of(str)) == {"type": "string"}


def test_null_among_the_choices_is_taken() -> None:
    assert told(str | None, v.in_(["a", None])) == {
        "anyOf": [{"type": "string", "enum": ["a"]}, NULL]
    }


@pytest.mark.parametrize("options", [[Color.RED], {Color.RED}, (Color.RED,)])
def test_choices_of_members_are_told_by_their_values(options: Any) -> None:
    assert told(Color, v.in_(options)) == {"$ref": "#/$defs/Color", "enum": ["red"]}


def test_an_enum_class_as_the_choices_is_all_its_members() -> None:
    members: Any = Color

    assert told(Color, v.in_(members))["enum"] == ["red", "green"]


def test_choices_among_literals_leave_only_what_is_in_both() -> None:
    assert told(str, [v.in_(["a", "b"]), v.in_(["b", "c"])])["enum"] == ["b"]


def test_a_pattern_beside_another_must_match_too() -> None:
    assert told(str, [v.matches_re("a+"), v.matches_re(".")]) == {
        "type": "string",
        "pattern": "^(?:a+)$",
        "allOf": [{"pattern": "^(?:.)$"}],
    }


def test_validators_after_a_converter_see_what_it_made() -> None:
    assert told(str, v.min_len(1), converter=str.strip) == {
        "type": "string",
        "$comment": "also asked in code: the converter of f",
    }
