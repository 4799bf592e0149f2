"""Patterns of event types: ``order.paid``, ``order.*``, ``order.**``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Generic, TypeVar

from attrs import Factory, define

from eventrouter.errors import RegistrationError

T = TypeVar("T")

_ONE, _ANY = "*", "**"


class Specificity(IntEnum):
    """How closely a pattern names a type; the lower is the closer."""

    EXACT = 0
    ONE_SEGMENT = 1
    ANY_SEGMENTS = 2


def specificity(pattern: str) -> Specificity:
    """
    How closely the pattern names a type.

    Raises:
        RegistrationError: If it is no text, has an empty segment, or a ``*`` inside a segment.
    """
    if not isinstance(pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RegistrationError(f"the pattern {pattern!r} is no text, such as 'order.*'")
    segments = pattern.split(".")
    if not all(segments):
        raise RegistrationError(f"the pattern {pattern!r} has an empty segment")
    for segment in segments:
        if _ONE in segment and segment not in (_ONE, _ANY):
            raise RegistrationError(
                f"{segment!r} in the pattern {pattern!r}: a * stands for a whole segment, as in "
                "'order.*'; narrow further with where="
            )
    if _ANY in segments:
        return Specificity.ANY_SEGMENTS
    return Specificity.ONE_SEGMENT if _ONE in segments else Specificity.EXACT


@define(eq=False)
class _Node(Generic[T]):
    is_any: bool = False
    named: dict[str, _Node[T]] = Factory(lambda: dict[str, _Node[T]]())
    one: _Node[T] | None = None
    any: _Node[T] | None = None
    values: list[T] = Factory(lambda: list[T]())


class PatternTree(Generic[T]):
    """
    Values under patterns, found by the event type that the patterns match.

    The segments of an event type are followed through all patterns at once, so that finding takes
    time that grows with the patterns that match so far, not with all there are.
    """

    def __init__(self) -> None:
        self._root = _Node[T]()

    def add(self, pattern: str, value: T) -> None:
        """Put a value under a pattern."""
        node = self._root
        for segment in pattern.split("."):
            if segment == _ONE:
                node.one = node.one or _Node()
                node = node.one
            elif segment == _ANY:
                node.any = node.any or _Node(is_any=True)
                node = node.any
            else:
                node = node.named.setdefault(segment, _Node())
        node.values.append(value)

    def find(self, event_type: str) -> list[T]:
        """The values under all patterns that match, in no order."""
        reached = _with_skipped([self._root])
        for segment in event_type.split("."):
            reached = _with_skipped(_following(reached, segment))
        return [value for node in reached for value in node.values]


def _following(nodes: Iterable[_Node[T]], segment: str) -> Iterable[_Node[T]]:
    for node in nodes:
        if node.is_any:
            yield node
        if node.one is not None:
            yield node.one
        if segment in node.named:
            yield node.named[segment]


def _with_skipped(nodes: Iterable[_Node[T]]) -> dict[_Node[T], None]:
    """The nodes and those behind a ``**``, which may stand for no segment; each once."""
    reached: dict[_Node[T], None] = {}
    for node in nodes:
        step: _Node[T] | None = node
        while step is not None and step not in reached:
            reached[step] = None
            step = step.any
    return reached


def matches(pattern: str, event_type: str) -> bool:
    """Whether the pattern matches the event type."""
    tree = PatternTree[bool]()
    tree.add(pattern, True)
    return bool(tree.find(event_type))
