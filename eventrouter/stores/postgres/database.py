"""One schema of a database, and the connections to it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow

from eventrouter.stores.postgres.address import Address
from eventrouter.stores.postgres.connecting import connect, connect_for_others
from eventrouter.stores.postgres.connections import Connections
from eventrouter.stores.postgres.failures import explained
from eventrouter.stores.postgres.schema import prepare
from eventrouter.stores.postgres.session import Session

T = TypeVar("T")


class Database:
    """
    One schema of a database; it is made when it is first used.

    What is done is done in the thread that asks for it.

    Args:
        address: Where the database is.
        schema: The name of the schema.
        timeout: How many seconds to wait for a connection, and for what a statement does.
        clock: Gives the seconds since 1970; None for the server's time.
        kept: How many connections of each kind are kept that nobody uses.
    """

    def __init__(
        self,
        address: Address,
        schema: str,
        timeout: float,
        clock: Callable[[], float] | None,
        kept: int,
    ) -> None:
        self.shown = str(address)
        self._schema = schema
        self._clock = clock
        self._is_prepared = False
        self._own = Connections(partial(connect, address, timeout), kept)
        # What others do in a transaction has its own time limits, and is not to be waited for.
        self._for_transactions = Connections(partial(connect_for_others, address, timeout), kept)

    def do(self, work: Callable[[Session], T]) -> T:
        """
        Do what is one statement, or only reads.

        Raises:
            StoreError: If PostgreSQL can't.
        """
        with explained(self.shown), self._own.borrowed() as connection:
            return work(self._prepared(connection))

    def do_at_once(self, work: Callable[[Session], T]) -> T:
        """
        Do all of it, or nothing.

        Raises:
            StoreError: If PostgreSQL can't.
        """
        with explained(self.shown), self._own.borrowed() as connection:
            session = self._prepared(connection)
            with connection.transaction():
                return work(session)

    @contextmanager
    def lent(self) -> Generator[Session]:
        """
        Lend a connection for a transaction of others.

        Raises:
            StoreError: If there is none.
        """
        if not self._is_prepared:
            self.do(lambda _: None)
        with self._for_transactions.borrowed() as connection:
            yield self._session(connection)

    def close(self) -> None:
        """Close the connections that nobody uses; using it makes new ones."""
        self._own.close()
        self._for_transactions.close()

    def _prepared(self, connection: Connection[TupleRow]) -> Session:
        session = self._session(connection)
        if not self._is_prepared:
            prepare(session, self.shown)
            self._is_prepared = True
        return session

    def _session(self, connection: Connection[TupleRow]) -> Session:
        now = None if self._clock is None else datetime.fromtimestamp(self._clock(), UTC)
        return Session(connection, self._schema, now)
