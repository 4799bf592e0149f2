"""Arrays, and objects whose member names are data."""

from __future__ import annotations

import typing
from collections import Counter, deque
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Set,
)
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from attrs import frozen
from cattrs import Converter, StructureHandlerNotFoundError

from eventrouter import make_converter
from tests.structuring.converters import mismatches, refuses


class Color(Enum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Cents(int): ...


class Sku(str): ...


Age = NewType("Age", int)
A_UUID = UUID("123e4567-e89b-12d3-a456-426614174000")


@pytest.mark.parametrize(
    ("target", "built"),
    [
        (list[int], [2, 1, 2]),
        (list, [2, 1, 2]),
        (typing.List[int], [2, 1, 2]),  # noqa: UP006
        (typing.List, [2, 1, 2]),  # noqa: UP006
        (Sequence[int], [2, 1, 2]),
        (MutableSequence[int], [2, 1, 2]),
        (Collection[int], [2, 1, 2]),
        (Iterable[int], [2, 1, 2]),
        (deque[int], deque([2, 1, 2])),
        (tuple[int, ...], (2, 1, 2)),
        (tuple[int, float, int], (2, 1.0, 2)),
        (tuple, (2, 1, 2)),
        (typing.Tuple, (2, 1, 2)),  # noqa: UP006
        (set[int], {1, 2}),
        (set, {1, 2}),
        (MutableSet[int], {1, 2}),
        (Set[int], {1, 2}),
        (frozenset[int], frozenset({1, 2})),
    ],
    ids=str,
)
def test_an_array_is_built_to_the_container(target: Any, built: Any, converter: Converter) -> None:
    value = converter.structure([2, 1, 2], target)

    assert value == built
    assert type(value) is type(built)


@pytest.mark.parametrize(
    "target",
    [dict[str, int], dict, typing.Dict, Mapping[str, int], MutableMapping[str, int]],  # noqa: UP006
    ids=str,
)
def test_an_object_is_built_to_the_mapping(target: Any, converter: Converter) -> None:
    assert converter.structure({"b": 1, "a": 2}, target) == {"b": 1, "a": 2}


@pytest.mark.parametrize("value", [None, "ab", {"a": 1}, 1, True])
@pytest.mark.parametrize("target", [list, tuple[str, ...], set[str], Iterable[str], deque[str]])
def test_only_an_array_is_an_array(target: Any, value: Any, converter: Converter) -> None:
    assert refuses(converter, value, target)


@pytest.mark.parametrize("value", [None, "ab", [], [["a", 1]], 1, True])
def test_only_an_object_is_a_mapping(value: Any, converter: Converter) -> None:
    assert refuses(converter, value, dict[str, Any])


def test_an_array_keeps_its_order_and_a_mapping_too(converter: Converter) -> None:
    assert list(converter.structure({"b": 1, "a": 2}, dict[str, int])) == ["b", "a"]


def test_containers_nest(converter: Converter) -> None:
    target = dict[str, list[tuple[date, set[int]]]]

    assert converter.structure({"a": [["2024-08-20", [1, 1]]]}, target) == {
        "a": [(date(2024, 8, 20), {1})]
    }


def test_a_tuple_has_as_many_places_as_it_names() -> None:
    assert mismatches([1], tuple[int, str]) == ["$: expected array of 2, got array of 1"]
    assert mismatches([1, 2], tuple[int, str]) == ["$[1]: expected string, got integer 2"]


# Names of members


@pytest.mark.parametrize(
    ("target", "name", "key"),
    [
        (str, "a", "a"),
        (Any, "a", "a"),
        (int, "-12", -12),
        (Age, "12", 12),
        (Annotated[int, "in years"], "12", 12),
        (Cents, "12", Cents(12)),
        (Sku, "a", Sku("a")),
        (Color, "red", Color.RED),
        (Number, "1", Number.ONE),
        (Literal["a"], "a", "a"),
        (Literal[1, 2], "2", 2),
        (Color | str, "red", Color.RED),
        (Color | str, "blue", "blue"),
        (UUID, str(A_UUID), A_UUID),
        (Decimal, "1.50", Decimal("1.50")),
        (date, "2024-08-20", date(2024, 8, 20)),
        (datetime, "2024-08-20T00:00:00Z", datetime(2024, 8, 20, tzinfo=UTC)),
        (bytes, "aGk=", b"hi"),
    ],
    ids=str,
)
def test_the_name_of_a_member_is_built_to_a_key(
    target: Any, name: str, key: Any, converter: Converter
) -> None:
    (built,) = converter.structure({name: None}, dict[target, None])

    assert built == key
    assert type(built) is type(key)


@pytest.mark.parametrize(
    "name", ["", "+1", "01", "1.0", "1e3", "1_0", " 1", "\u0661", "a", "1" * 41]
)
def test_other_spellings_of_an_integer_are_no_key(name: str, converter: Converter) -> None:
    assert refuses(converter, {name: None}, dict[int, None])


def test_a_name_that_does_not_fit_is_told_from_the_value_below_it() -> None:
    payload = {"x": 1, "1": 2}

    assert mismatches(payload, dict[int, int]) == [
        '$.x: expected integer as the name of a member, got string "x"'
    ]
    assert mismatches(payload, dict[Color, int])[0] == (
        '$.x: expected "red" as the name of a member, got string "x"'
    )


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (int, ["0", "-0"]),
        (UUID, [str(A_UUID), str(A_UUID).upper()]),
        (Decimal, ["1.5", "1.50"]),
        (datetime, ["2024-08-20T00:00:00Z", "2024-08-20T01:00:00+01:00"]),
    ],
    ids=["int", "UUID", "Decimal", "datetime"],
)
def test_two_names_of_one_key_are_refused_as_one_would_be_lost(
    target: Any, names: list[str], converter: Converter
) -> None:
    assert refuses(converter, dict.fromkeys(names), dict[target, None])


