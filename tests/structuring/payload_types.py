"""Strategies for payload types of every kind, each with values of it."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import attrs
from attrs import frozen
from hypothesis import strategies as st

from eventrouter import make_converter

Values = st.SearchStrategy[Any]


@frozen
class PayloadType:
    """
    A type that payloads are built to.

    Args:
        type: The type.
        values: Values of it.
        kinds: The kinds of JSON that its values are written as: of no two arms of a union the
            same.
        has_hash: Whether a set may hold its values.
    """

    type: Any
    values: Values
    kinds: str
    has_hash: bool = True

    def __repr__(self) -> str:
        return repr(self.type)


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class OrderId(str): ...


class Cents(int): ...


Age = NewType("Age", int)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
names = st.sampled_from(["a", "b", "kind", "class", "odd key", "Ünïcode", 'quo"te', "x.y", ""])
identifiers = st.sampled_from(["a", "b", "kind", "value", "self_", "items"])
floats = st.floats(allow_nan=False, allow_infinity=False)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
day = timedelta(days=1)

json_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)

LEAVES = [
    PayloadType(str, texts, "string"),
    PayloadType(OrderId, texts.map(OrderId), "string"),
    PayloadType(int, st.integers(-(10**30), 10**30), "integer"),
    PayloadType(Cents, st.integers(-(10**9), 10**9).map(Cents), "integer"),
    PayloadType(Age, st.integers(0, 150), "integer"),
    PayloadType(Annotated[int, "in years"], st.integers(0, 150), "integer"),
    PayloadType(float, floats, "integer number"),
    PayloadType(bool, st.booleans(), "boolean"),
    PayloadType(bytes, st.binary(max_size=10), "string"),
    PayloadType(
        datetime, st.datetimes(datetime.min + day, datetime.max - day, timezones=offsets), "string"
    ),
    PayloadType(date, st.dates(), "string"),
    PayloadType(time, st.times(timezones=st.none() | offsets), "string"),
    PayloadType(timedelta, st.timedeltas(), "string"),
    PayloadType(UUID, st.uuids(), "string"),
    PayloadType(
        Decimal,
        st.decimals(-(10**20), 10**20, allow_nan=False, allow_infinity=False),
        "string integer",
    ),
    PayloadType(Color, st.sampled_from(Color), "string"),
    PayloadType(Level, st.sampled_from(Level), "integer"),
    PayloadType(Literal["auto", "manual"], st.sampled_from(["auto", "manual"]), "string"),
    PayloadType(Literal[1, 2], st.sampled_from([1, 2]), "integer"),
    PayloadType(Literal[Color.RED], st.just(Color.RED), "string"),
    PayloadType(type(None), st.none(), "null"),
    PayloadType(Any, json_trees, "null boolean integer number string array object", has_hash=False),
]
#: What the name of a member is built to.
KEYS = [
    leaf
    for leaf in LEAVES
    if leaf.kinds in ("string", "integer", "string integer") and leaf.type is not time
]


def extended(inner: st.SearchStrategy[PayloadType]) -> st.SearchStrategy[PayloadType]:
    """The types that hold others."""
    hashable = inner.filter(lambda of: of.has_hash)
    return st.one_of(
        st.builds(_items, st.sampled_from([(list[Any], list), (Sequence[Any], list)]), inner),
        st.builds(_items, st.sampled_from([(Iterable[Any], list), (deque[Any], deque)]), inner),
        st.builds(_set, st.sampled_from([(set, set), (frozenset, frozenset)]), hashable),
        st.builds(_long_tuple, inner),
        st.builds(_tuple, st.lists(inner, min_size=1, max_size=3)),
        st.builds(_mapping, st.sampled_from([dict, Mapping]), st.sampled_from(KEYS), inner),
        st.builds(_optional, inner),
        st.builds(_union, st.lists(inner, min_size=2, max_size=4)),
        st.builds(_attrs_class, st.dictionaries(identifiers, inner, max_size=3), st.booleans()),
        st.builds(_dataclass, st.dictionaries(identifiers, inner, max_size=3)),
        st.builds(
            _typed_dict,
            st.dictionaries(names, inner, max_size=3),
            st.dictionaries(st.sampled_from(["c", "d e"]), inner, max_size=2),
        ),
        st.builds(
            _named_tuple,
            st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, min_size=1, max_size=3),
        ),
    )


def _items(containers: tuple[Any, Callable[..., Any]], of: PayloadType) -> PayloadType:
    target, make = containers
    values = st.lists(of.values, max_size=3).map(make)
    return PayloadType(typing.get_origin(target)[of.type], values, "array", has_hash=False)


def _set(containers: tuple[Any, Callable[..., Any]], of: PayloadType) -> PayloadType:
    target, make = containers
    values = st.lists(of.values, max_size=3).map(make)
    return PayloadType(target[of.type], values, "array", has_hash=target is frozenset)


def _long_tuple(of: PayloadType) -> PayloadType:
    values = st.lists(of.values, max_size=3).map(tuple)
    target: Any = tuple
    return PayloadType(target[of.type, ...], values, "array", of.has_hash)


def _tuple(places: list[PayloadType]) -> PayloadType:
    values = st.tuples(*(place.values for place in places))
    target: Any = tuple
    has_hash = all(place.has_hash for place in places)
    return PayloadType(target[tuple(p.type for p in places)], values, "array", has_hash)


def _mapping(target: Any, key: PayloadType, of: PayloadType) -> PayloadType:
    values = st.dictionaries(key.values, of.values, max_size=3)
    return PayloadType(target[key.type, of.type], values, "object", has_hash=False)


def _optional(of: PayloadType) -> PayloadType:
    kinds = of.kinds if "null" in of.kinds else f"{of.kinds} null"
    target: Any = typing.Optional
    return PayloadType(target[of.type], st.none() | of.values, kinds, of.has_hash)


def _union(arms: list[PayloadType]) -> PayloadType:
    chosen: list[PayloadType] = []
    taken: set[str] = set()
    for arm in arms:
        if not taken & set(arm.kinds.split()):
            taken |= set(arm.kinds.split())
            chosen.append(arm)
    target: Any = typing.Union
    return PayloadType(
        target[tuple(arm.type for arm in chosen)],
        st.one_of(*(arm.values for arm in chosen)),
        " ".join(taken),
        all(arm.has_hash for arm in chosen),
    )


def _attrs_class(fields: dict[str, PayloadType], kw_only: bool) -> PayloadType:
    cls: Any = attrs.make_class(
        "Attrs",
        {
            name: attrs.field(type=of.type, alias=f"{name}_", kw_only=kw_only)
            for name, of in fields.items()
        },
        frozen=True,
    )
    values = st.fixed_dictionaries({f"{name}_": of.values for name, of in fields.items()})
    has_hash = all(of.has_hash for of in fields.values())
    return PayloadType(cls, values.map(lambda given: cls(**given)), "object", has_hash)


def _dataclass(fields: dict[str, PayloadType]) -> PayloadType:
    made = [(name, of.type) for name, of in fields.items()]
    cls: Any = dataclasses.make_dataclass("Data", made)
    values = st.fixed_dictionaries({name: of.values for name, of in fields.items()})
    return PayloadType(cls, values.map(lambda given: cls(**given)), "object", has_hash=False)


def _typed_dict(required: dict[str, PayloadType], optional: dict[str, PayloadType]) -> PayloadType:
    make: Any = typing.TypedDict
    hints = {name: of.type for name, of in required.items()} | {
        name: typing.NotRequired[of.type] for name, of in optional.items()
    }
    values = st.fixed_dictionaries(
        {name: of.values for name, of in required.items()},
        optional={name: of.values for name, of in optional.items()},
    )
    return PayloadType(make("Dict", hints), values, "object", has_hash=False)


def _named_tuple(fields: dict[str, PayloadType]) -> PayloadType:
    make: Any = typing.NamedTuple
    cls = make("Named", [(name, of.type) for name, of in fields.items()])
    values = st.tuples(*(of.values for of in fields.values()))
    has_hash = all(of.has_hash for of in fields.values())
    return PayloadType(cls, values.map(lambda given: cls(*given)), "object array", has_hash)


payload_types = st.recursive(st.sampled_from(LEAVES), extended, max_leaves=6)


def written(of: PayloadType, value: Any) -> Any:
    """The value as it arrives in JSON."""
    return json.loads(json.dumps(make_converter().unstructure(value, of.type)))


def changed(data: st.DataObject, tree: Any) -> Any:
    """The tree with one of its values, or the whole, exchanged for any other."""
    if isinstance(tree, list) and tree and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(tree) - 1))
        return [*tree[:place], changed(data, tree[place]), *tree[place + 1 :]]
    if isinstance(tree, dict) and tree and data.draw(st.integers(0, 3)):
        name = data.draw(st.sampled_from(sorted(tree)))
        if data.draw(st.integers(0, 5)):
            return {**tree, name: changed(data, tree[name])}
        return {other: value for other, value in tree.items() if other != name}
    return data.draw(json_trees)
