"""Hooks: whose one is, and how it says no, to a value or to a type."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from cattrs import StructureHandlerNotFoundError

#: What cattrs calls to build a value: ``hook(value, type)``.
Hook: TypeAlias = Callable[[Any, Any], Any]

_PACKAGE = "eventrouter."


def is_own(hook: Hook) -> bool:
    """Whether a hook is this package's, and nobody replaced it."""
    is_ours = hasattr(hook, "is_strict") or str(hook.__module__).startswith(_PACKAGE)
    # What functools.wraps() makes of a hook takes over these marks, and means something else.
    return is_ours and not hasattr(hook, "__wrapped__")


class Refusal(ValueError):
    """
    Raised when a value does not fit a type.

    Args:
        expected: What would have fitted, to follow the word "expected".
        where: The place inside the value, if not the value itself: ``.items[3]``.
        got: What stood there, if it is inside the value.
    """

    def __init__(self, expected: str, where: str = "", got: str | None = None) -> None:
        super().__init__(expected, where, got)
        self.expected = expected
        self.where = where
        self.got = got

    def __str__(self) -> str:
        return f"expected {self.expected}"


class UnsupportedType(StructureHandlerNotFoundError):
    """Raised when nothing builds values of a type; the message says what would mend it."""

    def __init__(self, target: Any, why: str) -> None:
        super().__init__(f"{type_name(target)}: {why}", target)
        self.why = why

    def __reduce__(self) -> tuple[type[UnsupportedType], tuple[Any, str]]:
        return UnsupportedType, (self.type_, self.why)


def type_name(target: Any) -> str:
    """The type as its author would write it: ``UserCreated``, ``list[int]``, ``str | None``."""
    origin, arguments = get_origin(target), get_args(target)
    if origin in (Union, UnionType):
        return " | ".join(map(type_name, arguments))
    if isinstance(origin, type) and arguments:
        return f"{type_name(origin)}[{', '.join(map(type_name, arguments))}]"
    if target is type(None):
        return "None"
    if target is Ellipsis:
        return "..."
    if isinstance(target, type):
        return target.__qualname__.rpartition("<locals>.")[2]
    return str(target).replace("typing.", "")
