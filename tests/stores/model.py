"""What the stores should do, as plainly as it can be said."""

from __future__ import annotations

from itertools import takewhile

from attrs import define, evolve, field

from eventrouter import DeadLetter, Status
from eventrouter.stores import Claim, Entry, EntryCounts, OutgoingCounts


@define
class Holder:
    claim: Claim
    is_completed: bool
    until: float


@define
class Keys:
    holders: dict[str, Holder] = field(factory=dict)

    def holder(self, key: str, now: float) -> Holder | None:
        holder = self.holders.get(key)
        return holder if holder and holder.until > now else None

    def refused(self, key: str, now: float) -> Status | None:
        holder = self.holder(key, now)
        if holder is None:
            return None
        return Status.DUPLICATE if holder.is_completed else Status.IN_PROGRESS

    def is_held_by(self, claim: Claim, now: float) -> bool:
        holder = self.holder(claim.key, now)
        return holder is not None and holder.claim is claim and not holder.is_completed

    def can_complete(self, claim: Claim, now: float) -> bool:
        holder = self.holder(claim.key, now)
        return claim.refused is None and (holder is None or holder.claim is claim)

    def is_completed_by(self, claim: Claim, now: float) -> bool:
        holder = self.holder(claim.key, now)
        return holder is not None and holder.claim is claim and holder.is_completed

    def set(self, claim: Claim, is_completed: bool, until: float) -> None:
        self.holders[claim.key] = Holder(claim, is_completed, until)


@define
class Waiting:
    id: str
    key: str | None
    due: float
    attempts: int = 0
    taken: Entry | None = None


@define
class Entries:
    waiting: dict[str, Waiting] = field(factory=dict)  # in the order in which they were put

    def is_first(self, entry: Waiting) -> bool:
        of_key = [other.id for other in self.waiting.values() if other.key == entry.key]
        return entry.key is None or of_key[0] == entry.id

    def due(self, now: float) -> list[Waiting]:
        due = [e for e in self.waiting.values() if e.due <= now and self.is_first(e)]
        return sorted(due, key=lambda e: e.due)

    def has(self, entry: Entry) -> bool:
        return entry.id in self.waiting and self.waiting[entry.id].taken is entry

    def remove(self, entry: Entry, now: float) -> None:
        del self.waiting[entry.id]
        for other in self.waiting.values():
            if entry.key is not None and other.key == entry.key:
                other.due = now
                break

    def counts(self, now: float) -> EntryCounts:
        ready = len(self.due(now))
        taken = sum(e.taken is not None and e.due > now for e in self.waiting.values())
        return EntryCounts(ready, len(self.waiting) - ready - taken, taken)


@define
class Sending:
    """An event to be published."""

    type: str
    key: str
    due: float
    id: str = ""
    failed: int = 0
    token: str = ""


@define
class Outgoing:
    sending: list[Sending] = field(factory=list)  # in the order in which they were put

    def of(self, key: str) -> list[Sending]:
        return [one for one in self.sending if one.key == key]

    def due(self, now: float) -> list[Sending]:
        """The firsts of their keys that can be taken, in the order in which they became due."""
        due = [one for one in self.sending if one.due <= now and self.of(one.key)[0] is one]
        return sorted(due, key=lambda one: one.due)

    def taken(self, limit: int, now: float) -> list[Sending]:
        """Each first, and as many behind each as are left to be taken."""
        firsts = self.due(now)[:limit]
        left, taken = limit - len(firsts), list[Sending]()
        for first in firsts:
            behind = list(takewhile(lambda one: one.due <= now, self.of(first.key)[1:]))[:left]
            left -= len(behind)
            taken += [first, *behind]
        return taken

    def counts(self, now: float) -> OutgoingCounts:
        ready = len(self.due(now))
        taken = sum(bool(one.token) and one.due > now for one in self.sending)
        failed = sum(one.failed > 0 for one in self.sending)
        return OutgoingCounts(ready, len(self.sending) - ready - taken, taken, failed)


@define
class Letters:
    letters: dict[str, DeadLetter] = field(factory=dict)  # in the order in which they were added

    def add(self, letter: DeadLetter, id: str) -> None:
        assert id not in self.letters
        self.letters[id] = evolve(letter, id=id)
