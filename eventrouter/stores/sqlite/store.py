"""A store in an SQLite file."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from sqlite3 import Connection
from typing import ClassVar, TypeVar

from attrs import Factory, field, frozen
from typing_extensions import Unpack

from eventrouter.envelope import Headers
from eventrouter.errors import RegistrationError
from eventrouter.stores.arguments import (
    checked_delay,
    checked_key,
    checked_limit,
    checked_seconds,
    checked_time,
    refuse_no_seconds,
)
from eventrouter.stores.claims import Claim
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter, LetterFilter, LetterPage, checked_filter
from eventrouter.stores.outgoing import Outgoing, OutgoingCounts, checked_outgoing
from eventrouter.stores.sqlite import claims, entries, letters
from eventrouter.stores.sqlite import outgoing as outbox
from eventrouter.stores.sqlite.database import Database
from eventrouter.stores.sqlite.values import micros
from eventrouter.stores.threads import StoreThreads

T = TypeVar("T")

_THREADS = 1  # more would wait for the one that uses the connection


def _as_path(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not text or text == ":memory:":
        raise RegistrationError(f"{text!r} is no file; MemoryStore() keeps all in memory")
    return text


def _make_database(store: SqliteStore) -> Database:
    return Database(store.path, store.timeout)


@frozen(eq=False)
class SqliteStore:
    """
    Keeps keys, dead letters, an inbox and an outbox in one SQLite file.

    It is an ``OutboxStore``, a ``DeadLetterStore`` and an ``InboxStore``. Threads may share
    it, several may have one file, in as many processes on one machine, and a forked process may
    go on with the one it inherited.

    What returned is kept if the process is killed, and if the power goes: the disk is told to
    keep it. The claim of a key alone is not worth waiting for the disk, since whoever holds it is
    gone then too; nor is that an event of the outbox was sent, since it may be sent again.

    In an event loop SQLite runs in a worker thread. A task that is cancelled waits for it; where
    asyncio interrupts it all the same, the thread goes on and does all of it. Where no event loop
    runs, its methods never wait for one, so that ``dispatch_sync`` may call them.

    Leases and times to live go by the clock of the machine. If that is set forward they run out
    early, and what is still processed may be processed a second time; if it is set back they last
    longer by as much.

    Args:
        path: The file, on a disk of this machine; it is made when it is first used.
        timeout: How many seconds to wait while another process writes.
        clock: Gives the seconds since 1970.

    Raises:
        RegistrationError: If ``path`` is no file, or ``timeout`` no number over 0.
    """

    #: Where no event loop runs, its methods never wait for one.
    needs_loop: ClassVar[bool] = False

    path: str = field(converter=_as_path)
    timeout: float = field(default=10, validator=refuse_no_seconds, kw_only=True)
    clock: Callable[[], float] = field(default=time.time, kw_only=True, repr=False)
    _database: Database = field(
        default=Factory(_make_database, takes_self=True), init=False, repr=False
    )
    _threads: StoreThreads = field(factory=lambda: StoreThreads(_THREADS), init=False, repr=False)

    def close(self) -> None:
        """Close the file. It need not be: what returned is kept, and using it opens it again."""
        self._database.close()

    async def claim(self, key: str, lease: float) -> Claim:
        """Claim a key if it is free."""
        checked_key(key)
        checked_seconds("lease", lease)

        def work(connection: Connection) -> Claim:
            now = self._now()
            return claims.claim(connection, key, _token(), now + micros(lease), now)

        return await self._write(work, synced=False)

    async def renew(self, claim: Claim, lease: float) -> bool:
        """Hold the key for that many seconds from now, if the claim holds it still."""
        checked_seconds("lease", lease)

        def work(connection: Connection) -> bool:
            now = self._now()
            return claims.renew(connection, claim, now + micros(lease), now)

        return await self._write(work, synced=False)

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        """Remember the key as done for that many seconds, and keep what it gave."""
        checked_seconds("ttl", ttl)
        events = checked_outgoing(outgoing)

        def work(connection: Connection) -> bool:
            now = self._now()
            was_completed = bool(events) and claims.is_completed_by(connection, claim, now)
            is_completed = claims.complete(connection, claim, now + micros(ttl), now)
            if is_completed and not was_completed:
                outbox.put(connection, events, now)
            return is_completed

        return await self._write(work)

    async def release(self, claim: Claim) -> bool:
        """Free the key at once, if the claim holds it still."""
        return await self._write(
            lambda connection: claims.release(connection, claim, self._now()), synced=False
        )

    async def purge_keys(self, limit: int = 1_000) -> int:
        """Delete some of the keys that are free, and say how many."""
        checked_limit(limit)
        return await self._write(
            lambda connection: claims.purge(connection, limit, self._now()), synced=False
        )

    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        """Take events to be published, those of one key in the order in which they were put."""
        checked_limit(limit)
        checked_seconds("lease", lease)

        def work(connection: Connection) -> list[Outgoing]:
            now = self._now()
            return outbox.take(connection, _token(), limit, now + micros(lease), now)

        if not await self._read(lambda connection: outbox.is_any_due(connection, self._now())):
            return []
        return await self._write(work, synced=False)

    async def sent(self, ids: Iterable[str]) -> int:
        """Delete events that were published, and say how many there were."""
        return await self._write(lambda connection: outbox.remove(connection, ids), synced=False)

    async def give_back_outgoing(
        self, outgoing: Iterable[Outgoing], delay: float = 0, *, charge: bool = False
    ) -> int:
        """Let events be taken again, and say how many of them the relay still had."""
        checked_delay(delay)

        def work(connection: Connection) -> int:
            return outbox.give_back(connection, outgoing, self._now() + micros(delay), charge)

        return await self._write(work, synced=False)

    async def count_outgoing(self) -> OutgoingCounts:
        """Say how many events there are to be published."""
        return await self._read(lambda connection: outbox.count(connection, self._now()))

    async def add_letter(self, letter: DeadLetter) -> str:
        """Keep a letter, and give its id."""
        return await self._write(lambda connection: letters.add(connection, letter))

    async def get_letter(self, id: str) -> DeadLetter | None:
        """Find the letter with that id, or None."""
        return await self._read(lambda connection: letters.get(connection, id))

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
        return await self._read(
            lambda connection: letters.find(connection, limit, cursor, oldest_first, which)
        )

    async def count_letters(self, **which: Unpack[LetterFilter]) -> int:
        """Say how many letters fit what is given."""
        checked_filter(which)
        return await self._read(lambda connection: letters.count(connection, which))

    async def remove_letters(self, ids: Iterable[str]) -> int:
        """Delete the letters with these ids, and say how many there were."""
        return await self._write(lambda connection: letters.remove(connection, ids))

    async def purge_letters(self, before: datetime, limit: int = 1_000) -> int:
        """Delete some of the letters that arrived before then, and say how many."""
        checked_time("before", before)
        checked_limit(limit)
        return await self._write(lambda connection: letters.purge(connection, before, limit))

    async def put(
        self, raw: bytes, headers: Headers, received: datetime, *, key: str | None = None
    ) -> str:
        """Keep an event until it is processed, and give the id of its entry."""
        checked_time("received", received)
        if key is not None:
            checked_key(key)
        return await self._write(
            lambda connection: entries.put(connection, raw, headers, received, key, self._now())
        )

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take the entries that are due, and count an attempt of each."""
        checked_limit(limit)
        checked_seconds("lease", lease)

        def work(connection: Connection) -> list[Entry]:
            now = self._now()
            return entries.take(connection, worker, _token(), limit, now + micros(lease), now)

        # Whoever looks in vain, again and again, is not to keep others from writing.
        if not await self._read(lambda connection: entries.is_any_due(connection, self._now())):
            return []
        return await self._write(work)

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Have the entry for that many seconds from now, if the worker still has it."""
        checked_seconds("lease", lease)
        return await self._write(
            lambda connection: entries.keep(connection, entry, self._now() + micros(lease)),
            synced=False,
        )

    async def done(self, entry: Entry) -> bool:
        """Delete the entry, if the worker still has it."""
        return await self._write(lambda connection: entries.remove(connection, entry, self._now()))

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Let the entry be taken again, if the worker still has it."""
        checked_delay(delay)

        def work(connection: Connection) -> bool:
            return entries.give_back(connection, entry, self._now() + micros(delay), charge)

        return await self._write(work)

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Delete the entry and add a dead letter, if the worker still has it."""

        def work(connection: Connection) -> str | None:
            is_removed = entries.remove(connection, entry, self._now())
            return letters.add(connection, letter) if is_removed else None

        return await self._write(work)

    async def count_entries(self) -> EntryCounts:
        """Say how many entries there are."""
        return await self._read(lambda connection: entries.count(connection, self._now()))

    def _now(self) -> int:
        # Asked for in the transaction: waiting for it may have taken long.
        return micros(self.clock())

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._threads.run(partial(self._database.read, work))

    async def _write(self, work: Callable[[Connection], T], *, synced: bool = True) -> T:
        return await self._threads.run(partial(self._database.write, work, synced=synced))


def _token() -> str:
    return secrets.token_hex(8)
