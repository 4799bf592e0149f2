"""Members chosen so that all have the same hash, which make a set slow, are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from cattrs import Converter

from eventrouter import Limits, make_converter
from eventrouter.timestamps import format_datetime
from tests.structuring.converters import mismatches, refuses

MODULUS = 2**61 - 1  # https://docs.python.org/3/library/stdtypes.html#hashing-of-numeric-types
MOST = Limits().max_equal_hashes


def multiples(count: int) -> list[int]:
    return [MODULUS * i for i in range(count)]


def uuids(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in multiples(count)]


def decimals(count: int) -> list[str]:
    return [str(number) for number in multiples(count)]


def names(values: list[Any]) -> dict[str, None]:
    return {str(value): None for value in values}


CHOSEN: dict[str, tuple[Any, Any]] = {
    "a set of integers": (set[int], multiples),
    "a frozen set of integers": (frozenset[int], multiples),
    "a set of floats": (set[float], lambda count: [2.0 ** (61 * (i - 9)) for i in range(count)]),
    "a set of UUIDs": (set[UUID], uuids),
    "a set of Decimals": (set[Decimal], decimals),
    "a set of tuples": (set[tuple[int, int]], lambda n: [[i, 1] for i in multiples(n)]),
    "a set of integers or text": (set[int | str], lambda count: ["a", *multiples(count)]),
    "a set of anything": (set[Any], lambda count: ["a", *multiples(count)]),
    "a mapping from integers": (dict[int, None], lambda count: names(multiples(count))),
    "a mapping from UUIDs": (dict[UUID, None], lambda count: names(uuids(count))),
    "a mapping from Decimals": (dict[Decimal, None], lambda count: names(decimals(count))),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_more_of_one_hash_than_the_limit_are_refused(name: str, converter: Converter) -> None:
    target, chosen = CHOSEN[name]

    assert refuses(converter, chosen(MOST + 2), target)


@pytest.mark.parametrize("name", CHOSEN)
def test_as_many_of_one_hash_as_the_limit_are_built(name: str, converter: Converter) -> None:
    target, chosen = CHOSEN[name]

    assert len(converter.structure(chosen(MOST), target)) >= MOST - 1


def test_the_limit_may_be_another() -> None:
    converter = make_converter(limits=Limits(max_equal_hashes=2))

    assert converter.structure(multiples(2), set[int]) == {0, MODULUS}
    assert refuses(converter, multiples(3), set[int])


def test_the_refusal_says_what_is_wrong() -> None:
    assert mismatches({"seen": multiples(100)}, dict[str, set[int]]) == [
        "$.seen: expected keys of which 16 at most share a hash, got array of 100"
    ]


def test_a_list_of_them_is_built(converter: Converter) -> None:
    assert converter.structure(multiples(100), list[int]) == multiples(100)


@pytest.mark.parametrize(
    ("target", "members"),
    [
        (set[int], list(range(-50_000, 50_000))),
        (set[float], [i / 8 for i in range(100_000)]),
        (set[str], [str(i) for i in range(100_000)]),
        (set[Decimal], [f"{i}.10" for i in range(100_000)]),
        (set[UUID], [str(UUID(int=i << 64 | i)) for i in range(100_000)]),
        (
            set[datetime],
            [
                format_datetime(datetime(2024, 8, 20, tzinfo=UTC) + timedelta(seconds=i))
                for i in range(100_000)
            ],
        ),
    ],
    ids=["integers", "floats", "texts", "Decimals", "UUIDs", "date-times"],
)
def test_100_000_honest_members_are_built(target: Any, members: Any, converter: Converter) -> None:
    assert len(converter.structure(members, target)) == 100_000


def test_a_mapping_of_100_000_honest_keys_is_built(converter: Converter) -> None:
    assert len(converter.structure(names(list(range(100_000))), dict[int, None])) == 100_000


def test_members_that_are_equal_count_once(converter: Converter) -> None:
    assert converter.structure([7] * 100_000, set[int]) == {7}


class Counted(int):
    """An integer that counts how often it is hashed."""

    hashed = 0

    def __hash__(self) -> int:
        Counted.hashed += 1
        return int.__hash__(self)


def test_many_values_that_repeat_are_each_looked_at_a_few_times(converter: Converter) -> None:
    members = [i for i in range(1_000) for _ in range(MOST + 1)]
    Counted.hashed = 0

    assert len(converter.structure(members, set[Counted])) == 1_000
    assert Counted.hashed <= 5 * len(members)
