"""A store in the memory of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from threading import Lock
from typing import ClassVar

from attrs import field, frozen
from typing_extensions import Unpack

from eventrouter.envelope import Headers
from eventrouter.stores.arguments import (
    checked_delay,
    checked_key,
    checked_limit,
    checked_seconds,
    checked_time,
)
from eventrouter.stores.claims import Claim
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter, LetterFilter, LetterPage, checked_filter
from eventrouter.stores.memory.claims import Keys
from eventrouter.stores.memory.entries import Entries
from eventrouter.stores.memory.letters import Letters
from eventrouter.stores.memory.outgoing import Outbox
from eventrouter.stores.outgoing import Outgoing, OutgoingCounts, checked_outgoing


@frozen(eq=False)
class MemoryStore:
    """
    Keeps keys, dead letters, an inbox and an outbox in the memory of this process.

    It is an ``OutboxStore``, a ``DeadLetterStore`` and an ``InboxStore``, for tests and for
    programs of one process that may forget all when they end. It is safe to use from several
    threads, and never waits.

    Args:
        clock: Gives the seconds since some moment.
    """

    #: Its methods never wait, in an event loop or without one.
    needs_loop: ClassVar[bool] = False

    clock: Callable[[], float] = field(default=time.time, kw_only=True, repr=False)
    _keys: Keys = field(factory=Keys, init=False, repr=False)
    _letters: Letters = field(factory=Letters, init=False, repr=False)
    _entries: Entries = field(factory=Entries, init=False, repr=False)
    _outbox: Outbox = field(factory=Outbox, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    async def claim(self, key: str, lease: float) -> Claim:
        """Claim a key if it is free."""
        checked_key(key)
        checked_seconds("lease", lease)
        with self._lock:
            return self._keys.claim(key, lease, self.clock())

    async def renew(self, claim: Claim, lease: float) -> bool:
        """Hold the key for that many seconds from now, if the claim holds it still."""
        checked_seconds("lease", lease)
        with self._lock:
            return self._keys.renew(claim, lease, self.clock())

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        """Remember the key as done for that many seconds, and keep what it gave."""
        checked_seconds("ttl", ttl)
        events = checked_outgoing(outgoing)
        with self._lock:
            now = self.clock()
            was_completed = bool(events) and self._keys.is_completed_by(claim, now)
            is_completed = self._keys.complete(claim, ttl, now)
            if is_completed and not was_completed:
                self._outbox.put(events, now)
            return is_completed

    async def release(self, claim: Claim) -> bool:
        """Free the key at once, if the claim holds it still."""
        with self._lock:
            return self._keys.release(claim, self.clock())

    async def purge_keys(self, limit: int = 1_000) -> int:
        """Delete some of the keys that are free, and say how many."""
        checked_limit(limit)
        with self._lock:
            return self._keys.purge(limit, self.clock())

    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        """Take events to be published, those of one key in the order in which they were put."""
        checked_limit(limit)
        checked_seconds("lease", lease)
        with self._lock:
            return self._outbox.take(limit, lease, self.clock())

    async def sent(self, ids: Iterable[str]) -> int:
        """Delete events that were published, and say how many there were."""
        with self._lock:
            return self._outbox.remove(ids)

    async def give_back_outgoing(
        self, outgoing: Iterable[Outgoing], delay: float = 0, *, charge: bool = False
    ) -> int:
        """Let events be taken again, and say how many of them the relay still had."""
        checked_delay(delay)
        with self._lock:
            return self._outbox.give_back(outgoing, self.clock() + delay, charge)

    async def count_outgoing(self) -> OutgoingCounts:
        """Say how many events there are to be published."""
        with self._lock:
            return self._outbox.count(self.clock())

    async def add_letter(self, letter: DeadLetter) -> str:
        """Keep a letter, and give its id."""
        with self._lock:
            return self._letters.add(letter)

    async def get_letter(self, id: str) -> DeadLetter | None:
        """Find the letter with that id, or None."""
        with self._lock:
            return self._letters.get(id)

    async def find_letters(
        self,
        *,
        limit: int = 100,
        cursor: str | None = None,
        oldest_first: bool = False,
        **which: Unpack[LetterFilter],
    ) -> LetterPage:
        """Find letters, page by page, in the order in which they were added."""
        checked_limit(limit)
        checked_filter(which)
        with self._lock:
            return self._letters.find(limit, cursor, oldest_first, which)

    async def count_letters(self, **which: Unpack[LetterFilter]) -> int:
        """Say how many letters fit what is given."""
        checked_filter(which)
        with self._lock:
            return self._letters.count(which)

    async def remove_letters(self, ids: Iterable[str]) -> int:
        """Delete the letters with these ids, and say how many there were."""
        with self._lock:
            return self._letters.remove(ids)

    async def purge_letters(self, before: datetime, limit: int = 1_000) -> int:
        """Delete some of the letters that arrived before then, and say how many."""
        checked_time("before", before)
        checked_limit(limit)
        with self._lock:
            return self._letters.purge(before, limit)

    async def put(
        self, raw: bytes, headers: Headers, received: datetime, *, key: str | None = None
    ) -> str:
        """Keep an event until it is processed, and give the id of its entry."""
        checked_time("received", received)
        if key is not None:
            checked_key(key)
        with self._lock:
            return self._entries.put(raw, headers, received, key, self.clock())

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take the entries that are due, and count an attempt of each."""
        checked_limit(limit)
        checked_seconds("lease", lease)
        with self._lock:
            return self._entries.take(limit, lease, self.clock())

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Have the entry for that many seconds from now, if the worker still has it."""
        checked_seconds("lease", lease)
        with self._lock:
            return self._entries.keep(entry, lease, self.clock())

    async def done(self, entry: Entry) -> bool:
        """Delete the entry, if the worker still has it."""
        with self._lock:
            return self._entries.remove(entry, self.clock())

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Let the entry be taken again, if the worker still has it."""
        checked_delay(delay)
        with self._lock:
            return self._entries.give_back(entry, delay, charge, self.clock())

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Delete the entry and add a dead letter, if the worker still has it."""
        with self._lock:
            if not self._entries.remove(entry, self.clock()):
                return None
            return self._letters.add(letter)

    async def count_entries(self) -> EntryCounts:
        """Say how many entries there are."""
        with self._lock:
            return self._entries.count(self.clock())
