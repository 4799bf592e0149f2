"""What is one JSON string, number, boolean or null: enums of all mixes, literals, texts."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, Final, Literal, NewType
from uuid import UUID

import pytest
from attrs import frozen
from cattrs import Converter, StructureHandlerNotFoundError
from typing_extensions import TypeAliasType

from eventrouter import make_converter
from tests.structuring.converters import mismatches, refuses


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Name(StrEnum):
    RED = "red"


class Text(str, Enum):  # noqa: UP042
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Integer(int, Enum):
    ONE = 1


class Half(float, Enum):
    HALF = 0.5
    ONE = 1.0


class Token(bytes, Enum):
    HI = b"hi"


class Holiday(date, Enum):
    NEW_YEAR = 2024, 1, 1


class Amount(Decimal, Enum):
    FULL = "1.50"


class Rights(Flag):
    READ = 1
    WRITE = 2


class Bits(IntFlag):
    ONE = 1
    TWO = 2


class Coded(int, Enum):
    """An integer in Python whose value in JSON is a code."""

    LOW = "low", 1
    HIGH = "high", 9

    def __new__(cls, code: str, number: int) -> Coded:
        member = int.__new__(cls, number)
        member._value_ = code
        return member


class Shown(Enum):
    RED = "red"

    @property
    def value(self) -> str:
        return "shown elsewhere"


class Lenient(Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value: object) -> Lenient | None:
        return cls.RED if value == "RED" else None


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ("red", Color.RED),
        ("red", Name.RED),
        ("red", Text.RED),
        (1, Number.ONE),
        (1, Integer.ONE),
        (0.5, Half.HALF),
        ("aGk=", Token.HI),
        ("2024-01-01", Holiday.NEW_YEAR),
        ("1.50", Amount.FULL),
        (2, Rights.WRITE),
        (3, Rights.READ | Rights.WRITE),
        (3, Bits.ONE | Bits.TWO),
        ("low", Coded.LOW),
        ("red", Shown.RED),
    ],
)
def test_an_enum_is_read_and_written_by_its_value(
    value: Any, member: Enum, converter: Converter
) -> None:
    assert converter.structure(value, type(member)) is member
    if not isinstance(member, Shown):
        assert converter.unstructure(member) == value


@pytest.mark.parametrize("target", [Color, Name, Text, Number, Half, Rights, Bits, Coded])
@pytest.mark.parametrize(
    "value", [True, False, None, "RED", "1", 7.5, 3.0, -1, 1024, [], ["red"], {}, {"red": 1}]
)
def test_nothing_but_a_value_of_the_enum_is_a_member(
    target: Any, value: Any, converter: Converter
) -> None:
    assert refuses(converter, value, target)


def test_a_flag_remembers_nothing_that_it_was_not_made_of(converter: Converter) -> None:
    for value in (False, True, 8, -1, 2**70):
        assert refuses(converter, value, Bits)

    assert converter.structure(0, Bits) == Bits(0)
    assert converter.structure(0, Rights) == Rights(0)


def test_a_member_of_a_float_enum_may_be_written_as_an_integer(converter: Converter) -> None:
    assert converter.structure(1, Half) is Half.ONE


def test_an_enum_may_read_values_of_its_own(converter: Converter) -> None:
    assert converter.structure("RED", Lenient) is Lenient.RED
    assert refuses(converter, "Red", Lenient)


def test_an_enum_says_which_values_it_has() -> None:
    assert mismatches("blue", Color) == ['$: expected one of "red", "green", got string "blue"']
    assert mismatches(1, Text) == ['$: expected "red", got integer 1']


def test_an_enum_of_values_that_json_lacks_is_refused_at_registration() -> None:
    class Point(Enum):
        ORIGIN = (0, 0)

    with pytest.raises(StructureHandlerNotFoundError, match="the value of ORIGIN is no JSON"):
        make_converter().get_structure_hook(Point)


# Literals


def test_a_literal_says_which_values_it_has_as_json_writes_them() -> None:
    assert mismatches(2, Literal[1, True, None, "a"]) == [
        '$: expected one of 1, true, null, "a", got integer 2'
    ]


@pytest.mark.parametrize("value", [1.0, True, "1", [1], {"1": 1}])
def test_a_literal_is_of_one_type(value: Any, converter: Converter) -> None:
    assert refuses(converter, value, Literal[1])


def test_a_literal_of_literals_has_all_their_values(converter: Converter) -> None:
    target: Any = Literal[Literal["a", "b"], Literal[Color.RED]]  # noqa: RUF041

    assert converter.structure("b", target) == "b"
    assert converter.structure("red", target) is Color.RED


def test_a_literal_of_bytes_is_refused_at_registration() -> None:
    with pytest.raises(StructureHandlerNotFoundError, match="no JSON string, integer, boolean"):
        make_converter().get_structure_hook(Literal[b"a"])


# Wrappings

Age = NewType("Age", int)
Old = NewType("Old", Age)
Alias: Any = TypeAliasType("Alias", list[Age])  # pyright: ignore[reportGeneralTypeIssues]


@frozen
class Person:
    age: Annotated[Old, "in years"]
    born: Final[int] = 0


@pytest.mark.parametrize("target", [Age, Old, Annotated[Old, "in years"], Final[Old]])
def test_a_wrapped_type_is_read_as_what_is_inside(target: Any, converter: Converter) -> None:
    assert converter.structure(1, target) == 1
    assert refuses(converter, "1", target)


def test_wrapped_types_stand_in_classes_and_containers(converter: Converter) -> None:
    assert converter.structure([{"age": 1, "born": 2}], list[Person]) == [Person(Old(Age(1)), 2)]
    assert refuses(converter, [{"age": "1"}], list[Person])


def test_an_alias_is_what_it_stands_for(converter: Converter) -> None:
    assert converter.structure([1], Alias) == [1]
    assert refuses(converter, ["1"], Alias)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is of Python 3.12")
def test_an_alias_may_stand_inside_itself(converter: Converter) -> None:
    names: dict[str, Any] = {}
    exec("type Json = dict[str, Json] | list[Json] | str | int | float | bool | None", names)
    payload = {"a": [1, 1.5, None, True, {"b": "c"}]}

    assert converter.structure(payload, names["Json"]) == payload
    assert refuses(converter, {"a": [b"bytes"]}, names["Json"])


def test_an_alias_is_written_as_what_it_stands_for(converter: Converter) -> None:
    dates = TypeAliasType("dates", list[date])  # pyright: ignore[reportGeneralTypeIssues]

    assert converter.unstructure([date(2024, 8, 20)], dates) == ["2024-08-20"]


# Texts


@pytest.mark.parametrize(
    "text",
    [
        "123E4567-E89B-12D3-A456-426614174000",
        "123e4567e89b12d3a456426614174000",
    ],
)
def test_a_uuid_may_have_capitals_or_lack_its_dashes(text: str, converter: Converter) -> None:
    assert converter.structure(text, UUID) == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{123e4567-e89b-12d3-a456-426614174000}",
        "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
        "123e4567-e89b12d3a456426614174000",
        "123e4567-e89b-12d3-a456-42661417400",
        "123e4567-e89b-12d3-a456-4266141740000",
        " 123e4567-e89b-12d3-a456-426614174000",
        "123e4567-e89b-12d3-a456-42661417400g",
        "１23e4567-e89b-12d3-a456-426614174000",  # noqa: RUF001 - a wide digit
    ],
)
def test_other_spellings_of_a_uuid_are_refused(text: str, converter: Converter) -> None:
    assert refuses(converter, text, UUID)


@pytest.mark.parametrize("text", ["0", "-0", "+1.5", "1.", ".5", "1E+3", "1e-30", "0.10"])
def test_a_decimal_keeps_its_digits(text: str, converter: Converter) -> None:
    assert str(converter.structure(text, Decimal)) == str(Decimal(text))


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "NaN",
        "Infinity",
        "sNaN1",
        "1_000",
        " 1",
        "1\n",
        "1,5",
        "0x1",
        "1e9999999",
        "１",  # noqa: RUF001 - a wide digit
        "1" * 1_001,
        1.5,
    ],
)
def test_other_spellings_of_a_decimal_are_refused(value: Any, converter: Converter) -> None:
    assert refuses(converter, value, Decimal)


@pytest.mark.parametrize("text", ["a", "aGk", "aGk=\n", "aGk=x", "a-_=", "aGk=aGk=", "é"])
def test_what_is_no_base64_is_no_bytes(text: str, converter: Converter) -> None:
    assert refuses(converter, text, bytes)


def test_an_integer_beyond_any_float_is_no_float() -> None:
    assert mismatches(10**400, float) == [
        "$: expected number that a float can hold, got integer of 1329 bits"
    ]
