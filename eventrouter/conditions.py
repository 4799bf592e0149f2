"""What ``where=`` asks of an event beyond its type and version."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from attrs import field, frozen

from eventrouter.errors import RegistrationError
from eventrouter.event import Event
from eventrouter.paths import MISSING, split_path, value_at
from eventrouter.signature import takes

#: Values by path into the payload or the metadata, or a predicate on the raw event.
Where: TypeAlias = Mapping[str, Any] | Callable[[Event[Any]], bool]

_METADATA, _PAYLOAD = "metadata", "payload"


@frozen
class Condition:
    """
    A ``where=``, read once.

    Args:
        where: As it was given.
        holds: Whether an event meets it.
    """

    where: Where
    holds: Callable[[Event[Any]], bool] = field(eq=False, repr=False)

    def __str__(self) -> str:
        if isinstance(self.where, Mapping):
            values = cast("Mapping[str, Any]", self.where)  # pyright: ignore[reportUnknownMemberType]
            return ", ".join(f"{path}={_shown(value)}" for path, value in values.items())
        return getattr(self.where, "__qualname__", repr(self.where))


def read_condition(where: Where) -> Condition:
    """
    Read a ``where=``.

    A path starts in the payload, or, after ``metadata.``, in the metadata; ``payload.`` in front
    says payload where its own first member is called ``metadata``. A set of values means any of
    them.

    Raises:
        RegistrationError: If it is neither mapping nor predicate, empty, or has a wrong path.
    """
    if isinstance(where, Mapping):
        if not where:
            raise RegistrationError("where={} asks for nothing; leave it out")
        values = cast("Mapping[str, Any]", where)
        checks = [_check(path, wanted) for path, wanted in values.items()]
        return Condition(values, lambda event: all(check(event) for check in checks))
    predicate: Any = where
    if not callable(predicate):  # pyright: ignore[reportUnnecessaryComparison]
        raise RegistrationError(
            f"where= takes values by path, or a predicate on the event, not {where!r}"
        )
    called = (predicate, getattr(predicate, "__call__", None))  # noqa: B004
    if any(map(inspect.iscoroutinefunction, called)):
        raise RegistrationError("a where= predicate can't be async: it must answer at once")
    if not takes(predicate, 1):
        raise RegistrationError("a where= predicate must take the event alone")
    return Condition(where, lambda event: bool(predicate(event)))


def _check(path: str, wanted: Any) -> Callable[[Event[Any]], bool]:
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RegistrationError(f"where={{{path!r}: ...}}: a path is text, such as 'order.id'")
    root, *below = split_path(path)
    if root == _METADATA and below:
        name = ".".join(below)
        return lambda event: _equal(event.metadata.get(name, MISSING), wanted)
    segments = tuple(below) if root == _PAYLOAD and below else (root, *below)
    return lambda event: _equal(value_at(event.payload, segments), wanted)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, (set, frozenset)):
        return any(_equal(value, one) for one in cast("set[Any]", wanted))
    # In JSON true is no 1, while a number may be written 1 or 1.0.
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, list) and isinstance(wanted, list):
        items, others = cast("list[Any]", value), cast("list[Any]", wanted)
        return len(items) == len(others) and all(map(_equal, items, others))
    if isinstance(value, dict) and isinstance(wanted, dict):
        members, other = cast("dict[str, Any]", value), cast("dict[str, Any]", wanted)
        return members.keys() == other.keys() and all(_equal(members[k], other[k]) for k in other)
    return bool(value == wanted)


def _shown(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return " or ".join(sorted(map(repr, cast("set[Any]", value))))
    return repr(value)
