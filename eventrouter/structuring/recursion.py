"""Making the hooks of types that stand in many places, or inside themselves."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cattrs import Converter

from eventrouter.structuring.refusal import Hook

_under_way: ContextVar[frozenset[Any]] = ContextVar("_under_way", default=frozenset())

# (converter, type) -> the hook made of it
_made: ContextVar[dict[tuple[int, Any], Hook] | None] = ContextVar("_made", default=None)


@contextmanager
def remembering() -> Generator[None]:
    """
    Make the hook of each type but once within.

    cattrs makes that of a class anew for each field that has it; in classes of two such fields
    each, that doubles with every level.
    """
    token = _made.set({})
    try:
        yield
    finally:
        _made.reset(token)


def remembered(
    make: Callable[[Any, Converter], Hook],
) -> Callable[[Any, Converter], Hook]:
    """The hook factory, which gives again what it made within ``remembering()``."""

    def make_once(target: Any, converter: Converter) -> Hook:
        made = _made.get()
        if made is None:
            return make(target, converter)
        key = (id(converter), target)
        if key not in made:
            made[key] = make(target, converter)
        return made[key]

    return make_once


@contextmanager
def making(target: Any) -> Generator[None]:
    """
    Make the hook of a type within.

    Raises:
        RecursionError: If that is under way already. cattrs raises it for classes too; whoever
            is about to make the hook of a member answers it by ``hook_of``.
    """
    under_way = _under_way.get()
    if target in under_way:
        raise RecursionError(f"{target} stands inside itself")
    token = _under_way.set(under_way | {target})
    try:
        yield
    finally:
        _under_way.reset(token)


def hook_of(target: Any, converter: Converter) -> Hook:
    """The hook of a type, found when first used if it is still under way."""
    try:
        return converter.get_structure_hook(target)
    except RecursionError:
        return converter.structure
