"""What is asked of a value besides its type, as far as a schema can say it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from eventrouter.kinds import ARRAY, NULL, OBJECT, STRING
from eventrouter.schemas.keywords import Schema, both
from eventrouter.structuring.constraints import Constraint
from eventrouter.structuring.containers import is_array, is_mapping, is_set, is_tuple
from eventrouter.structuring.json_kinds import is_union, unwrapped

_BOUNDS: dict[str, tuple[str, Any]] = {
    "ge": ("minimum", max),
    "gt": ("exclusiveMinimum", max),
    "le": ("maximum", min),
    "lt": ("exclusiveMaximum", min),
}
_LENGTHS = {STRING: "Length", ARRAY: "Items", OBJECT: "Properties"}


class Untold(Exception):
    """Raised where a schema can't say what is asked."""


def constrained_schema(schema: Schema, constraints: Iterable[Constraint], target: Any) -> Schema:
    """
    The schema of a type, with what ``Annotated`` around it asks.

    Args:
        schema: That of the type itself.
        constraints: What is asked.
        target: The type itself.
    """
    arm = only_arm(target)
    if arm is not None and of_arm(schema) is not None:
        return with_arm(schema, constrained_schema(of_arm(schema) or {}, constraints, arm))
    untold: list[str] = []
    for constraint in constraints:
        try:
            schema = _asking(schema, constraint, unwrapped(target))
        except Untold:
            untold.append(str(constraint))
    return also_asking(schema, untold)


def _asking(schema: Schema, constraint: Constraint, target: Any) -> Schema:
    name, bound = constraint
    if name in ("min_length", "max_length"):
        if is_set(target):
            raise Untold
        return sized(schema, name[:3], bound, target)
    if name == "multiple_of" and is_a(target, int) and bound.__class__ is int:
        return both(schema, {"multipleOf": abs(bound)})
    return bounded(schema, name, bound, target)


def only_arm(target: Any) -> Any:
    """The other arm of a union with None, if there is just one."""
    arms = [arm for arm in get_args(target) if arm is not type(None)] if is_union(target) else []
    return arms[0] if len(arms) == 1 else None


def of_arm(schema: Schema) -> Schema | None:
    """The other schema in that of a union of two, of which one is null."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": NULL}]
    return arms[0] if len(arms) == 1 else None


def with_arm(schema: Schema, arm: Schema) -> Schema:
    """The schema of a union with null, with another instead of the one that is not null."""
    arms = [inner if inner == {"type": NULL} else arm for inner in schema["anyOf"]]
    return {**schema, "anyOf": arms}


def is_a(target: Any, *classes: type) -> bool:
    """Whether the type is one of the classes, or inherits from one."""
    return isinstance(target, type) and issubclass(target, classes)


def bounded(schema: Schema, name: str, bound: Any, target: Any) -> Schema:
    """
    The schema with a bound on a number.

    Args:
        schema: That of the number.
        name: How the number is to compare to the bound: ``ge``, ``gt``, ``le`` or ``lt``.
        bound: The bound.
        target: The type of the number.

    Raises:
        Untold: If it is no JSON number.
    """
    is_number = is_a(target, int, float) and target is not bool
    if name not in _BOUNDS or not is_number or bound.__class__ not in (int, float):
        raise Untold
    if not math.isfinite(bound):
        raise Untold
    keyword, tighter = _BOUNDS[name]
    return {**schema, keyword: tighter(schema.get(keyword, bound), bound)}


def sized(schema: Schema, end: str, length: int, target: Any) -> Schema:
    """
    The schema with a bound on a length.

    Args:
        schema: That of a string, an array or an object.
        end: Which: ``min`` or ``max``.
        length: The bound, in characters, items or members.
        target: The type.

    Raises:
        Untold: If the length is not that of the JSON.
    """
    if is_a(target, str):
        kind = STRING
    elif is_array(target) or is_set(target) or is_tuple(target):
        kind = ARRAY
    elif is_mapping(target):
        kind = OBJECT
    else:
        raise Untold
    keyword, tighter = f"{end}{_LENGTHS[kind]}", max if end == "min" else min
    return {**schema, keyword: tighter(schema.get(keyword, length), length)}


def also_asking(schema: Schema, untold: Sequence[str]) -> Schema:
    """The schema with a comment on what only code can tell."""
    if not untold:
        return schema
    known = [schema["$comment"]] if "$comment" in schema else []
    return {**schema, "$comment": "; ".join([*known, f"also asked in code: {', '.join(untold)}"])}
