"""What ``Annotated`` asks in the words of annotated-types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, NewType, NotRequired, TypedDict

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf, Predicate
from attrs import frozen
from cattrs import Converter

from eventrouter import Router
from tests.schemas.agreement import core_of
from tests.structuring.converters import build, mismatches, refuses

Adult = Annotated[int, Ge(18)]
Grown = NewType("Grown", Adult)  # pyright: ignore[reportGeneralTypeIssues]
INTEGER, STRING = {"type": "integer"}, {"type": "string"}
GRID: list[tuple[Any, list[Any], list[Any], dict[str, Any]]] = [
    (Annotated[int, Ge(2)], [2, 3], [1], {**INTEGER, "minimum": 2}),
    (Annotated[int, Gt(2)], [3], [2], {**INTEGER, "exclusiveMinimum": 2}),
    (Annotated[float, Le(2.5)], [2.5, 2], [2.6], {"type": "number", "maximum": 2.5}),
    (Annotated[int, Lt(2)], [1], [2], {**INTEGER, "exclusiveMaximum": 2}),
    (Annotated[int, MultipleOf(3)], [6], [7], {**INTEGER, "multipleOf": 3}),
    (
        Annotated[int, Interval(ge=1, lt=3)],
        [1, 2],
        [0, 3],
        {**INTEGER, "minimum": 1, "exclusiveMaximum": 3},
    ),
    (Annotated[str, MinLen(2)], ["ab"], ["a"], {**STRING, "minLength": 2}),
    (Annotated[str, Len(1, 2)], ["a"], ["", "abc"], {**STRING, "minLength": 1, "maxLength": 2}),
    (
        Annotated[list[int], MaxLen(1)],
        [[], [1]],
        [[1, 2]],
        {"type": "array", "items": INTEGER, "maxItems": 1},
    ),
    (
        Annotated[str, Predicate(str.isupper)],
        ["A"],
        ["a"],
        {**STRING, "$comment": "also asked in code: what passes str.isupper"},
    ),
    (
        Annotated[set[int], MinLen(2)],
        [[1, 2]],
        [[1, 1]],
        {
            "type": "array",
            "items": INTEGER,
            "$comment": "also asked in code: a length of at least 2",
        },
    ),
    (
        Annotated[int | None, Ge(2)],
        [None, 2],
        [1],
        {"anyOf": [{**INTEGER, "minimum": 2}, {"type": "null"}]},
    ),
    (Annotated[Grown, Lt(30)], [18], [17, 30], {**INTEGER, "minimum": 18, "exclusiveMaximum": 30}),
    (Annotated[int, "in years", object()], [-1], [], INTEGER),
]


@pytest.mark.parametrize(("target", "fitting", "others", "schema"), GRID)
def test_what_is_asked_is_asked_of_what_was_built_and_told_in_the_schema(
    target: Any, fitting: list[Any], others: list[Any], schema: Any, converter: Converter
) -> None:
    assert not any(refuses(converter, value, target) for value in fitting)
    assert all(refuses(converter, value, target) for value in others)
    assert core_of(target) == schema


@frozen
class Person:
    age: Adult
    name: Annotated[str, Len(1, 5)] = "?"


def test_a_refusal_says_what_was_asked() -> None:
    assert mismatches({"age": 17, "name": ""}, Person) == [
        "$.age: expected at least 18, got integer 17",
        '$.name: expected a length of at least 1, got string ""',
    ]
    assert build({"age": 18, "name": "Ann"}, Person) == Person(18, "Ann")


@dataclass
class Data:
    age: Adult


class Dict(TypedDict):
    age: Adult


class Named(NamedTuple):
    age: Adult


class Of(Dict):
    more: NotRequired[list[Adult]]


@pytest.mark.parametrize(
    "target", [Data, Dict, Named, Of, dict[str, Adult], dict[str, Adult | None]]
)
def test_it_is_asked_in_classes_of_every_kind(target: Any, converter: Converter) -> None:
    assert not refuses(converter, {"age": 18}, target)
    assert refuses(converter, {"age": 17}, target)


def test_it_is_asked_of_names_too(converter: Converter) -> None:
    assert not refuses(converter, {"18": "a"}, dict[Adult, str])
    assert refuses(converter, {"17": "a"}, dict[Adult, str])
    assert core_of(dict[Adult, str])["propertyNames"]["$comment"] == (
        "also asked in code: the bounds of the integer"
    )


def test_it_is_asked_however_the_event_is_read() -> None:
    router = Router()

    @router.on("person.born")
    async def handle(person: Person) -> None: ...

    events = [
        b'{"event_type": "person.born", "payload": {"age": %d}}' % age for age in (18, 18, 17)
    ]

    assert [router.process_sync(event).status.value for event in events] == [
        "handled",
        "handled",
        "invalid",
    ]
    assert "Annotated" in router.way_of(router.routes()[0]).why
