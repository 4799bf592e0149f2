"""A store in a PostgreSQL database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from attrs import Attribute, Factory, field, frozen
from psycopg import Connection
from psycopg.rows import TupleRow
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
from eventrouter.stores.postgres import claims, entries, letters
from eventrouter.stores.postgres import outgoing as outbox
from eventrouter.stores.postgres.address import Address, read_address
from eventrouter.stores.postgres.database import Database
from eventrouter.stores.postgres.session import Session
from eventrouter.stores.postgres.transactions import transact
from eventrouter.stores.threads import StoreThreads

T = TypeVar("T")

_SCHEMA = re.compile(r"(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}")


def _refuse_no_schema(_: Any, __: Attribute[Any], schema: Any) -> None:
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise RegistrationError(
            f"schema={schema!r}: it is a name of up to 63 letters, digits and underscores, and "
            "begins neither with a digit nor with pg_"
        )


def _refuse_no_connections(_: Any, __: Attribute[Any], connections: Any) -> None:
    if not isinstance(connections, int) or isinstance(connections, bool) or connections < 1:
        raise RegistrationError(f"connections={connections!r}: it is a whole number from 1")


def _make_database(store: PostgresStore) -> Database:
    return Database(store.address, store.schema, store.timeout, store.clock, store.connections)


def _make_threads(store: PostgresStore) -> StoreThreads:
    return StoreThreads(store.connections)


@frozen(eq=False)
class PostgresStore:
    """
    Keeps keys, an outbox, dead letters and an inbox in one schema of a PostgreSQL database.

    It is an ``OutboxStore``, a ``DeadLetterStore`` and an ``InboxStore``, for any number of
    processes on any number of machines. Threads may share it, and a forked process may go on with
    the one it inherited. The schema and its tables are made when it is first used.

    A handler that is run once with it may take a ``psycopg.Connection``: it is given that of the
    transaction in which its key is completed, so that what it writes there is written once.

    In an event loop it works in worker threads, on asyncio and on trio. A task that is cancelled
    waits for it; where asyncio interrupts it all the same, the thread goes on and does all of it.
    Where no event loop runs, its methods never wait for one, so that ``dispatch_sync`` may call
    them.

    Leases and times to live go by the clock of the server.

    Args:
        address: The URL of the database: ``"postgresql://user@host:5432/database"``.
        schema: The name of a schema of its own; it is made if it is not there.
        timeout: How many seconds to wait for a connection, and for the server's answer.
        connections: How many connections it uses at once in one event loop, and keeps for the
            next call. Each handler in a transaction has one besides.
        clock: Gives the seconds since 1970, for tests; the server's clock unless given.

    Raises:
        RegistrationError: If an argument can't work.
    """

    #: Where no event loop runs, its methods never wait for one.
    needs_loop: ClassVar[bool] = False

    address: Address = field(converter=read_address)
    schema: str = field(default="eventrouter", kw_only=True, validator=_refuse_no_schema)
    timeout: float = field(default=10, kw_only=True, validator=refuse_no_seconds)
    connections: int = field(default=10, kw_only=True, validator=_refuse_no_connections)
    clock: Callable[[], float] | None = field(default=None, kw_only=True, repr=False)
    _database: Database = field(
        default=Factory(_make_database, takes_self=True), init=False, repr=False
    )
    _threads: StoreThreads = field(
        default=Factory(_make_threads, takes_self=True), init=False, repr=False
    )

    @property
    def connection_types(self) -> Collection[Any]:
        """What a handler's parameter is annotated with, to be given the connection."""
        return (Connection, Connection[TupleRow])

    def close(self) -> None:
        """Close the connections that nobody uses. Using it opens new ones."""
        self._database.close()

    def transact(
        self, key: str, ttl: float, work: Callable[[Any], tuple[T, Sequence[Outgoing]]]
    ) -> tuple[Claim, T | None]:
        """Claim a key, work, complete the key, and commit all of it; the thread waits."""
        checked_key(key)
        checked_seconds("ttl", ttl)
        with self._database.lent() as session:
            return transact(session, self._database.shown, key, _token(), ttl, work)

    async def claim(self, key: str, lease: float) -> Claim:
        """Claim a key if it is free."""
        checked_key(key)
        checked_seconds("lease", lease)
        return await self._do(lambda session: claims.claim(session, key, _token(), lease))

    async def renew(self, claim: Claim, lease: float) -> bool:
        """Hold the key for that many seconds from now, if the claim holds it still."""
        checked_seconds("lease", lease)
        return await self._do(lambda session: claims.renew(session, claim, lease))

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        """Remember the key as done for that many seconds, and keep what it gave."""
        checked_seconds("ttl", ttl)
        events = checked_outgoing(outgoing)
        if not events:
            return await self._do(lambda session: claims.complete(session, claim, ttl))

        def work(session: Session) -> bool:
            was_completed = claims.was_completed_by(session, claim)
            is_completed = claims.complete(session, claim, ttl)
            if is_completed and not was_completed:
                outbox.put(session, events)
            return is_completed

        return await self._do(work, is_one_statement=False)

    async def release(self, claim: Claim) -> bool:
        """Free the key at once, if the claim holds it still."""
        return await self._do(lambda session: claims.release(session, claim))

    async def purge_keys(self, limit: int = 1_000) -> int:
        """Delete some of the keys that are free, and say how many."""
        checked_limit(limit)
        return await self._do(lambda session: claims.purge(session, limit))

    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        """Take events to be published, those of one key in the order in which they were put."""
        checked_limit(limit)
        checked_seconds("lease", lease)
        return await self._do(lambda session: outbox.take(session, _token(), limit, lease))

    async def sent(self, ids: Iterable[str]) -> int:
        """Delete events that were published, and say how many there were."""
        return await self._do(lambda session: outbox.remove(session, ids), is_one_statement=False)

    async def give_back_outgoing(
        self, outgoing: Iterable[Outgoing], delay: float = 0, *, charge: bool = False
    ) -> int:
        """Let events be taken again, and say how many of them the relay still had."""
        checked_delay(delay)
        return await self._do(
            lambda session: outbox.give_back(session, outgoing, delay, charge),
            is_one_statement=False,
        )

    async def count_outgoing(self) -> OutgoingCounts:
        """Say how many events there are to be published."""
        return await self._do(outbox.count)

    async def add_letter(self, letter: DeadLetter) -> str:
        """Keep a letter, and give its id."""
        return await self._do(lambda session: letters.add(session, letter))

    async def get_letter(self, id: str) -> DeadLetter | None:
        """Find the letter with that id, or None."""
        return await self._do(lambda session: letters.get(session, id))

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
        return await self._do(
            lambda session: letters.find(session, limit, cursor, oldest_first, which)
        )

    async def count_letters(self, **which: Unpack[LetterFilter]) -> int:
        """Say how many letters fit what is given."""
        checked_filter(which)
        return await self._do(lambda session: letters.count(session, which))

    async def remove_letters(self, ids: Iterable[str]) -> int:
        """Delete the letters with these ids, and say how many there were."""
        return await self._do(lambda session: letters.remove(session, ids))

    async def purge_letters(self, before: datetime, limit: int = 1_000) -> int:
        """Delete some of the letters that arrived before then, and say how many."""
        checked_time("before", before)
        checked_limit(limit)
        return await self._do(lambda session: letters.purge(session, before, limit))

    async def put(
        self, raw: bytes, headers: Headers, received: datetime, *, key: str | None = None
    ) -> str:
        """Keep an event until it is processed, and give the id of its entry."""
        checked_time("received", received)
        if key is not None:
            checked_key(key)
        return await self._do(
            lambda session: entries.put(session, raw, headers, received, key),
            is_one_statement=key is None,
        )

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take the entries that are due, and count an attempt of each."""
        checked_limit(limit)
        checked_seconds("lease", lease)
        return await self._do(lambda session: entries.take(session, worker, _token(), limit, lease))

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Have the entry for that many seconds from now, if the worker still has it."""
        checked_seconds("lease", lease)
        return await self._do(lambda session: entries.keep(session, entry, lease))

    async def done(self, entry: Entry) -> bool:
        """Delete the entry, if the worker still has it."""
        return await self._do(
            lambda session: entries.remove(session, entry), is_one_statement=entry.key is None
        )

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Let the entry be taken again, if the worker still has it."""
        checked_delay(delay)
        return await self._do(lambda session: entries.give_back(session, entry, delay, charge))

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Delete the entry and add a dead letter, if the worker still has it."""

        def work(session: Session) -> str | None:
            return letters.add(session, letter) if entries.remove(session, entry) else None

        return await self._do(work, is_one_statement=False)

    async def count_entries(self) -> EntryCounts:
        """Say how many entries there are."""
        return await self._do(entries.count)

    async def _do(self, work: Callable[[Session], T], *, is_one_statement: bool = True) -> T:
        do = self._database.do if is_one_statement else self._database.do_at_once
        return await self._threads.run(lambda: do(work))


def _token() -> str:
    return secrets.token_hex(8)
