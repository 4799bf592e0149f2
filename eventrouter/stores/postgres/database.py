"""One schema of a database, and the connections to it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow, tuple_row

from eventrouter.stores.postgres.address import Address
from eventrouter.stores.postgres.connections import Connections
from eventrouter.stores.postgres.failures import explained, unreachable
from eventrouter.stores.postgres.schema import prepare
from eventrouter.stores.postgres.session import Session

T = TypeVar("T")

# A server notices by these within half a minute that a machine is gone, and ends what it began.
# https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
_NOTICED_BY_SERVER: Final = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)


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
        self._address = address
        self._schema = schema
        self._timeout = timeout
        self._clock = clock
        self._is_prepared = False
        self._own = Connections(self._connect, kept)
        # What others do in a transaction has its own time limits, and is not to be waited for.
        self._for_transactions = Connections(self._connect_for_transactions, kept)

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

    def _connect(self) -> Connection[TupleRow]:
        milliseconds = ceil(self._timeout * 1_000)
        return self._opened(
            f"SET statement_timeout = {milliseconds}; SET TimeZone = 'UTC'; {_NOTICED_BY_SERVER}"
        )

    def _connect_for_transactions(self) -> Connection[TupleRow]:
        return self._opened(_NOTICED_BY_SERVER)

    def _opened(self, settings: str) -> Connection[TupleRow]:
        parameters: dict[str, Any] = {
            # Without these, a server that is gone without a word would be waited for by the hour.
            "connect_timeout": max(2, ceil(self._timeout)),  # libpq takes 1 for 2
            "tcp_user_timeout": ceil(self._timeout * 1_000),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "application_name": "eventrouter",
            **self._address.parameters,
        }
        try:
            connection = Connection.connect(
                make_conninfo("", **parameters), autocommit=True, row_factory=tuple_row
            )
        except psycopg.Error as error:
            raise unreachable(self.shown, error) from error
        try:
            with explained(self.shown):
                connection.execute(settings.encode())
        except BaseException:
            connection.close()
            raise
        return connection