@pytest.mark.parametrize(
    "key", [bool, float, None, int | None, int | str, list[str], tuple[int, ...]], ids=str
)
def test_a_key_that_no_name_tells_is_refused_at_registration(key: Any) -> None:
    with pytest.raises(StructureHandlerNotFoundError, match="the name of a JSON member is a str"):
        make_converter().get_structure_hook(dict[key, int])


# What a set can't hold


@dataclass
class Mutable:
    a: int


@frozen
class Hashable:
    a: int


@pytest.mark.parametrize(
    "element",
    [
        list[int],
        Sequence[int],
        dict[str, int],
        Mapping[str, int],
        set[int],
        Set[int],
        Annotated[list[int], "hidden"],
        Mutable,
    ],
    ids=str,
)
def test_a_set_of_what_has_no_hash_is_refused_at_registration(element: Any) -> None:
    with pytest.raises(StructureHandlerNotFoundError, match="is not hashable; use a list"):
        make_converter().get_structure_hook(set[element])


def test_a_set_holds_tuples_frozen_sets_and_frozen_classes(converter: Converter) -> None:
    assert converter.structure([[1, "a"]], set[tuple[int, str]]) == {(1, "a")}
    assert converter.structure([[1]], set[frozenset[int]]) == {frozenset({1})}
    assert converter.structure([{"a": 1}], set[Hashable]) == {Hashable(1)}


def test_an_array_in_a_set_of_anything_is_refused(converter: Converter) -> None:
    assert refuses(converter, [[1]], set[Any])


@pytest.mark.parametrize(
    "target",
    [
        Iterator[int],
        Counter[str],
        range,
        bytearray,
        complex,
        type[int],
        typing.Callable[[], None],
        list[complex],
        dict[str, complex],
        tuple[int, complex],
    ],
    ids=str,
)
def test_other_types_are_refused_at_registration(target: Any) -> None:
    with pytest.raises(StructureHandlerNotFoundError, match="register a hook on make_converter"):
        make_converter().get_structure_hook(target)
