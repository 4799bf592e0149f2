"""Strict hooks for arrays, and for objects whose member names are data."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args, get_origin

from cattrs import Converter

from eventrouter.kinds import INTEGER, STRING, described
from eventrouter.limits import Limits
from eventrouter.structuring.collecting import collect
from eventrouter.structuring.json_kinds import ARRAYS, MAPPINGS, SETS, kinds_of, unwrapped
from eventrouter.structuring.refusal import Hook, Refusal, UnsupportedType, type_name

# https://docs.python.org/3/reference/datamodel.html#object.__hash__
_RANDOMLY_HASHED = frozenset({str, bytes})

_INTEGER = r"-?(?:0|[1-9][0-9]*)"


def is_array(target: Any) -> bool:
    """Whether the type is a homogeneous sequence."""
    return _origin(target) in ARRAYS


def is_set(target: Any) -> bool:
    """Whether the type is a set."""
    return _origin(target) in SETS


def is_tuple(target: Any) -> bool:
    """Whether the type is a tuple, but no named one."""
    return _origin(target) is tuple


def is_mapping(target: Any) -> bool:
    """Whether the type is a mapping."""
    return _origin(target) in MAPPINGS


def array_hook(target: Any, converter: Converter) -> Hook:
    """A hook for a homogeneous sequence."""
    return _items_hook(
        target, _element(target), deque if _origin(target) is deque else list, converter
    )


def tuple_hook(target: Any, converter: Converter) -> Hook:
    """A hook for a tuple of any length, or of one place each."""
    arguments = get_args(target)
    is_bare = not hasattr(target, "__args__")  # tuple[()] has them
    if is_bare or (len(arguments) == 2 and arguments[1] is Ellipsis):
        return _items_hook(target, _element(target), tuple, converter)
    hooks = [(converter.get_structure_hook(place), place) for place in arguments]
    expected = f"array of {len(hooks)}"

    def structure_place(item: Any, hook: tuple[Hook, Any]) -> Any:
        return hook[0](item, hook[1])

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if value.__class__ is not list or len(value) != len(hooks):
            raise Refusal(expected)
        return tuple(map(structure_place, value, hooks))

    def structure_detailed(value: Any, _: Any) -> tuple[Any, ...]:
        if value.__class__ is not list or len(value) != len(hooks):
            raise Refusal(expected)
        places = enumerate(zip(value, hooks, strict=True))
        return tuple(collect(places, lambda place, _: structure_place(*place), None, target))

    return structure_detailed if converter.detailed_validation else structure


def set_hook(target: Any, converter: Converter, limits: Limits) -> Hook:
    """A hook for a set, which refuses members chosen to collide."""
    element = _element(target)
    if not _is_hashable(element):
        raise UnsupportedType(target, f"{type_name(element)} is not hashable; use a list")
    is_frozen = _origin(target) is frozenset

    def made(items: list[Any]) -> Any:
        refuse_collisions(items, limits)
        return frozenset(items) if is_frozen else set(items)

    return _items_hook(target, element, made, converter)


def mapping_hook(target: Any, converter: Converter, limits: Limits) -> Hook:
    """A hook for a mapping, whose keys are built from member names."""
    key, value_type = get_args(target) or (str, Any)
    structure_key = _key_hook(target, _solid(key), converter)
    structure_value = converter.get_structure_hook(value_type)

    detailed = converter.detailed_validation

    def structure(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise Refusal("object")
        members = cast("dict[str, Any]", value)
        if detailed:
            values = collect(members.items(), structure_value, value_type, target)
        else:
            values = [structure_value(member, value_type) for member in members.values()]
        if structure_key is None:
            return dict(zip(members, values, strict=True))
        if detailed:
            names = ((name, name) for name in members)
            keys = collect(names, _naming(structure_key), key, target)
        else:
            keys = [structure_key(name, key) for name in members]
        refuse_collisions(keys, limits)
        built = dict(zip(keys, values, strict=True))
        if len(built) < len(keys):
            raise Refusal("object without two spellings of one key")
        return built

    return structure


def refuse_collisions(keys: list[Any], limits: Limits) -> None:
    """
    Refuse keys of which many unequal ones share a hash.

    Counting the hashes is safe where a set of the keys is not: a hash is below 2**61, and such
    an integer hashes to itself.

    Raises:
        Refusal: If over ``limits.max_equal_hashes`` of them do.
    """
    most = limits.max_equal_hashes
    if len(keys) <= most or _RANDOMLY_HASHED.issuperset(map(type, keys)):
        return
    unequal: dict[int, set[Hashable]] = {
        hashed: set() for hashed, times in Counter(map(hash, keys)).items() if times > most
    }
    for key in keys if unequal else ():
        same = unequal.get(hash(key))
        if same is not None:
            same.add(key)
            if len(same) > most:
                raise Refusal(f"keys of which {most} at most share a hash")


def _items_hook(
    target: Any, element: Any, make: Callable[[list[Any]], Any], converter: Converter
) -> Hook:
    hook = converter.get_structure_hook(element)

    def structure_fast(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise Refusal("array")
        return make([hook(item, element) for item in value])

    def structure_list(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise Refusal("array")
        return [hook(item, element) for item in value]

    def structure_detailed(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise Refusal("array")
        items = cast("list[Any]", value)
        return make(collect(enumerate(items), hook, element, target))

    if converter.detailed_validation:
        return structure_detailed
    return structure_list if make is list else structure_fast


def _key_hook(target: Any, key: Any, converter: Converter) -> Hook | None:
    """A hook for keys, which all are strings in JSON; None if they stay as they are."""
    if key is str or key is Any:
        return None
    hook = converter.get_structure_hook(key)
    kinds = kinds_of(key)
    if kinds is None or kinds == frozenset({STRING}) or unwrapped(key) is Decimal:
        return hook
    if kinds == frozenset({INTEGER}):

        def structure(name: Any, _: Any) -> Any:
            if len(name) > 40 or re.fullmatch(_INTEGER, name) is None:
                raise Refusal("integer")
            return hook(int(name), key)

        return structure
    raise UnsupportedType(
        target, f"the name of a JSON member is a string, which is no {type_name(key)}"
    )


def _naming(structure_key: Hook) -> Hook:
    """The hook for keys, saying that the name does not fit where a member is found by its name."""

    def structure(name: Any, key: Any) -> Any:
        try:
            return structure_key(name, key)
        except Refusal as refusal:
            expected = f"{refusal.expected} as the name of a member"
            raise Refusal(expected, got=described(name)) from None

    return structure


def _is_hashable(element: Any) -> bool:
    origin = _origin(unwrapped(element))
    if origin in ARRAYS | SETS | MAPPINGS:
        return origin is frozenset
    return getattr(origin, "__hash__", None) is not None


def _origin(target: Any) -> Any:
    return get_origin(target) or target


def _element(target: Any) -> Any:
    return _solid(get_args(target)[0]) if get_args(target) else Any


def _solid(argument: Any) -> Any:
    return Any if isinstance(argument, TypeVar) else argument
