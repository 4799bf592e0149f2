"""
What ``Annotated`` asks of a value besides its type, in the words of annotated-types.

Its classes are known by their names, so that the package need not be there.
https://github.com/annotated-types/annotated-types
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from eventrouter.structuring.json_kinds import notes_on
from eventrouter.structuring.refusal import Hook, Refusal

_PACKAGE = "annotated_types"
_GROUPS = ("Interval", "Len")


class Constraint(NamedTuple):
    """
    One thing asked of a value.

    Attributes:
        name: Which, by the argument that annotated-types calls it: ``ge``, ``max_length``.
        bound: What the value is held against.
    """

    name: str
    bound: Any

    def is_met(self, value: Any) -> bool:
        """Whether a value, built already, is as asked."""
        return bool(_CHECKS[self.name](value, self.bound))

    def __str__(self) -> str:
        shown = getattr(self.bound, "__qualname__", repr(self.bound))
        return f"{_WORDS[self.name]} {shown}"


_CHECKS: dict[str, Callable[[Any, Any], Any]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
    "multiple_of": lambda value, bound: not value % bound,
    "min_length": lambda value, bound: len(value) >= bound,
    "max_length": lambda value, bound: len(value) <= bound,
    "func": lambda value, function: function(value),
}
_WORDS = {
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "multiple_of": "a multiple of",
    "min_length": "a length of at least",
    "max_length": "a length of at most",
    "func": "what passes",
}
_ARGUMENTS = {
    "Ge": "ge",
    "Gt": "gt",
    "Le": "le",
    "Lt": "lt",
    "MultipleOf": "multiple_of",
    "MinLen": "min_length",
    "MaxLen": "max_length",
    "Predicate": "func",
}


def constraints_of(target: Any) -> tuple[Constraint, ...]:
    """What is asked of values of a type by ``Annotated`` around it; other notes mean nothing."""
    return tuple(_constraints(notes_on(target)))


def constrained(hook: Hook, constraints: Iterable[Constraint]) -> Hook:
    """The hook, which refuses also what is not as asked; null is, where the type has it."""
    checks = [(constraint, constraint.is_met) for constraint in constraints]

    def structure(value: Any, target: Any) -> Any:
        built = hook(value, target)
        if built is not None:
            for constraint, is_met in checks:
                if not is_met(built):
                    raise Refusal(str(constraint))
        return built

    return structure


def _constraints(notes: Iterable[Any]) -> Iterator[Constraint]:
    for note in notes:
        cls: type[Any] = note.__class__
        if cls.__module__ != _PACKAGE:
            continue
        if cls.__name__ in _GROUPS:
            yield from _constraints(note)
        elif cls.__name__ in _ARGUMENTS:
            name = _ARGUMENTS[cls.__name__]
            yield Constraint(name, getattr(note, name))
