"""The schema of each kind of type."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import attrs
import pytest
from attrs import Factory, frozen
from cattrs import Converter, override
from cattrs.gen import make_dict_structure_fn
from typing_extensions import Doc, TypeAliasType

from eventrouter import make_converter
from eventrouter.schemas.types import SchemaReader
from tests.schemas.agreement import (
    core_of,
    definition_of,
    property_of,
    schema_of,
    validator_of,
)

T = TypeVar("T")
Age = NewType("Age", int)
Ages: Any = TypeAliasType("Ages", list[Age])  # pyright: ignore[reportGeneralTypeIssues]


class OrderId(str): ...


class Color(Enum):
    """What it looks like."""

    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Size(StrEnum):
    S = "s"


class Rate(Decimal, Enum):
    LOW = "0.5"


class Known(Enum):
    YES = "yes"

    @classmethod
    def _missing_(cls, value: object) -> Known:
        return cls.YES


class Bits(Flag):
    A = 1
    C = 4


INTEGER, STRING, NUMBER, NULL = ({"type": kind} for kind in ("integer", "string", "number", "null"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Any, {}),
        (object, {}),
        (str, STRING),
        (OrderId, STRING),
        (int, INTEGER),
        (Age, INTEGER),
        (Annotated[int, "in years"], INTEGER),
        (Final[int], INTEGER),
        (Ages, {"type": "array", "items": INTEGER}),
        (float, NUMBER),
        (bool, {"type": "boolean"}),
        (None, NULL),
        (list[int], {"type": "array", "items": INTEGER}),
        (list, {"type": "array"}),
        (Sequence[int], {"type": "array", "items": INTEGER}),
        (Iterable[int], {"type": "array", "items": INTEGER}),
        (deque[int], {"type": "array", "items": INTEGER}),
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (tuple, {"type": "array"}),
        (tuple[()], {"type": "array", "maxItems": 0}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [INTEGER, STRING], "items": False, "minItems": 2},
        ),
        (set[int], {"type": "array", "items": INTEGER}),
        (
            frozenset[Any],
            {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        ),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (Mapping[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (
            dict[Literal["a", "b"], int],
            {
                "type": "object",
                "propertyNames": {"type": "string", "enum": ["a", "b"]},
                "additionalProperties": INTEGER,
            },
        ),
        (
            dict[int, Any],
            {
                "type": "object",
                "propertyNames": {
                    "type": "string",
                    "pattern": "^(?:-?(?:0|[1-9][0-9]*))$",
                    "maxLength": 40,
                },
            },
        ),
        (int | None, {"anyOf": [INTEGER, NULL]}),
        (int | str | None, {"anyOf": [INTEGER, STRING, NULL]}),
        (int | Any, {}),
        (Literal["a", 1, True, None], {"type": ["string", "integer", "boolean", "null"],
                                       "enum": ["a", 1, True, None]}),
        (Literal[Color.RED], {"type": "string", "enum": ["red"]}),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_is_told_by_the_json_it_is_built_from(target: Any, expected: dict[str, Any]) -> None:
    assert core_of(target) == expected


@pytest.mark.parametrize(
    ("target", "format"),
    [(datetime, "date-time"), (date, "date"), (time, None), (timedelta, None), (UUID, None)],
)
def test_text_has_a_pattern_and_a_format_where_that_refuses_nothing_more(
    target: Any, format: str | None
) -> None:
    schema = core_of(target)

    assert schema["type"] == "string"
    assert "pattern" in schema
    assert schema.get("format") == format


def test_bytes_are_told_as_base64() -> None:
    assert core_of(bytes)["contentEncoding"] == "base64"


def test_a_decimal_may_be_an_integer_too() -> None:
    assert core_of(Decimal)["type"] == ["string", "integer"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Color, {"type": "string", "enum": ["red", "green"]}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (Size, {"type": "string", "enum": ["s"]}),
        (Known, {"type": "string", "$comment": "Known looks its members up in code"}),
        (
            Bits,
            {"type": "integer", "minimum": 0, "maximum": 5,
             "$comment": "only sums of the members of Bits"},
        ),
    ],
)  # fmt: skip
def test_an_enum_is_told_by_the_values_of_its_members(
    target: Any, expected: dict[str, Any]
) -> None:
    definition = definition_of(target)
    definition.pop("description", None)

    assert definition == {"title": target.__name__, **expected}


def test_an_enum_of_values_that_are_no_json_is_told_by_how_they_are_written() -> None:
    definition = definition_of(Rate)

    assert definition["pattern"] == core_of(Decimal)["pattern"]
    assert definition["$comment"] == "only the values of the members of Rate"


def test_names_built_to_an_enum_of_integers_are_their_digits() -> None:
    assert core_of(dict[Level, Any])["propertyNames"] == {"type": "string", "enum": ["1", "2"]}


# Classes


@frozen
class Line:
    price: Decimal
    quantity: int = 1


@frozen
class Order:
    """
    What somebody bought.

    All of it.
    """

    order_id: str = attrs.field(alias="id")
    lines: list[Line]
    note: Annotated[str | None, Doc("What the buyer wrote.")] = None
    tags: set[str] = Factory(set)
    at: datetime = Factory(lambda: datetime.now())
    key: str = attrs.field(init=False, default="")


def test_an_attrs_class_is_an_object_of_its_fields_by_their_aliases() -> None:
    definition = definition_of(Order)

    assert definition["type"] == "object"
    assert list(definition["properties"]) == ["id", "lines", "note", "tags", "at"]
    assert definition["required"] == ["id", "lines"]
    assert definition["properties"]["lines"] == {"type": "array", "items": {"$ref": "#/$defs/Line"}}


def test_docstrings_are_descriptions() -> None:
    assert definition_of(Order)["description"] == "What somebody bought.\n\nAll of it."
    assert property_of(Order, "note")["description"] == "What the buyer wrote."
    assert definition_of(Color)["description"] == "What it looks like."


def test_defaults_are_told_in_json_if_they_are_the_same_every_time() -> None:
    assert property_of(Line, "quantity")["default"] == 1
    assert property_of(Order, "note")["default"] is None
    assert property_of(Order, "tags")["default"] == []
    assert "default" not in property_of(Order, "at")


@frozen
class Odd:
    far: float = float("inf")
    no_color: Color = "none"  # type: ignore[assignment]
    of_itself: int = Factory(lambda self: 5, takes_self=True)


@pytest.mark.parametrize("name", ["far", "no_color", "of_itself"])
def test_a_default_that_can_not_be_told_is_left_out(name: str) -> None:
    assert "default" not in property_of(Odd, name)


@dataclass
class Data:
    x: int
    y: list[int] = field(default_factory=list)
    z: int = 3
    k: int = field(default_factory=lambda: 5)


def test_a_generated_docstring_is_no_description() -> None:
    assert definition_of(Data) == {
        "title": "Data",
        "type": "object",
        "properties": {
            "x": INTEGER,
            "y": {"type": "array", "items": INTEGER, "default": []},
            "z": {"type": "integer", "default": 3},
            "k": INTEGER,
        },
        "required": ["x"],
    }


class Options(TypedDict):
    name: str
    kind: NotRequired[Annotated[str, override(rename="type")]]
    hidden: Annotated[int, override(omit=True)]


def test_a_typed_dict_is_an_object_by_the_names_it_gives() -> None:
    definition = definition_of(Options)

    assert definition["properties"] == {"name": STRING, "type": STRING}
    assert definition["required"] == ["name"]


class Point(NamedTuple):
    x: int
    y: int = 0


class Nothing(NamedTuple): ...


def test_a_named_tuple_is_an_object_or_an_array() -> None:
    y = {"type": "integer", "default": 0}

    assert definition_of(Point)["anyOf"] == [
        {"type": "object", "properties": {"x": INTEGER, "y": y}, "required": ["x"]},
        {"type": "array", "items": False, "minItems": 1, "prefixItems": [INTEGER, y]},
    ]
    assert validator_of(schema_of(Nothing)).is_valid([])


@frozen
class Page(Generic[T]):
    items: list[T]
    next: Page[T] | None = None


def test_a_generic_class_is_told_with_what_fills_it() -> None:
    schema = schema_of(Page[int])

    assert schema["$ref"] == "#/$defs/Page_int"
    assert schema["$defs"]["Page_int"]["title"] == "Page[int]"
    assert schema["$defs"]["Page_int"]["properties"]["items"]["items"] == INTEGER


def test_a_class_inside_itself_is_referred_to() -> None:
    of_next = property_of(Page[int], "next")

    assert of_next["anyOf"] == [{"$ref": "#/$defs/Page_int"}, NULL]


def test_two_classes_of_one_name_are_told_apart() -> None:
    other: Any = attrs.make_class("Line", {"a": attrs.field(type=str)})
    third: Any = attrs.make_class("Line", {"b": attrs.field(type=str)})
    schema = schema_of(tuple[Line, other, third, Line])

    module = __name__
    names = [place["$ref"] for place in schema["prefixItems"]]
    assert names == [
        "#/$defs/Line",
        f"#/$defs/{module}.Line",
        f"#/$defs/{module}.Line.2",
        "#/$defs/Line",
    ]
    assert list(schema["$defs"]) == ["Line", f"{module}.Line", f"{module}.Line.2"]


# The converter


def test_a_converter_that_forbids_extra_keys_says_so() -> None:
    converter = make_converter(forbid_extra_keys=True)

    for target in (Line, Options):
        assert definition_of(target, converter)["additionalProperties"] is False
    assert definition_of(Point, converter)["anyOf"][0]["additionalProperties"] is False


def test_two_fields_of_one_member_ask_for_both() -> None:
    converter = make_converter()
    renaming = make_dict_structure_fn(
        Data, converter, x=override(rename="n"), z=override(rename="n"), y=override(omit=True)
    )
    converter.register_structure_hook(Data, renaming)

    assert definition_of(Data, converter)["properties"] == {
        "n": {"type": "integer", "allOf": [{"type": "integer", "default": 3}]},
        "k": INTEGER,
    }


@frozen
class Money:
    cents: int


@frozen
class Paid:
    total: Money
    rest: Money | None = None


class ReadMoney:
    json_schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$"}  # noqa: RUF012

    def __call__(self, value: str, _: Any) -> Money:
        return Money(int(value.replace(".", "")))


def test_what_a_hook_of_the_user_s_reads_only_code_can_tell() -> None:
    converter = make_converter()
    converter.register_structure_hook(Money, lambda value, _: Money(value))

    comment = {"$comment": "Money is read by a hook of its own"}
    assert property_of(Paid, "total", converter) == comment
    assert property_of(Paid, "rest", converter) == {
        "anyOf": [comment, NULL],
        "default": None,
    }


def test_a_hook_of_the_user_s_may_bring_its_schema() -> None:
    converter = make_converter()
    converter.register_structure_hook(Money, ReadMoney())

    assert property_of(Paid, "total", converter) == ReadMoney.json_schema


def test_a_field_with_a_hook_of_its_own_only_code_can_tell() -> None:
    class Cut(TypedDict):
        name: Annotated[str, override(struct_hook=lambda value, _: str(value)[:5])]

    assert property_of(Cut, "name") == {"$comment": "name is read by a hook of its own"}


def test_of_what_another_converter_reads_only_the_names_are_told() -> None:
    """cattrs's own hooks make text of anything."""
    assert property_of(Data, "x", Converter()) == {"$comment": "int is read by a hook of its own"}


@pytest.mark.parametrize("target", [complex, Path])
def test_of_what_nothing_builds_nothing_is_known(target: Any) -> None:
    """It is refused at the latest when an event arrives."""
    schema = SchemaReader(make_converter()).schema_of(target)

    assert schema == {"$comment": f"nothing is known of {target.__name__}"}


def test_what_stands_for_nothing_takes_anything() -> None:
    assert core_of(list[T]) == {"type": "array"}  # type: ignore[valid-type]
    assert core_of(dict[T, Any]) == {"type": "object"}  # type: ignore[valid-type]
