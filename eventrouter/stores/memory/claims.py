"""Keys in memory."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from attrs import define, field

from eventrouter.result import Status
from eventrouter.stores.claims import Claim

_PURGED_AT_ONCE = 2  # more than are added, so that none pile up


@define
class _Holder:
    token: str
    is_completed: bool
    until: float


@define
class Keys:
    """Who holds which key until when; times are in seconds."""

    _holders: dict[str, _Holder] = field(factory=dict[str, _Holder])
    # (until, key) of each holder and of those that they replaced, the first to run out first.
    _ends: list[tuple[float, str]] = field(factory=list[tuple[float, str]])
    _tokens: count[int] = field(factory=count)

    def claim(self, key: str, lease: float, now: float) -> Claim:
        """Claim the key if it is free."""
        holder = self._holder(key, now)
        if holder is None:
            self.purge(_PURGED_AT_ONCE, now)
            token = str(next(self._tokens))
            self._hold(key, _Holder(token, False, now + lease))
            return Claim(key, None, token)
        if holder.is_completed:
            return Claim(key, Status.DUPLICATE)
        return Claim(key, Status.IN_PROGRESS, seconds_left=holder.until - now)

    def renew(self, claim: Claim, lease: float, now: float) -> bool:
        """Hold the key for longer, if the claim holds it still."""
        if not self._is_held_by(claim, now):
            return False
        self._hold(claim.key, _Holder(claim.token, False, now + lease))
        return True

    def complete(self, claim: Claim, ttl: float, now: float) -> bool:
        """Remember the key as done, unless another claimed it since."""
        holder = self._holder(claim.key, now)
        if not claim.token or (holder is not None and holder.token != claim.token):
            return False
        self._hold(claim.key, _Holder(claim.token, True, now + ttl))
        return True

    def is_completed_by(self, claim: Claim, now: float) -> bool:
        """Whether the key is completed, by this claim."""
        holder = self._holder(claim.key, now)
        return holder is not None and holder.is_completed and holder.token == claim.token

    def release(self, claim: Claim, now: float) -> bool:
        """Free the key, if the claim holds it still."""
        if not self._is_held_by(claim, now):
            return False
        del self._holders[claim.key]
        return True

    def purge(self, limit: int, now: float) -> int:
        """Delete some of the keys that are free, and say how many."""
        purged = 0
        while purged < limit and self._ends and self._ends[0][0] <= now:
            until, key = heappop(self._ends)
            holder = self._holders.get(key)
            if holder is not None and holder.until == until:
                del self._holders[key]
                purged += 1
        return purged

    def _holder(self, key: str, now: float) -> _Holder | None:
        holder = self._holders.get(key)
        return None if holder is None or holder.until <= now else holder

    def _is_held_by(self, claim: Claim, now: float) -> bool:
        holder = self._holder(claim.key, now)
        return holder is not None and not holder.is_completed and holder.token == claim.token

    def _hold(self, key: str, holder: _Holder) -> None:
        self._holders[key] = holder
        heappush(self._ends, (holder.until, key))
