"""A store on a Redis server."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, Final

from attrs import Attribute, field, frozen

from eventrouter.errors import RegistrationError
from eventrouter.result import Status
from eventrouter.stores.arguments import checked_key, checked_limit, checked_seconds
from eventrouter.stores.claims import Claim
from eventrouter.stores.redis.scripts import (
    CLAIM,
    COMPLETE,
    DUPLICATE,
    GRANTED,
    RELEASE,
    RENEW,
    Script,
)
from eventrouter.stores.redis.server import Server
from eventrouter.stores.threads import StoreThreads

_THREADS: Final = 16  # calls at a time in one event loop; each has a connection
_REMEMBERED: Final = 60_000  # milliseconds for which a call that releases a key may be sent again
_MOST_MILLISECONDS: Final = 10**15


def _refuse_no_text(_: Any, __: Attribute[Any], prefix: Any) -> None:
    if not isinstance(prefix, str) or not prefix:
        raise RegistrationError(f"prefix={prefix!r}: it is text, such as 'eventrouter:'")


@frozen(eq=False, repr=False)
class RedisStore:
    """
    Keeps keys on a Redis server, for any number of processes and machines.

    It is an ``IdempotencyStore``. Each step is one script, which the server runs alone, so that
    of any number that claim a key at once one gets it. Threads may share it, and a forked process
    may go on with the one it inherited. Keys run out by the clock of the server.

    What the server forgets, runs again: see docs/stores.md for how it must be set. One that evicts
    keys when its memory is full is refused when it is first used.

    In an event loop, asyncio or trio, it waits for the server in a worker thread. Where no event
    loop runs, its methods never wait for one, so that ``dispatch_sync`` may call them.

    Args:
        server: The URL of the server, ``redis://:password@host:6379/0``; or a ``redis.Redis`` that
            is made already, with timeouts of your own.
        prefix: How the names of its keys begin. Programs whose events have to do with one another
            share it, others have another.

    Raises:
        RegistrationError: If ``server`` is neither, or ``prefix`` no text.
    """

    #: Where no event loop runs, its methods never wait for one.
    needs_loop: ClassVar[bool] = False

    _server: Server = field(converter=Server, alias="server")
    prefix: str = field(default="eventrouter:", kw_only=True, validator=_refuse_no_text)
    _threads: StoreThreads = field(factory=lambda: StoreThreads(_THREADS), init=False)

    def __repr__(self) -> str:
        return f"RedisStore({self._server.address}, prefix={self.prefix!r})"

    async def check(self) -> None:
        """
        Look whether the server can be reached and forgets no keys, as the first call does.

        Raises:
            StoreError: If it is not so.
        """
        await self._threads.run(self._server.check)

    def close(self) -> None:
        """
        Close the connections; using it opens them again.

        Those of a client that was given are for whoever made it to close.
        """
        self._server.close()

    async def claim(self, key: str, lease: float) -> Claim:
        """Claim a key if it is free."""
        checked_key(key)
        checked_seconds("lease", lease)
        token = _token()
        answer, left = await self._run(CLAIM, key, token, _milliseconds(lease))
        if answer == GRANTED:
            return Claim(key, None, token)
        if answer == DUPLICATE:
            return Claim(key, Status.DUPLICATE)
        return Claim(key, Status.IN_PROGRESS, seconds_left=left / 1_000 if left >= 0 else None)

    async def renew(self, claim: Claim, lease: float) -> bool:
        """Hold the key for that many seconds from now, if the claim holds it still."""
        checked_seconds("lease", lease)
        return bool(
            claim.token and await self._run(RENEW, claim.key, claim.token, _milliseconds(lease))
        )

    async def complete(self, claim: Claim, ttl: float) -> bool:
        """Remember the key as done for that many seconds, unless another claimed it since."""
        checked_seconds("ttl", ttl)
        return bool(
            claim.token and await self._run(COMPLETE, claim.key, claim.token, _milliseconds(ttl))
        )

    async def release(self, claim: Claim) -> bool:
        """Free the key at once, if the claim holds it still."""
        return bool(
            claim.token and await self._run(RELEASE, claim.key, claim.token, _token(), _REMEMBERED)
        )

    async def purge_keys(self, limit: int = 1_000) -> int:
        """Say that none is left to delete: the server deletes keys when their time is over."""
        checked_limit(limit)
        return 0

    async def _run(self, script: Script, key: str, *arguments: str | int) -> Any:
        return await self._threads.run(
            lambda: self._server.run(script, self.prefix + key, *arguments)
        )


def _token() -> str:
    return secrets.token_hex(8)


def _milliseconds(seconds: float) -> int:
    return max(1, round(min(seconds * 1_000, _MOST_MILLISECONDS)))
