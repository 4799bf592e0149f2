"""A store on a server whose time passes when it is told to."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field

from eventrouter.stores import Claim, RedisStore
from eventrouter.testing import FakeClock

_AGE: Final = """
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key) - ARGV[2]
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end
"""


@define(eq=False)
class Aging:
    """
    A store whose keys grow older by as much as a clock goes on.

    The server has a clock of its own, which nobody can set. So when the clock of the test has
    gone on, that much is taken off the time that each key has left.

    Attributes:
        scale: How many seconds of the server one second is.
    """

    store: RedisStore
    clock: FakeClock
    client: Any
    scale: int = 1
    _seen: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._seen = self.clock()

    async def claim(self, key: str, lease: float) -> Claim:
        self.grow_older()
        return await self.store.claim(key, self._scaled(lease))

    async def renew(self, claim: Claim, lease: float) -> bool:
        self.grow_older()
        return await self.store.renew(claim, self._scaled(lease))

    async def complete(self, claim: Claim, ttl: float) -> bool:
        self.grow_older()
        return await self.store.complete(claim, self._scaled(ttl))

    async def release(self, claim: Claim) -> bool:
        self.grow_older()
        return await self.store.release(claim)

    async def purge_keys(self, limit: int = 1_000) -> int:
        self.grow_older()
        return await self.store.purge_keys(limit)

    def _scaled(self, seconds: float) -> float:
        return seconds if self.scale == 1 else seconds * self.scale

    def grow_older(self) -> None:
        """Let the time pass that the clock has gone on by."""
        passed, self._seen = self.clock() - self._seen, self.clock()
        if passed:
            self.client.eval(_AGE, 0, self.store.prefix, round(passed * self.scale * 1_000))
