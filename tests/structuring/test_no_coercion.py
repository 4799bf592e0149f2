"""Which JSON values each type takes: a whole grid, in which nothing is coerced."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict
from uuid import UUID

import pytest
from attrs import frozen
from cattrs import Converter

from eventrouter.structuring.refusal import type_name
from tests.structuring.converters import build

HUGE = 10**400  # beyond any float
A_MOMENT = datetime(2024, 8, 20, 5, 21, 19, tzinfo=UTC)
A_UUID = UUID("123e4567-e89b-12d3-a456-426614174000")

#: JSON texts, the columns of the grid. Note that ``"true"`` is base64, too.
STRINGS = {
    '""': "",
    '"1"': "1",
    '"abc"': "abc",
    '"true"': "true",
    '"red"': "red",
    '"2024-08-20T05:21:19Z"': "2024-08-20T05:21:19Z",
    '"2024-08-20T05:21:19"': "2024-08-20T05:21:19",
    '"2024-08-20"': "2024-08-20",
    '"05:21:19"': "05:21:19",
    '"P1DT2H"': "P1DT2H",
    '"aGk="': "aGk=",
    '"123e4567-e89b-12d3-a456-426614174000"': str(A_UUID),
    '"1.50"': "1.50",
}
EVERYTHING = {
    "null": None,
    "true": True,
    "false": False,
    "1": 1,
    "0": 0,
    "-1": -1,
    "1.0": 1.0,
    "1.5": 1.5,
    str(HUGE): HUGE,
    **STRINGS,
    "[]": [],
    "[1]": [1],
    '["a"]': ["a"],
    '[1, "a"]': [1, "a"],
    "[true]": [True],
    "{}": {},
    '{"a": 1}': {"a": 1},
    '{"a": "1"}': {"a": "1"},
    '{"a": true}': {"a": True},
    '{"1": 1}': {"1": 1},
}
INTEGERS = {"1": 1, "0": 0, "-1": -1, str(HUGE): HUGE}
BOOLEANS = {"true": True, "false": False}


class Color(Enum):
    RED = "red"


class ColorText(str, Enum):  # noqa: UP042
    RED = "red"


class ColorName(StrEnum):
    RED = "red"


class Level(Enum):
    LOW = 1


class LevelNumber(int, Enum):
    LOW = 1


class LevelInteger(IntEnum):
    LOW = 1


class Ratio(Enum):
    HALF = 1.5


class Mixed(Enum):
    NOTHING = None
    YES = True
    RED = "red"


class OrderId(str): ...


class Cents(int): ...


class Rate(float): ...


Age = NewType("Age", int)


@frozen
class Point:
    a: int


@frozen
class Origin:
    a: int = 0


@dataclass
class DataPoint:
    a: int


@dataclass
class DataOrigin:
    a: int = 0


class PointDict(TypedDict):
    a: int


class OriginDict(TypedDict, total=False):
    a: int


class PointTuple(NamedTuple):
    a: int


class OriginTuple(NamedTuple):
    a: int = 0


#: Type -> JSON text -> what is built. A value that is not listed is refused.
GRID: list[tuple[Any, dict[str, Any]]] = [
    (str, STRINGS),
    (int, INTEGERS),
    (float, {"1": 1.0, "0": 0.0, "-1": -1.0, "1.0": 1.0, "1.5": 1.5}),
    (bool, BOOLEANS),
    (None, {"null": None}),
    (bytes, {'""': b"", '"true"': b"\xb6\xbb\x9e", '"aGk="': b"hi"}),
    (datetime, {'"2024-08-20T05:21:19Z"': A_MOMENT}),
    (date, {'"2024-08-20"': date(2024, 8, 20)}),
    (time, {'"05:21:19"': time(5, 21, 19)}),
    (timedelta, {'"P1DT2H"': timedelta(days=1, hours=2)}),
    (UUID, {'"123e4567-e89b-12d3-a456-426614174000"': A_UUID}),
    (
        Decimal,
        {
            '"1"': Decimal(1),
            '"1.50"': Decimal("1.50"),
            **{text: Decimal(number) for text, number in INTEGERS.items()},
        },
    ),
    (Color, {'"red"': Color.RED}),
    (ColorText, {'"red"': ColorText.RED}),
    (ColorName, {'"red"': ColorName.RED}),
    (Level, {"1": Level.LOW}),
    (LevelNumber, {"1": LevelNumber.LOW}),
    (LevelInteger, {"1": LevelInteger.LOW}),
    (Ratio, {"1.5": Ratio.HALF}),
    (Mixed, {"null": Mixed.NOTHING, "true": Mixed.YES, '"red"': Mixed.RED}),
    (Literal["red"], {'"red"': "red"}),
    (Literal[1], {"1": 1}),
    (Literal[True], {"true": True}),
    (Literal[1, "red", None], {"1": 1, '"red"': "red", "null": None}),
    (Literal[Color.RED], {'"red"': Color.RED}),
    (OrderId, {text: OrderId(value) for text, value in STRINGS.items()}),
    (Cents, {text: Cents(value) for text, value in INTEGERS.items()}),
    (Rate, {"1": Rate(1), "0": Rate(0), "-1": Rate(-1), "1.0": Rate(1), "1.5": Rate(1.5)}),
    (list[int], {"[]": [], "[1]": [1]}),
    (list[float], {"[]": [], "[1]": [1.0]}),
    (list[str], {"[]": [], '["a"]': ["a"]}),
    (list[bool], {"[]": [], "[true]": [True]}),
    (set[int], {"[]": set(), "[1]": {1}}),
    (frozenset[int], {"[]": frozenset(), "[1]": frozenset({1})}),
    (AbstractSet[int], {"[]": set(), "[1]": {1}}),
    (Sequence[int], {"[]": [], "[1]": [1]}),
    (Iterable[int], {"[]": [], "[1]": [1]}),
    (deque[int], {"[]": deque(), "[1]": deque([1])}),
    (tuple[int, ...], {"[]": (), "[1]": (1,)}),
    (tuple[int], {"[1]": (1,)}),
    (tuple[int, str], {'[1, "a"]': (1, "a")}),
    (tuple[()], {"[]": ()}),
    (dict[str, int], {"{}": {}, '{"a": 1}': {"a": 1}, '{"1": 1}': {"1": 1}}),
    (dict[int, int], {"{}": {}, '{"1": 1}': {1: 1}}),
    (Mapping[str, str], {"{}": {}, '{"a": "1"}': {"a": "1"}}),
    (Optional[int], {"null": None, **INTEGERS}),  # noqa: UP045
    (int | str, {**INTEGERS, **STRINGS}),
    (int | bool, {**INTEGERS, **BOOLEANS}),
    (int | float, {**INTEGERS, "1.0": 1.0, "1.5": 1.5}),
    (Color | int, {'"red"': Color.RED, **INTEGERS}),
    (Any, EVERYTHING),
    (object, EVERYTHING),
    (Age, INTEGERS),
    (Annotated[int, "in years"], INTEGERS),
    (Point, {'{"a": 1}': Point(1)}),
    (Origin, {"{}": Origin(0), '{"a": 1}': Origin(1), '{"1": 1}': Origin(0)}),
    (DataPoint, {'{"a": 1}': DataPoint(1)}),
    (DataOrigin, {"{}": DataOrigin(0), '{"a": 1}': DataOrigin(1), '{"1": 1}': DataOrigin(0)}),
    (PointDict, {'{"a": 1}': {"a": 1}}),
    (OriginDict, {"{}": {}, '{"a": 1}': {"a": 1}, '{"1": 1}': {}}),
    (PointTuple, {'{"a": 1}': PointTuple(1), "[1]": PointTuple(1)}),
    (
        OriginTuple,
        {
            "{}": OriginTuple(0),
            '{"a": 1}': OriginTuple(1),
            '{"1": 1}': OriginTuple(0),
            "[]": OriginTuple(0),
            "[1]": OriginTuple(1),
        },
    ),
]


def outcome(make: Any) -> str:
    """What is built, as text: ``1``, ``1.0`` and ``True`` are equal, but not the same."""
    try:
        built = make()
    except Exception:
        return "refused"
    return f"{type(built).__name__} {built!r}"


@pytest.mark.parametrize(("target", "takes"), GRID, ids=[type_name(target) for target, _ in GRID])
def test_a_type_takes_these_values_and_no_others(
    target: Any, takes: dict[str, Any], converter: Converter
) -> None:
    expected = {
        text: f"{type(takes[text]).__name__} {takes[text]!r}" if text in takes else "refused"
        for text in EVERYTHING
    }

    assert takes.keys() <= EVERYTHING.keys()
    assert {
        text: outcome(lambda text=text: converter.structure(json.loads(text), target))
        for text in EVERYTHING
    } == expected


@pytest.mark.parametrize(("target", "takes"), GRID, ids=[type_name(target) for target, _ in GRID])
def test_a_router_builds_the_same(target: Any, takes: dict[str, Any]) -> None:
    built = {
        text: outcome(lambda text=text: build(json.loads(text), target)) for text in EVERYTHING
    }

    assert {text for text, value in built.items() if value != "refused"} == takes.keys()


def test_a_float_of_an_integer_is_a_float(converter: Converter) -> None:
    assert type(converter.structure(1, float)) is float


def test_a_subclass_is_built_as_itself(converter: Converter) -> None:
    assert type(converter.structure("o-1", OrderId)) is OrderId
    assert type(converter.structure(1, Cents)) is Cents
    assert type(converter.structure(1, Rate)) is Rate
