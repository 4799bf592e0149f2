"""Which kinds of JSON value a type is built from."""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import (
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Set,
)
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin, is_typeddict
from uuid import UUID

import attrs
from typing_extensions import TypeAliasType
from typing_extensions import is_typeddict as is_extended_typeddict

from eventrouter.kinds import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    KIND_OF_CLASS,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
)
from eventrouter.structuring.scalars import literal_values

ARRAYS = frozenset({list, Sequence, MutableSequence, Collection, Iterable, deque})
SETS = frozenset({set, MutableSet, Set, frozenset})
MAPPINGS = frozenset({dict, Mapping, MutableMapping})

_ALL = frozenset(KIND_OF_CLASS.values())
_SCALARS: dict[type, frozenset[str]] = {
    bool: frozenset({BOOLEAN}),
    int: frozenset({INTEGER}),
    float: frozenset({NUMBER, INTEGER}),
    Decimal: frozenset({STRING, INTEGER}),
    **dict.fromkeys((str, bytes, datetime, date, time, timedelta, UUID), frozenset({STRING})),
    type(None): frozenset({NULL}),
}


# Two classes from Python 3.12 on, until typing_extensions takes Python's own.
_ALIASES = (TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType))


def unwrapped(target: Any) -> Any:
    """The type without ``Annotated``, ``Final``, ``NewType`` and aliases around it."""
    while (bare := _without_one(target)) is not target:
        target = bare
    return target


def _without_one(target: Any) -> Any:
    if get_origin(target) in (Annotated, Final):
        return get_args(target)[0]
    if hasattr(target, "__supertype__"):
        return target.__supertype__
    if isinstance(target, _ALIASES):
        return target.__value__
    return type(None) if target is None else target


def notes_on(target: Any) -> tuple[Any, ...]:
    """What ``Annotated`` says of a type, also under ``NewType`` and aliases; the inner first."""
    notes: tuple[Any, ...] = ()
    while (bare := _without_one(target)) is not target:
        if get_origin(target) is Annotated:
            notes = (*target.__metadata__, *notes)
        target = bare
    return notes


def is_union(target: Any) -> bool:
    """Whether the type is a union, ``Optional`` included."""
    return get_origin(target) in (Union, UnionType)


def is_typed_dict(target: Any) -> bool:
    """Whether the type is a ``TypedDict``, by either module that has one."""
    cls = get_origin(target) or target
    return is_typeddict(cls) or is_extended_typeddict(cls)


def is_named_tuple(target: Any) -> bool:
    """Whether the type is a ``NamedTuple``."""
    cls = get_origin(target) or target
    return hasattr(cls, "_field_defaults") and issubclass(cls, tuple)


def is_record(target: Any) -> bool:
    """Whether the type is a class with named fields that is built from an object."""
    cls = get_origin(target) or target
    if not isinstance(cls, type):
        return False
    return attrs.has(cls) or is_dataclass(cls) or is_typed_dict(cls)


def kinds_of(target: Any) -> frozenset[str] | None:
    """The kinds of JSON value the type is built from, or None where only its hook can tell."""
    target = unwrapped(target)
    if target is Any:
        return _ALL
    if is_union(target):
        return _joined(map(kinds_of, get_args(target)))
    if get_origin(target) is Literal:
        return frozenset(KIND_OF_CLASS[cls] for cls, _ in literal_values(target))
    if isinstance(target, type) and issubclass(target, Enum):
        values: set[Any] = {type(member._value_) for member in target}
        return frozenset(KIND_OF_CLASS[cls] for cls in values if cls in KIND_OF_CLASS)
    if is_record(target):
        return frozenset({OBJECT})
    if is_named_tuple(target):
        return frozenset({OBJECT, ARRAY})
    origin = cast(Any, get_origin(target) or target)
    for base in getattr(origin, "__mro__", ()):
        if base in _SCALARS:
            return _SCALARS[base]
    if origin in MAPPINGS:
        return frozenset({OBJECT})
    return frozenset({ARRAY}) if origin is tuple or origin in ARRAYS | SETS else None


def _joined(kinds: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    joined: frozenset[str] = frozenset()
    for some in kinds:
        if some is None:
            return None
        joined |= some
    return joined
