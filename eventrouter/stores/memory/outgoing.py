"""An outbox in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count, islice

from attrs import define, evolve, field

from eventrouter.stores.arguments import number_of
from eventrouter.stores.outgoing import Outgoing, OutgoingCounts


@define(eq=False)
class _Kept:
    number: int
    outgoing: Outgoing
    due: float


@define
class Outbox:
    """The events by number, in the order in which they were put; times are in seconds."""

    _kept: dict[int, _Kept] = field(factory=dict[int, _Kept])
    # (due, number) of each first of its key, and of those that were due at another time.
    _due: list[tuple[float, int]] = field(factory=list[tuple[float, int]])
    _of_key: dict[str, deque[int]] = field(factory=dict[str, deque[int]])
    _numbers: count[int] = field(factory=lambda: count(1))
    _tokens: count[int] = field(factory=count)

    def put(self, outgoing: Iterable[Outgoing], now: float) -> None:
        """Keep events to be published."""
        for each in outgoing:
            number = next(self._numbers)
            headers = dict(each.headers)
            each = evolve(each, id=str(number), headers=headers, failed=0, token="")
            of_key = self._of_key.setdefault(each.key, deque())
            of_key.append(number)
            self._kept[number] = _Kept(number, each, now)
            self._set_due(number, now)

    def take(self, limit: int, lease: float, now: float) -> list[Outgoing]:
        """Take events that are due, and those behind them."""
        firsts = list[_Kept]()
        while len(firsts) < limit and self._due and self._due[0][0] <= now:
            due, number = heappop(self._due)
            kept = self._kept.get(number)
            is_due = kept is not None and kept.due == due and self._is_first(kept)
            if kept is not None and is_due and kept not in firsts:
                firsts.append(kept)
        taken = list[Outgoing]()
        left = limit - len(firsts)
        for first in firsts:
            run = [first]
            for number in tuple(islice(self._of_key[first.outgoing.key], 1, left + 1)):
                if self._kept[number].due > now:
                    break
                run.append(self._kept[number])
                left -= 1
            taken += [self._take(kept, now + lease) for kept in run]
        return taken

    def remove(self, ids: Iterable[str]) -> int:
        """Delete events, and say how many there were."""
        removed = 0
        for number in map(number_of, ids):
            kept = None if number is None else self._kept.pop(number, None)
            if kept is None:
                continue
            removed += 1
            of_key = self._of_key[kept.outgoing.key]
            of_key.remove(kept.number)
            if of_key:
                self._set_due(of_key[0], self._kept[of_key[0]].due)
            else:
                del self._of_key[kept.outgoing.key]
        return removed

    def give_back(self, outgoing: Iterable[Outgoing], due: float, charge: bool) -> int:
        """Let events be taken again, and say how many were still had."""
        given_back = 0
        for each in outgoing:
            kept = self._kept.get(int(each.id))
            if kept is not None and each.token and kept.outgoing.token == each.token:
                failed = kept.outgoing.failed + charge
                kept.outgoing = evolve(kept.outgoing, failed=failed, token="")
                self._set_due(kept.number, due)
                given_back += 1
        return given_back

    def count(self, now: float) -> OutgoingCounts:
        """Say how many events there are."""
        ready = taken = failed = 0
        for kept in self._kept.values():
            is_due = kept.due <= now
            ready += is_due and self._is_first(kept)
            taken += not is_due and bool(kept.outgoing.token)
            failed += kept.outgoing.failed > 0
        return OutgoingCounts(ready, len(self._kept) - ready - taken, taken, failed)

    def _take(self, kept: _Kept, due: float) -> Outgoing:
        kept.outgoing = evolve(kept.outgoing, token=str(next(self._tokens)))
        self._set_due(kept.number, due)
        return kept.outgoing

    def _is_first(self, kept: _Kept) -> bool:
        return self._of_key[kept.outgoing.key][0] == kept.number

    def _set_due(self, number: int, due: float) -> None:
        kept = self._kept[number]
        kept.due = due
        if self._is_first(kept):
            heappush(self._due, (due, number))
