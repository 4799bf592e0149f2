"""What a comparison of two schemas finds, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen

from eventrouter.schemas.rules import Level, Rule


class NotComparable(Exception):
    """Raised where schemas can't be compared; its text says why."""


@frozen
class Difference:
    """
    One place where something sent is not taken.

    Attributes:
        rule: The rule that it breaks.
        what: What would break, in words.
        level: Whether it breaks for sure, or asks for a look.
        path: Where, from the schema compared on.
    """

    rule: Rule
    what: str
    level: Level = Level.ERROR
    path: str = ""

    @property
    def breaks(self) -> bool:
        """Whether something sent is not taken."""
        return self.level is Level.ERROR


#: What tells two conjunctions of schemas from others: the ids of the schemas.
Pair: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


@frozen
class Inside:
    """
    Two schemas inside those compared, to be compared on their own.

    Attributes:
        path: Where they are.
        pair: Which they are.
        breaks: Whether something sent is known not to be taken there.
    """

    path: str
    pair: Pair
    breaks: bool


#: What comparing two schemas gives.
Found: TypeAlias = Difference | Inside


def breaks(found: Iterable[Found]) -> bool:
    """Whether any of it breaks something."""
    return any(one.breaks for one in found)


def severity(found: Iterable[Found]) -> int:
    """How much of it breaks something."""
    return sum(one.breaks for one in found)
