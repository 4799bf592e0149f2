"""Classes that build themselves, in schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from attrs import frozen

from tests.schemas.agreement import Both, definition_of, schema_of, validator_of

pytest.importorskip("pydantic")
pytest.importorskip("msgspec")

import msgspec
import pydantic
from pydantic.dataclasses import dataclass


class Line(pydantic.BaseModel):
    """A line of a basket."""

    price: float = pydantic.Field(gt=0)


class Basket(pydantic.BaseModel):
    name: str = pydantic.Field(alias="title")
    lines: list[Line] = []
    inside: Basket | None = None


@dataclass
class Seat:
    row: int


class Stop(msgspec.Struct):
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    next: Stop | None = None


class Trip(msgspec.Struct, tag="trip", forbid_unknown_fields=True):
    stops: list[Stop]


class Called(pydantic.BaseModel):
    back: Callable[[], int]


class Strange(msgspec.Struct):
    way: complex


@frozen
class Line2:
    line: Line
    stop: Stop


@pytest.mark.parametrize(
    ("target", "fitting", "others"),
    [
        (
            Basket,
            [{"title": "a"}, {"title": "a", "inside": {"title": "b", "lines": [{"price": 1}]}}],
            [{}, {"title": "a", "lines": [{"price": 0}]}, {"title": 1}],
        ),
        (Seat, [{"row": 1}], [{"row": "1"}, {}]),
        (
            Stop,
            [{"lat": 1}, {"lat": 1.5, "next": {"lat": 2}}],
            [{"lat": 91}, {"lat": 1, "next": 5}],
        ),
        (
            Trip,
            [{"type": "trip", "stops": [{"lat": 1}]}],
            [{"type": "trap", "stops": []}, {"type": "trip", "stops": [], "x": 1}],
        ),
        (
            Line2,
            [{"line": {"price": 1}, "stop": {"lat": 1}}],
            [{"line": {"price": 1}, "stop": {}}, {"line": {}, "stop": {"lat": 1}}],
        ),
    ],
)
def test_its_library_tells_the_schema(target: Any, fitting: list[Any], others: list[Any]) -> None:
    both = Both(target)

    assert all(map(both.assert_agreed, fitting))
    assert not any(map(both.assert_agreed, others))


def test_what_it_refers_to_is_named_after_it() -> None:
    definitions = schema_of(list[Basket | None])["$defs"]

    assert list(definitions) == ["Basket", "Basket.Basket", "Basket.Line"]
    assert definitions["Basket.Line"]["description"] == "A line of a basket."


@pytest.mark.parametrize(("target", "library"), [(Called, "pydantic"), (Strange, "msgspec")])
def test_what_its_library_can_not_tell_only_code_can(target: Any, library: str) -> None:
    validator_of(schema_of(target))

    assert definition_of(target)["$comment"].startswith(f"{library} can't tell: ")
