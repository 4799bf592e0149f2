"""Stores that do what they should, until they are told to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import anyio
import anyio.lowlevel
from attrs import field, frozen

from eventrouter import DeadLetter, MemoryStore, SqliteStore, StoreError
from eventrouter.stores import Claim, Outgoing

AnyStore: TypeAlias = MemoryStore | SqliteStore
T = TypeVar("T")


@frozen(eq=False)
class Failing(MemoryStore):
    """
    A store whose methods of some names fail.

    Attributes:
        broken: Their names.
        error: What they raise.
        called: The names of all that were called.
    """

    broken: set[str] = field(factory=set[str], kw_only=True)
    error: Exception = field(factory=lambda: StoreError("the disk is full"), kw_only=True)
    called: list[str] = field(factory=list[str], init=False)

    async def claim(self, key: str, lease: float) -> Claim:
        return await self._unless_broken("claim", super().claim(key, lease))

    async def renew(self, claim: Claim, lease: float) -> bool:
        return await self._unless_broken("renew", super().renew(claim, lease))

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        return await self._unless_broken("complete", super().complete(claim, ttl, outgoing))

    async def release(self, claim: Claim) -> bool:
        return await self._unless_broken("release", super().release(claim))

    async def add_letter(self, letter: DeadLetter) -> str:
        return await self._unless_broken("add_letter", super().add_letter(letter))

    async def _unless_broken(self, name: str, call: Awaitable[T]) -> T:
        self.called.append(name)
        done = await call
        if name in self.broken:
            raise self.error
        return done


class Waiting(MemoryStore):
    """A store that needs an event loop, as one of a server does."""

    needs_loop = True

    async def claim(self, key: str, lease: float) -> Claim:
        await anyio.lowlevel.checkpoint()
        return await super().claim(key, lease)

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        await anyio.lowlevel.checkpoint()
        return await super().complete(claim, ttl, outgoing)

    async def add_letter(self, letter: DeadLetter) -> str:
        await anyio.lowlevel.checkpoint()
        return await super().add_letter(letter)


def completing(name: str) -> Callable[[Any], str]:
    """A handler of that name, which returns it."""

    def handle(payload: Any) -> str:
        return name

    handle.__qualname__ = name
    return handle
