"""Dead letters in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import count, islice
from typing import Any

from attrs import define, evolve, field

from eventrouter.stores.arguments import number_of, number_of_cursor
from eventrouter.stores.letters import DeadLetter, LetterFilter, LetterPage


@define
class Letters:
    """The letters by number, in the order in which they were added."""

    _letters: dict[int, DeadLetter] = field(factory=dict[int, DeadLetter])
    _numbers: count[int] = field(factory=lambda: count(1))

    def add(self, letter: DeadLetter) -> str:
        """Keep a letter, and give its id."""
        number = next(self._numbers)
        self._letters[number] = evolve(letter, id=str(number))
        return str(number)

    def get(self, id: str) -> DeadLetter | None:
        """Find the letter with that id, or None."""
        number = number_of(id)
        return None if number is None else self._letters.get(number)

    def find(
        self, limit: int, cursor: str | None, oldest_first: bool, which: LetterFilter
    ) -> LetterPage:
        """Find a page of letters."""
        numbers = iter(self._letters if oldest_first else reversed(self._letters))
        if cursor is not None:
            last = number_of_cursor(cursor)
            numbers = (n for n in numbers if (n > last if oldest_first else n < last))
        fitting = (self._letters[n] for n in numbers if _fits(self._letters[n], which))
        letters = tuple(islice(fitting, limit))
        has_more = next(fitting, None) is not None
        return LetterPage(letters, letters[-1].id if has_more else None)

    def count(self, which: LetterFilter) -> int:
        """Say how many letters fit."""
        return sum(_fits(letter, which) for letter in self._letters.values())

    def remove(self, ids: Iterable[str]) -> int:
        """Delete letters, and say how many there were."""
        found = {letter.id for letter in map(self.get, ids) if letter is not None}
        for id in found:
            del self._letters[int(id)]
        return len(found)

    def purge(self, before: datetime, limit: int) -> int:
        """Delete some of the letters that arrived before then, and say how many."""
        early = [letter for letter in self._letters.values() if letter.received < before]
        early.sort(key=lambda letter: letter.received)
        return self.remove(letter.id for letter in early[:limit])


def _fits(letter: DeadLetter, which: LetterFilter) -> bool:
    wanted: dict[str, Any] = dict(which)
    after, before = wanted.pop("after", None), wanted.pop("before", None)
    return (
        (after is None or after <= letter.received)
        and (before is None or letter.received < before)
        and all(getattr(letter, name) == value for name, value in wanted.items())
    )
