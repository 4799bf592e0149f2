"""Types that stand inside themselves: a tree's node that holds nodes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cattrs import Converter

from eventrouter.structuring.refusal import Hook

_under_way: ContextVar[frozenset[Any]] = ContextVar("_under_way", default=frozenset())


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
