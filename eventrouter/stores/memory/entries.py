"""Entries of an inbox in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count

from attrs import define, field

from eventrouter.envelope import Headers
from eventrouter.stores.entries import Entry, EntryCounts


@define(eq=False)
class _Kept:
    number: int
    raw: bytes
    headers: Headers
    received: datetime
    key: str | None
    due: float
    attempts: int = 0
    token: str | None = None
    failed: int = 0

    @property
    def entry(self) -> Entry:
        return Entry(
            str(self.number),
            self.raw,
            self.headers,
            self.received,
            self.key,
            self.attempts,
            self.token or "",
            self.failed,
        )


@define
class Entries:
    """The entries by number, in the order in which they were put; times are in seconds."""

    _entries: dict[int, _Kept] = field(factory=dict[int, _Kept])
    # (due, number) of each that may be taken then, and of those that were due at another time.
    _due: list[tuple[float, int]] = field(factory=list[tuple[float, int]])
    # key -> numbers; the first may be taken, the others wait behind it
    _of_key: dict[str, deque[int]] = field(factory=dict[str, deque[int]])
    _numbers: count[int] = field(factory=lambda: count(1))
    _tokens: count[int] = field(factory=count)

    def put(
        self, raw: bytes, headers: Headers, received: datetime, key: str | None, now: float
    ) -> str:
        """Keep an event, and give the id of its entry."""
        kept = _Kept(next(self._numbers), raw, dict(headers), received.astimezone(UTC), key, now)
        self._entries[kept.number] = kept
        if key is not None:
            self._of_key.setdefault(key, deque()).append(kept.number)
        if self._is_first(kept):
            self._set_due(kept, now)
        return str(kept.number)

    def take(self, limit: int, lease: float, now: float) -> list[Entry]:
        """Take the entries that are due."""
        taken = list[_Kept]()
        for kept in self._pop_due(limit, now):
            kept.attempts += 1
            kept.token = str(next(self._tokens))
            taken.append(kept)
        for kept in taken:
            self._set_due(kept, now + lease)
        return [kept.entry for kept in taken]

    def keep(self, entry: Entry, lease: float, now: float) -> bool:
        """Have the entry for longer."""
        kept = self._taken(entry)
        if kept is None:
            return False
        self._set_due(kept, now + lease)
        return True

    def give_back(self, entry: Entry, delay: float, charge: bool, now: float) -> bool:
        """Let the entry be taken again."""
        kept = self._taken(entry)
        if kept is None:
            return False
        kept.token = None
        kept.attempts -= not charge
        kept.failed += charge
        self._set_due(kept, now + delay)
        return True

    def remove(self, entry: Entry, now: float) -> bool:
        """Delete the entry, and let the next of its key be taken."""
        kept = self._taken(entry)
        if kept is None:
            return False
        del self._entries[kept.number]
        if kept.key is not None:
            behind = self._of_key[kept.key]
            behind.popleft()
            if behind:
                self._set_due(self._entries[behind[0]], now)
            else:
                del self._of_key[kept.key]
        return True

    def count(self, now: float) -> EntryCounts:
        """Say how many entries there are."""
        ready = waiting = taken = 0
        for kept in self._entries.values():
            is_due = kept.due <= now and self._is_first(kept)
            is_taken = kept.token is not None and not is_due
            ready += is_due
            taken += is_taken
            waiting += not is_due and not is_taken
        return EntryCounts(ready, waiting, taken)

    def _taken(self, entry: Entry) -> _Kept | None:
        kept = self._entries.get(int(entry.id))
        return kept if kept is not None and kept.token == entry.token else None

    def _is_first(self, kept: _Kept) -> bool:
        return kept.key is None or self._of_key[kept.key][0] == kept.number

    def _set_due(self, kept: _Kept, due: float) -> None:
        kept.due = due
        heappush(self._due, (due, kept.number))

    def _pop_due(self, limit: int, now: float) -> Iterator[_Kept]:
        found = set[int]()
        while len(found) < limit and self._due and self._due[0][0] <= now:
            due, number = heappop(self._due)
            kept = self._entries.get(number)
            if kept is not None and kept.due == due and number not in found:
                found.add(number)
                yield kept
