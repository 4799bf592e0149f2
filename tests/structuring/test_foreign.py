"""Classes that build themselves: pydantic models and dataclasses, msgspec structs."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import pytest
from attrs import frozen
from cattrs import Converter

from eventrouter import make_converter
from tests.structuring.converters import build, errors_of, mismatches, refuses

pytest.importorskip("pydantic")
pytest.importorskip("msgspec")

import msgspec
import pydantic
from pydantic.dataclasses import dataclass

T = TypeVar("T")


class Color(Enum):
    RED = "red"


class Line(pydantic.BaseModel):
    price: float = pydantic.Field(gt=0)
    at: datetime | None = None


class Basket(pydantic.BaseModel):
    name: str
    lines: list[Line] = pydantic.Field(default_factory=list)
    odd: int = pydantic.Field(default=1, alias="odd key")
    either: int | str = 1
    by_name: dict[str, int] = pydantic.Field(default_factory=dict)


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Page(pydantic.BaseModel, Generic[T]):
    item: T


@dataclass
class Seat:
    row: int
    free: bool = True


class Stop(msgspec.Struct):
    lat: float
    odd: int = msgspec.field(default=1, name="odd key")


class Trip(msgspec.Struct):
    name: str
    stops: list[Stop] = msgspec.field(default_factory=list)
    by_number: dict[int, str] = msgspec.field(default_factory=dict)
    color: Color = Color.RED
    id: UUID | None = None
    seats: Annotated[int, msgspec.Meta(ge=1)] = 1


class Exact(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Slice(msgspec.Struct, Generic[T]):
    item: T


@frozen
class Everything:
    baskets: list[Basket]
    trips: dict[str, Trip]
    seat: Seat | None = None


# pydantic


def test_a_pydantic_model_is_built(converter: Converter) -> None:
    built = converter.structure(
        {"name": "a", "lines": [{"price": 1, "at": "2024-08-20T00:00:00Z"}], "odd key": 2}, Basket
    )

    assert built.lines[0].at == datetime(2024, 8, 20, tzinfo=UTC)
    assert (built.lines[0].price, built.odd) == (1.0, 2)


def test_a_pydantic_dataclass_and_a_root_and_a_generic_model_are_built(
    converter: Converter,
) -> None:
    assert converter.structure({"row": 1}, Seat) == Seat(1)
    assert converter.structure([1], Numbers) == Numbers([1])
    assert converter.structure({"item": 1}, Page[int]) == Page[int](item=1)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (Basket, {"name": 1}),
        (Basket, {"name": "a", "odd key": "1"}),
        (Basket, {"name": "a", "lines": [{"price": "1"}]}),
        (Basket, []),
        (Basket, None),
        (Seat, {"row": "1"}),
        (Seat, {"row": 1, "free": "true"}),
        (Seat, {"row": True}),
        (Numbers, ["1"]),
        (Page[int], {"item": "1"}),
    ],
    ids=str,
)
def test_pydantic_coerces_nothing(target: Any, value: Any, converter: Converter) -> None:
    assert refuses(converter, value, target)


def test_a_pydantic_model_says_where_it_does_not_fit() -> None:
    payload = {
        "name": 1,
        "lines": [{"price": 1}, {"price": -1, "at": "noon"}, {}],
        "odd key": "1",
        "either": [],
        "by_name": {"a b": "c"},
    }

    assert [(error.path, error.got) for error in errors_of(payload, Basket)] == [
        ("$.name", "integer 1"),
        ("$.lines[1].price", "integer -1"),
        ("$.lines[1].at", 'string "noon"'),
        ("$.lines[2].price", "nothing"),
        ('$["odd key"]', 'string "1"'),
        ("$.either", "array of 0"),
        ("$.either", "array of 0"),
        ('$.by_name["a b"]', 'string "c"'),
    ]


def test_a_pydantic_model_says_what_was_expected() -> None:
    assert mismatches({"name": 1}, Basket) == [
        "$.name: expected a value that pydantic takes (Input should be a valid string), "
        "got integer 1"
    ]


def test_of_very_many_errors_of_a_pydantic_model_only_the_number_is_told() -> None:
    payload = {"name": "a", "lines": [{}] * 100_000}

    assert mismatches(payload, Basket) == [
        "$: expected a value that pydantic takes (it finds 100,000 errors), got object"
    ]


def test_of_many_errors_of_a_pydantic_model_20_are_told() -> None:
    assert len(mismatches({"name": "a", "lines": [{}] * 500}, Basket)) == 20


def test_a_pydantic_model_is_written_by_alias(converter: Converter) -> None:
    built = converter.structure({"name": "a", "odd key": 2}, Basket)

    assert converter.structure(converter.unstructure(built), Basket) == built


# msgspec


def test_a_msgspec_struct_is_built(converter: Converter) -> None:
    payload = {"name": "a", "stops": [{"lat": 1, "odd key": 2}], "by_number": {"1": "a"}}

    assert converter.structure(payload, Trip) == Trip("a", [Stop(1.0, 2)], {1: "a"})
    assert converter.structure({"item": 1}, Slice[int]) == Slice(1)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (Trip, {"name": 1}),
        (Trip, {"name": "a", "seats": "1"}),
        (Trip, {"name": "a", "seats": 1.5}),
        (Trip, {"name": "a", "seats": True}),
        (Trip, []),
        (Trip, None),
        (Slice[int], {"item": "1"}),
        (Stop, {"lat": 10**400}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_msgspec_coerces_nothing(target: Any, value: Any, converter: Converter) -> None:
    assert refuses(converter, value, target)


@pytest.mark.parametrize(
    ("target", "value", "mismatch"),
    [
        (Trip, {"name": 1}, "$.name: expected str, got integer 1"),
        (Trip, [], "$: expected object, got array of 0"),
        (
            Trip,
            {"name": "a", "stops": [{"lat": 1}, {"lat": "1"}]},
            '$.stops[1].lat: expected float, got string "1"',
        ),
        (
            Trip,
            {"name": "a", "stops": [{"lat": 1, "odd key": None}]},
            '$.stops[0]["odd key"]: expected int, got null',
        ),
        (
            Trip,
            {"name": "a", "by_number": {"x": "a"}},
            "$.by_number: expected int as the name of a member, got str",
        ),
        (
            Trip,
            {"name": "a", "by_number": {"1": None}},
            "$.by_number[...]: expected str, got null",
        ),
        (Trip, {"name": "a", "seats": 0}, "$.seats: expected int >= 1, got integer 0"),
        (
            Trip,
            {"name": "a", "id": "1"},
            '$.id: expected a value that msgspec takes (Invalid UUID), got string "1"',
        ),
        (
            Trip,
            {"stops": []},
            "$: expected a value that msgspec takes (Object missing required field name), "
            "got object",
        ),
        (
            Exact,
            {"a": 1, "b": 2},
            "$: expected a value that msgspec takes (Object contains unknown field b), got object",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_msgspec_struct_says_where_it_does_not_fit(
    target: Any, value: Any, mismatch: str
) -> None:
    assert mismatches(value, target) == [mismatch]


def test_null_is_told_only_where_the_optional_struct_itself_stands() -> None:
    assert mismatches({"name": 1}, Trip | None) == ["$.name: expected str, got integer 1"]
    assert mismatches(1, Trip | None) == ["$: expected object or null, got integer 1"]


def test_a_msgspec_struct_is_written_by_its_names_in_json(converter: Converter) -> None:
    built = Trip("a", [Stop(1.0, 2)], {1: "a"}, id=UUID(int=1))

    assert converter.structure(converter.unstructure(built), Trip) == built


# Inside other classes


def test_they_stand_in_attrs_classes_and_containers(converter: Converter) -> None:
    built = converter.structure(
        {"baskets": [{"name": "a"}], "trips": {"b": {"name": "c"}}, "seat": {"row": 1}}, Everything
    )

    assert built == Everything([Basket(name="a")], {"b": Trip("c")}, Seat(1))
    assert converter.structure(converter.unstructure(built), Everything) == built


def test_their_paths_go_on_from_where_they_stand() -> None:
    payload = {
        "baskets": [{"name": "a"}, {"name": "b", "lines": [{}]}],
        "trips": {"odd key": {"name": "c", "stops": [{"lat": "1"}]}},
        "seat": {"row": "1"},
    }

    assert [error.path for error in errors_of(payload, Everything)] == [
        "$.baskets[1].lines[0].price",
        '$.trips["odd key"].stops[0].lat',
        "$.seat.row",
    ]


@pytest.mark.parametrize("target", [Basket, Trip])
def test_a_list_of_100_000_wrong_ones_is_left_after_20(target: Any) -> None:
    assert len(errors_of([{"name": 1}] * 100_000, list[target])) == 20


@pytest.mark.parametrize("target", [Basket, Trip, Seat])
def test_a_hook_of_the_user_wins(target: Any) -> None:
    converter = make_converter()
    converter.register_structure_hook(target, lambda value, _: ("mine", value))

    assert build([1], target, converter) == ("mine", [1])
