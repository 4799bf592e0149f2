"""The strict cattrs converter that builds payloads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

from cattrs import Converter

from eventrouter.json import DEFAULT_LIMITS
from eventrouter.limits import Limits
from eventrouter.structuring import containers, foreign, scalars
from eventrouter.structuring.constraints import constrained, constraints_of
from eventrouter.structuring.json_kinds import (
    is_named_tuple,
    is_record,
    is_typed_dict,
    is_union,
    unwrapped,
)
from eventrouter.structuring.records import (
    named_tuple_hook,
    record_hook,
    typed_dict_hook,
    unstructuring_typed_dict,
)
from eventrouter.structuring.recursion import hook_of, making
from eventrouter.structuring.refusal import Hook, UnsupportedType
from eventrouter.structuring.unions import union_hook


def make_converter(
    *, forbid_extra_keys: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Converter:
    """
    Make the cattrs converter that a router builds payloads with.

    It is strict: nothing is coerced, JSON ``123`` is no ``str`` and ``"1"`` no ``int``. It reads
    RFC 3339 date-times with an offset, dates and times, ISO 8601 durations, base64 for
    ``bytes``, strings for ``UUID`` and ``Decimal``, and names fields by their attrs ``alias``.
    Hooks registered on it win over its own. It writes what it reads.

    Args:
        forbid_extra_keys: Refuse members that a class does not declare; else they are ignored.
        limits: Of which ``max_equal_hashes`` applies here.

    Returns:
        A converter in cattrs's detailed mode, to register your own hooks on.
    """
    converter = _StrictConverter(
        forbid_extra_keys=forbid_extra_keys,
        use_alias=True,
        unstruct_collection_overrides={Set: list, tuple: list, deque: list},
    )
    # cattrs asks the hook registered last first: this one answers for types no other has claimed.
    converter.register_structure_hook_factory(lambda _: True, _unsupported_hook)
    converter.register_structure_hook_factory(_is_wrapped, _unwrapping_hook)
    converter.register_structure_hook_factory(_is_any, _any_hook)
    scalars.register(converter)
    converter.register_structure_hook_factory(scalars.is_literal, scalars.literal_hook)
    converter.register_structure_hook_factory(scalars.is_enum, scalars.enum_hook)
    _register_containers(converter, limits)
    converter.register_structure_hook_factory(is_record, record_hook)
    converter.register_structure_hook_factory(is_typed_dict, typed_dict_hook)
    converter.register_structure_hook_factory(is_named_tuple, named_tuple_hook)
    converter.register_structure_hook_factory(is_union, union_hook)
    converter.register_structure_hook_factory(foreign.is_pydantic, foreign.pydantic_hook)
    converter.register_structure_hook_factory(foreign.is_msgspec, foreign.msgspec_hook)
    converter.register_structure_hook(Path, _refuse_path)
    converter.register_unstructure_hook_factory(_is_wrapped, _unstructuring_unwrapped)
    converter.register_unstructure_hook_factory(containers.is_array, _unstructuring_array)
    converter.register_unstructure_hook_factory(is_typed_dict, unstructuring_typed_dict)
    converter.register_unstructure_hook_func(
        is_named_tuple, lambda value: _unstructure_named_tuple(value, converter)
    )
    converter.register_unstructure_hook_func(foreign.is_pydantic, foreign.unstructure_pydantic)
    converter.register_unstructure_hook_func(foreign.is_msgspec, foreign.unstructure_msgspec)
    return converter


class _StrictConverter(Converter):
    """A converter that lets the user's hook of a union win, which cattrs asks last."""

    def register_structure_hook(self, cl: Any, func: Hook | None = None) -> Any:
        if func is not None and is_union(cl):
            return self.register_structure_hook_func(lambda target: target == cl, func)
        return super().register_structure_hook(cl, cast(Any, func))


def _register_containers(converter: Converter, limits: Limits) -> None:
    converter.register_structure_hook_factory(containers.is_array, containers.array_hook)
    converter.register_structure_hook_factory(containers.is_tuple, containers.tuple_hook)
    converter.register_structure_hook_factory(
        containers.is_set, partial(containers.set_hook, limits=limits)
    )
    converter.register_structure_hook_factory(
        containers.is_mapping, partial(containers.mapping_hook, limits=limits)
    )


def _unsupported_hook(target: Any) -> NoReturn:
    raise UnsupportedType(
        target,
        "nothing builds it from JSON; use a class with annotated fields, or register a hook on "
        "make_converter() and pass that as Router(converter=...)",
    )


def _refuse_path(_: Any, target: Any) -> NoReturn:
    _unsupported_hook(target)


def _unwrapping_hook(target: Any, converter: Converter) -> Hook:
    bare = unwrapped(target)
    with making(target):
        hook = hook_of(bare, converter)
    asked = constraints_of(target)
    if asked:
        hook = constrained(hook, asked)
    return lambda value, _: hook(value, bare)


def _is_wrapped(target: Any) -> bool:
    return unwrapped(target) is not target


def _is_any(target: Any) -> bool:
    return target is Any or target is object


def _any_hook(_: Any) -> Hook:
    return lambda value, _: value


def _unstructuring_unwrapped(target: Any, converter: Converter) -> Callable[[Any], Any]:
    return converter.get_unstructure_hook(unwrapped(target))


def _unstructuring_array(target: Any, converter: Converter) -> Callable[[Any], Any]:
    return converter.gen_unstructure_iterable(target, unstructure_to=list)


def _unstructure_named_tuple(value: Any, converter: Converter) -> dict[str, Any]:
    return {name: converter.unstructure(getattr(value, name)) for name in value._fields}
