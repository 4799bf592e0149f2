"""Connecting to a database."""

from __future__ import annotations

from math import ceil
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow, tuple_row

from eventrouter.stores.postgres.address import Address
from eventrouter.stores.postgres.failures import explained, unreachable

# A server notices by these within half a minute that a machine is gone, and ends what it began.
# https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
_NOTICED_BY_SERVER: Final = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)


def connect(address: Address, timeout: float) -> Connection[TupleRow]:
    """
    Connect, for statements that take no longer than the timeout.

    Args:
        address: Where the database is.
        timeout: How many seconds to wait for a connection, and for each statement.

    Raises:
        StoreError: If there is no connection.
    """
    limit = f"SET statement_timeout = {_milliseconds(timeout)}; SET TimeZone = 'UTC'"
    return _connected(address, timeout, f"{limit}; {_NOTICED_BY_SERVER}")


def connect_for_others(address: Address, timeout: float) -> Connection[TupleRow]:
    """
    Connect, for statements that are not the store's, and take as long as they take.

    Raises:
        StoreError: If there is no connection.
    """
    return _connected(address, timeout, _NOTICED_BY_SERVER)


def _connected(address: Address, timeout: float, settings: str) -> Connection[TupleRow]:
    parameters: dict[str, str | int] = {
        # Without these, a server that is gone without a word would be waited for by the hour.
        "connect_timeout": max(2, ceil(timeout)),  # libpq takes 1 for 2
        "tcp_user_timeout": _milliseconds(timeout),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": "eventrouter",
        **address.parameters,
    }
    try:
        connection = Connection.connect(
            make_conninfo("", **parameters), autocommit=True, row_factory=tuple_row
        )
    except psycopg.Error as error:
        raise unreachable(str(address), error) from error
    try:
        with explained(str(address)):
            connection.execute(settings.encode())
    except BaseException:
        connection.close()
        raise
    return connection


def _milliseconds(seconds: float) -> int:
    return min(ceil(seconds * 1_000), 2**31 - 1)
