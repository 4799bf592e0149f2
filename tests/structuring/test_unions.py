"""Unions: each arm is told from the others without trying, or the union is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict
from uuid import UUID

import pytest
from attrs import field, frozen
from cattrs import Converter, StructureHandlerNotFoundError
from typing_extensions import TypeAliasType

from eventrouter import RegistrationError, make_converter
from eventrouter.structuring.refusal import UnsupportedType
from tests.structuring.converters import build, mismatches, refuses


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class OrderId(str): ...


Cents = NewType("Cents", int)


@frozen
class Card:
    kind: Literal["card"]
    number: str


@dataclass
class Cash:
    amount: int
    kind: Literal["cash", "coins"] = "cash"


class Voucher(TypedDict):
    kind: Literal["voucher"]
    code: str


class Method(Enum):
    WIRE = "wire"
    DEBIT = "debit"


@frozen
class Wire:
    kind: Literal[Method.WIRE]
    iban: str


class Point(NamedTuple):
    x: int


Payment = Card | Cash | Voucher | Wire


# By the kind of JSON value


@pytest.mark.parametrize(
    ("target", "value", "built"),
    [
        (int | str, 1, 1),
        (int | str, "1", "1"),
        (int | bool, True, True),
        (int | bool, 1, 1),
        (int | float, 1, 1),
        (int | float, 1.0, 1.0),
        (float | int, 1, 1),
        (float | str, 1, 1.0),
        (float | bool | None, 1, 1.0),
        (datetime | int, "2024-08-20T00:00:00Z", datetime(2024, 8, 20, tzinfo=UTC)),
        (UUID | int | None, None, None),
        (list[int] | int, [1], [1]),
        (list[int] | dict[str, int], {"a": 1}, {"a": 1}),
        (list[int] | dict[str, int], [1], [1]),
        (Card | str, "card", "card"),
        (Card | str, {"kind": "card", "number": "1"}, Card("card", "1")),
        (Card | list[Card], [{"kind": "card", "number": "1"}], [Card("card", "1")]),
        (Point | int, [1], Point(1)),
        (Point | int, {"x": 1}, Point(1)),
        (OrderId | int, "o-1", OrderId("o-1")),
        (Cents | str, 1, 1),
        (Annotated[int, "in cents"] | str, 1, 1),
        (Decimal | float, 1.5, 1.5),
        (Decimal | float, "1.5", Decimal("1.5")),
        (int | Any, "x", "x"),
    ],
    ids=str,
)
def test_an_arm_is_chosen_by_the_kind_of_value(
    target: Any, value: Any, built: Any, converter: Converter
) -> None:
    chosen = converter.structure(value, target)

    assert chosen == built
    assert type(chosen) is type(built)


@pytest.mark.parametrize("value", [None, 1.5, True, [], {}])
def test_a_value_of_no_arm_is_refused(value: Any, converter: Converter) -> None:
    assert refuses(converter, value, int | str)


def test_what_is_refused_names_all_arms() -> None:
    assert mismatches(None, int | str | Literal["a"]) == [
        '$: expected "a" or string or integer, got null'
    ]


def test_an_arm_that_is_chosen_says_what_is_wrong_inside() -> None:
    assert mismatches({"a": [1, "2"]}, dict[str, list[int] | str]) == [
        '$.a[1]: expected integer, got string "2"'
    ]


# Literals and enums beside a type of their kind


@pytest.mark.parametrize(
    ("target", "value", "built"),
    [
        (Literal["auto"] | str, "auto", "auto"),
        (Literal["auto"] | str, "other", "other"),
        (Literal["auto"] | int, "auto", "auto"),
        (Literal["auto"] | date, "2024-08-20", date(2024, 8, 20)),
        (Literal["auto"] | date, "auto", "auto"),
        (Color | str, "red", Color.RED),
        (Color | str, "blue", "blue"),
        (str | Color, "red", Color.RED),
        (Level | int, 1, Level.LOW),
        (Level | int, 2, 2),
        (Level | Color, "red", Color.RED),
        (Level | Literal["high"] | None, "high", "high"),
        (Literal[1] | float, 1, 1),
        (Literal[1] | float, 2, 2.0),
    ],
    ids=str,
)
def test_a_named_value_goes_before_a_type_of_its_kind(
    target: Any, value: Any, built: Any, converter: Converter
) -> None:
    chosen = converter.structure(value, target)

    assert chosen == built
    assert type(chosen) is type(built)


def test_a_value_that_only_equals_a_named_one_is_none(converter: Converter) -> None:
    truth: Any = Literal[1] | bool
    number: Any = Literal[1] | float

    assert converter.structure(True, truth) is True
    assert type(converter.structure(1.0, number)) is float


# By a tag


@pytest.mark.parametrize(
    ("value", "built"),
    [
        ({"kind": "card", "number": "1"}, Card("card", "1")),
        ({"kind": "cash", "amount": 1}, Cash(1)),
        ({"kind": "coins", "amount": 1}, Cash(1, "coins")),
        ({"kind": "voucher", "code": "a"}, {"kind": "voucher", "code": "a"}),
        ({"kind": "wire", "iban": "a"}, Wire(Method.WIRE, "a")),
    ],
)
@pytest.mark.parametrize("target", [Payment, Payment | None, Payment | int | list[str]], ids=str)
def test_a_class_is_chosen_by_its_tag(
    target: Any, value: Any, built: Any, converter: Converter
) -> None:
    assert converter.structure(value, target) == built


def test_a_tag_that_is_none_of_them_is_refused() -> None:
    known = 'one of "card", "cash", "coins", "voucher", "wire"'

    assert mismatches({"kind": "cheque"}, Payment) == [
        f'$: expected object whose "kind" is {known}, got object'
    ]
    assert mismatches({"kind": ["card"]}, Payment) == [
        f'$: expected object whose "kind" is {known}, got object'
    ]
    assert mismatches({"number": "1"}, Payment) == [
        f'$: expected object with a member "kind", {known}, got object'
    ]


@pytest.mark.parametrize("value", [None, "card", ["kind"], 1])
def test_only_an_object_has_a_tag(value: Any, converter: Converter) -> None:
    assert refuses(converter, value, Payment)


@frozen
class Created:
    a_kind: Literal["created"] = field(alias="type")


@frozen
class Deleted:
    another_kind: Literal["deleted"] = field(alias="type")


def test_a_tag_is_found_by_its_alias(converter: Converter) -> None:
    target: Any = Created | Deleted

    assert converter.structure({"type": "deleted"}, target) == Deleted("deleted")


@frozen
class Number:
    op: Literal[1]


@frozen
class Truth:
    op: Literal[True]


def test_tags_are_told_apart_by_type(converter: Converter) -> None:
    target: Any = Number | Truth

    assert converter.structure({"op": True}, target) == Truth(True)
    assert converter.structure({"op": 1}, target) == Number(1)
    assert refuses(converter, {"op": 1.0}, target)


def test_an_annotation_around_a_class_does_not_hide_its_tag(converter: Converter) -> None:
    target: Any = Annotated[Card, "by chip"] | Cash

    assert converter.structure({"kind": "card", "number": "1"}, target) == Card("card", "1")


@frozen
class Plus:
    op: Literal["+"]
    left: Expression
    right: Expression


class Minus(TypedDict):
    op: Literal["-"]
    of: Expression


@frozen
class Const:
    op: Literal["="]
    value: int


Expression = Plus | Minus | Const


def test_tagged_classes_may_stand_inside_each_other(converter: Converter) -> None:
    target: Any = Expression
    one = {"op": "=", "value": 1}
    tree = {"op": "+", "left": {"op": "-", "of": one}, "right": one}

    assert converter.structure(tree, target) == Plus(
        "+", {"op": "-", "of": Const("=", 1)}, Const("=", 1)
    )


# By a member that only one has


@frozen
class ByMail:
    mail: str
    name: str = ""


class ByPhone(TypedDict):
    phone: str
    name: NotRequired[str]


@frozen
class Anonymous:
    name: str = ""


@frozen
class Silent:
    name: str = ""


@frozen
class Loud:
    volume: int = 11


@pytest.mark.parametrize(
    "target", [ByMail | ByPhone | Anonymous, ByMail | ByPhone | Anonymous | None]
)
def test_a_class_is_chosen_by_a_member_of_its_own(target: Any, converter: Converter) -> None:
    assert converter.structure({"mail": "a"}, target) == ByMail("a")
    assert converter.structure({"phone": "1"}, target) == {"phone": "1"}
    assert converter.structure({"name": "b"}, target) == Anonymous("b")


def test_an_object_with_the_members_of_two_classes_is_refused() -> None:
    expected = ['$: expected object with exactly one of "mail", "phone", got object']

    assert mismatches({"mail": "a", "phone": "1"}, ByMail | ByPhone) == expected
    assert mismatches({"name": "a"}, ByMail | ByPhone) == expected


# Optional


@pytest.mark.parametrize("target", [Optional[Card], Card | None, None | Card])  # noqa: UP045
def test_null_is_none_where_the_type_is_optional(target: Any, converter: Converter) -> None:
    assert converter.structure(None, target) is None
    assert converter.structure({"kind": "card", "number": "1"}, target) == Card("card", "1")


def test_what_an_optional_type_refuses_names_null_too() -> None:
    assert mismatches({"a": "1"}, dict[str, int | None]) == [
        '$.a: expected integer or null, got string "1"'
    ]


def test_an_optional_class_says_what_is_wrong_inside() -> None:
    assert mismatches({"kind": "card"}, Card | None) == ["$.number: expected a value, got nothing"]


def test_a_union_behind_an_alias_is_a_union(converter: Converter) -> None:
    alias: Any = TypeAliasType("alias", Card | Cash)  # pyright: ignore[reportGeneralTypeIssues]

    assert converter.structure({"kind": "cash", "amount": 1}, alias) == Cash(1)
    or_null: Any = alias | None
    or_array: Any = alias | list[int]
    assert converter.structure(None, or_null) is None
    assert converter.structure([1], or_array) == [1]


# What can't be told apart

ALIAS: Any = TypeAliasType("alias", Cash | str)  # pyright: ignore[reportGeneralTypeIssues]
UNKNOWN: Any = TypeAliasType("unknown", complex | int)  # pyright: ignore[reportGeneralTypeIssues]


@pytest.mark.parametrize(
    ("target", "fix"),
    [
        (str | bytes, "can't tell bytes from str, both are written as string in JSON; register"),
        (str | datetime, "can't tell datetime from str, both are written as string"),
        (Decimal | str, "can't tell str from Decimal, both are written as string"),
        (list[int] | set[str], r"can't tell set\[str\] from list\[int\]"),
        (Card | dict[str, int], r"can't tell dict\[str, int\] from Card, both are written as obj"),
        (Point | Card, "can't tell Card from Point"),
        (Anonymous | Silent, r'give each a tag, such as kind: Literal\["anonymous"\], or a requ'),
        (Silent | Loud, "can't tell Silent from Loud; give each a tag"),
        (Level | Literal[1], "two of its arms have the value 1"),
        (Color | Literal["red"], "two of its arms have the value 'red'"),
        (Card | ALIAS, "can't tell alias from Card"),
        (str | UNKNOWN, "can't tell unknown from the rest"),
        (complex | int, "can't tell complex from the rest; register a hook for the union"),
    ],
    ids=str,
)
def test_arms_that_json_does_not_tell_apart_are_refused_at_registration(
    target: Any, fix: str
) -> None:
    with pytest.raises(UnsupportedType, match=fix) as caught:
        make_converter().get_structure_hook(target)

    assert isinstance(caught.value, StructureHandlerNotFoundError)


def test_classes_with_one_tag_in_common_are_refused_at_registration() -> None:
    @frozen
    class AlsoCard:
        kind: Literal["card"] = "card"

    @frozen
    class OtherCard:
        kind: Literal["card", "other"] = "card"

    with pytest.raises(UnsupportedType, match="can't tell AlsoCard from OtherCard"):
        make_converter().get_structure_hook(AlsoCard | OtherCard)


def test_a_class_with_a_hook_of_its_own_is_refused_in_a_union_of_classes() -> None:
    converter = make_converter()
    converter.register_structure_hook(Card, lambda value, _: value)

    with pytest.raises(UnsupportedType, match="a hook of its own; register a hook for the union"):
        converter.get_structure_hook(Card | Cash)


@frozen
class Twin:
    other: Twin | Sibling | None = None


@frozen
class Sibling:
    other: Twin | None = None


def test_arms_found_alike_when_first_used_are_a_fault_of_the_code() -> None:
    with pytest.raises(RegistrationError, match="can't tell Twin from Sibling"):
        build({"other": {}}, Twin)
