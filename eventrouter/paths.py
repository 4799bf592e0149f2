"""Dotted paths into JSON: ``detail.order.lines.0.price``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast

from eventrouter.errors import RegistrationError, quoted


class _Missing(Enum):
    MISSING = "MISSING"


MISSING: Final = _Missing.MISSING
Missing: TypeAlias = Literal[_Missing.MISSING]


def split_path(path: str) -> tuple[str, ...]:
    """
    The segments of a dotted path.

    Raises:
        RegistrationError: If a segment is empty.
    """
    segments = tuple(path.split("."))
    if not all(segments):
        raise RegistrationError(f"the path {path!r} has an empty segment; write it like 'a.b.c'")
    return segments


def value_at(tree: Any, segments: Sequence[str]) -> Any | Missing:
    """The value a path leads to, through objects by name and arrays by index, or ``MISSING``."""
    for segment in segments:
        is_index = isinstance(tree, list) and segment.isdecimal() and len(segment) < 10
        tree = step_into(tree, int(segment) if is_index else segment)
    return tree


def step_into(tree: Any, step: int | str) -> Any | Missing:
    """The member of an object, or the item of an array, or ``MISSING``."""
    if isinstance(tree, dict):
        return cast("dict[Any, Any]", tree).get(step, MISSING)
    if isinstance(tree, list) and isinstance(step, int):
        items = cast("list[Any]", tree)
        return items[step] if step < len(items) else MISSING
    return MISSING


def put_at(tree: dict[str, Any], segments: Sequence[str], value: Any) -> None:
    """
    Set the value a path leads to, making the objects on the way.

    Raises:
        ValueError: If something other than an object stands on the way.
    """
    *way, last = segments
    for segment in way:
        below = tree.setdefault(segment, {})
        if not isinstance(below, dict):
            raise ValueError(f"{segment!r} in {'.'.join(segments)!r} is no object")
        tree = cast("dict[str, Any]", below)
    tree[last] = value


def place(step: int | str) -> str:
    """One step of a path as an error shows it: ``[3]``, ``.price``, ``["unit price"]``."""
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() and len(step) < 80 else f"[{quoted(step)}]"
