"""The strict converter, and that the hooks of its user win over its own."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple, NewType, TypedDict, get_origin

import pytest
from attrs import field, frozen
from cattrs import Converter, ForbiddenExtraKeysError, StructureHandlerNotFoundError, override
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from cattrs.strategies import configure_tagged_union

from eventrouter import Router, make_converter
from tests.structuring.converters import build, mismatches, refuses


class Color(Enum):
    RED = "red"


class Name(StrEnum):
    RED = "red"


@frozen
class Card:
    number: str


@dataclass
class Cash:
    amount: int


class Note(TypedDict):
    text: str


class Pair(NamedTuple):
    left: int


Cents = NewType("Cents", int)


@frozen
class Order:
    items: list[Card]
    paid: Card | Cash | None = None


def is_origin(target: Any, origin: Any) -> bool:
    found: Any = get_origin(target)
    return found is origin


def both(converter: Converter) -> list[Converter]:
    return [converter, converter.copy(detailed_validation=False)]


def mine(value: Any, _: Any) -> Any:
    return ("mine", value)


@pytest.mark.parametrize(
    "target",
    [
        str,
        int,
        float,
        bool,
        bytes,
        datetime,
        date,
        Decimal,
        Color,
        Name,
        Cents,
        Card,
        Cash,
        Note,
        Pair,
        int | str,
        int | None,
        Card | Cash,
        Card | Cash | None,
    ],
    ids=str,
)
def test_a_hook_for_a_type_wins(target: Any) -> None:
    converter = make_converter()
    converter.register_structure_hook(target, mine)

    for one in both(converter):
        assert one.structure([1], target) == ("mine", [1])
        assert one.structure([[1]], list[target]) == [("mine", [1])]
    assert build([1], target, converter) == ("mine", [1])


@pytest.mark.parametrize(
    ("target", "is_it"),
    [
        (list[int], lambda target: is_origin(target, list)),
        (dict[str, int], lambda target: is_origin(target, dict)),
        (Literal["a"], lambda target: is_origin(target, Literal)),
        (Any, lambda target: target is Any),
        (Card, lambda target: target is Card),
        (Color, lambda target: target is Color),
        (Note, lambda target: target is Note),
        (int | str, lambda target: target == int | str),
    ],
    ids=lambda value: "" if inspect.isfunction(value) else str(value),
)
def test_a_hook_for_types_that_meet_a_predicate_wins(
    target: Any, is_it: Callable[[Any], bool]
) -> None:
    for register in ("register_structure_hook_func", "register_structure_hook_factory"):
        converter = make_converter()
        hook = mine if register.endswith("func") else lambda _: mine
        getattr(converter, register)(is_it, hook)

        for one in both(converter):
            assert one.structure(1, target) == ("mine", 1)


def test_a_hook_factory_may_ask_for_the_converter() -> None:
    converter = make_converter()

    def factory(_: Any, converter: Converter) -> Callable[[Any, Any], Any]:
        number = converter.get_structure_hook(str)
        return lambda value, _: Card(number(value, str))

    converter.register_structure_hook_factory(lambda target: target is Card, factory)

    for one in both(converter):
        assert one.structure("1", Card) == Card("1")
        assert refuses(one, 1, Card)


def test_a_hook_registered_by_its_annotation_wins() -> None:
    converter = make_converter()

    def read(value: Any, _: Any) -> Any:
        return Card(f"{value}")

    read.__annotations__["return"] = Card
    converter.register_structure_hook(read)

    assert converter.structure(1, Card) == Card("1")


def test_a_hook_for_a_class_of_ones_own_builds_it_anywhere() -> None:
    class Money:
        def __init__(self, text: str) -> None:
            self.text = text

    converter = make_converter()
    converter.register_structure_hook(Money, lambda value, _: Money(value))

    for one in both(converter):
        assert one.structure({"a": ["1"]}, dict[str, list[Money]])["a"][0].text == "1"
        (key,) = one.structure({"1": 1}, dict[Money, int])
        assert key.text == "1"


def test_a_hook_for_a_union_builds_what_can_not_be_told_apart() -> None:
    converter = make_converter()
    converter.register_structure_hook(
        str | bytes, lambda value, _: value.encode() if value.isupper() else value
    )
    target: Any = dict[str, str | bytes]

    for one in both(converter):
        assert one.structure({"a": "A", "b": "b"}, target) == {"a": b"A", "b": "b"}
    assert build({"a": "A"}, target, converter) == {"a": b"A"}


def test_a_strategy_of_cattrs_for_unions_wins() -> None:
    converter = make_converter()
    configure_tagged_union(Card | Cash, converter)
    target: Any = Card | Cash
    payload = {"_type": "Cash", "amount": 1}

    for one in both(converter):
        assert one.structure(payload, target) == Cash(1)
    assert converter.unstructure(Cash(1), target) == payload


def test_an_override_renames_a_field() -> None:
    converter = make_converter()
    rename = override(rename="card number")
    converter.register_structure_hook(Card, make_dict_structure_fn(Card, converter, number=rename))
    converter.register_unstructure_hook(
        Card, make_dict_unstructure_fn(Card, converter, number=rename)
    )
    payload = {"items": [{"card number": "1"}], "paid": None}

    assert converter.structure(payload, Order) == Order([Card("1")])
    assert converter.unstructure(Order([Card("1")])) == payload


@frozen
class Aliased:
    type_: str = field(alias="type")
    _secret: int = 0


def test_an_alias_names_the_field_in_json_both_ways() -> None:
    payload = {"type": "a", "secret": 1}

    for one in both(make_converter()):
        assert one.structure(payload, Aliased) == Aliased("a", 1)
        assert one.unstructure(Aliased("a", 1)) == payload
        assert refuses(one, {"type_": "a"}, Aliased)


def test_a_hook_for_dates_leaves_date_times_alone() -> None:
    converter = make_converter()
    converter.register_structure_hook(date, lambda value, _: date.fromordinal(value))

    assert converter.structure(1, date) == date(1, 1, 1)
    assert converter.structure("2024-08-20T00:00:00Z", datetime) == datetime(
        2024, 8, 20, tzinfo=UTC
    )


# A plain converter of cattrs


def test_a_plain_converter_coerces_as_cattrs_does() -> None:
    assert build({"amount": "1"}, Cash, Converter()) == Cash(1)


def test_the_hook_of_a_union_on_a_plain_converter_wins() -> None:
    converter = Converter()
    target: Any = Card | Cash | None
    converter.register_structure_hook(target, mine)

    assert build([1], target, converter) == ("mine", [1])
    assert build({"number": "1"}, target, converter) == ("mine", {"number": "1"})
    assert build({"items": [], "paid": 1}, Order, converter).paid == ("mine", 1)


def test_a_router_builds_by_the_converter_it_was_given() -> None:
    converter = Converter()
    converter.register_structure_hook(Card, lambda value, _: Card(value["no"]))
    router = Router(converter=converter)
    seen: list[Card] = []

    @router.on("card.added")
    def added(card: Card) -> None:
        seen.append(card)

    router.dispatch_sync({"event_type": "card.added", "payload": {"no": 1}})

    assert seen == [Card(1)]  # type: ignore[arg-type]


# Members that are not declared


@pytest.mark.parametrize("target", [Card, Cash, Note, Pair])
def test_members_that_are_not_declared_are_ignored_or_refused(target: Any) -> None:
    payload = {"number": "1", "amount": 1, "text": "a", "left": 1}
    strict = make_converter(forbid_extra_keys=True)
    own = next(iter(target.__annotations__))

    for one in both(make_converter()):
        one.structure(payload, target)
    for one in both(strict):
        one.structure({own: payload[own]}, target)
        assert refuses(one, payload, target)


class Partial(TypedDict, total=False):
    a: int
    b: int


def test_a_member_too_many_is_refused_where_others_are_absent() -> None:
    strict = make_converter(forbid_extra_keys=True)

    for one in both(strict):
        assert one.structure({"a": 1}, Partial) == {"a": 1}
        assert refuses(one, {"a": 1, "c": 1}, Partial)
        assert refuses(one, {"c": 1}, Partial)
    assert mismatches({"c": 1}, Partial, strict) == ['$: expected no other members, got also "c"']


def test_the_first_mismatch_of_a_member_too_many_is_an_error_of_cattrs() -> None:
    converter = make_converter(forbid_extra_keys=True).copy(detailed_validation=False)

    with pytest.raises(ForbiddenExtraKeysError):
        converter.structure({"text": "a", "more": 1}, Note)


# Paths


@pytest.mark.parametrize("target", [Path, PurePath])
def test_a_path_is_not_read_from_an_event(target: Any) -> None:
    with pytest.raises(StructureHandlerNotFoundError, match="nothing builds it from JSON"):
        make_converter().structure("/etc/passwd", target)


# Writing


def test_what_is_written_is_json() -> None:
    converter = make_converter()
    value = {"when": [datetime(2024, 8, 20, tzinfo=UTC)], "amount": Decimal("1.50"), "raw": b"hi"}

    assert json.dumps(converter.unstructure(value)) == (
        '{"when": ["2024-08-20T00:00:00Z"], "amount": "1.50", "raw": "aGk="}'
    )
