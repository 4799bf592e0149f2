"""Statements about the tables of one schema."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from attrs import frozen
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, tuple_row

_MOST_SECONDS: Final = 1e11  # as long as PostgreSQL's times go, and Python's

#: What statements say in braces.
_WORDS: Final = {
    # The time of the server, as machines' clocks differ; at the moment when it is asked for, since
    # waiting for another may have taken long.
    "{now}": "coalesce(%(now)s::timestamptz, clock_timestamp())",
    # When the statement began: rows can be found by it in an index.
    "{began}": "coalesce(%(now)s::timestamptz, statement_timestamp())",
}


@frozen(eq=False)
class Session:
    """
    A connection, for statements about the tables of a schema.

    Attributes:
        connection: It commits each statement by itself, unless it is in a transaction.
        schema: The schema's name.
        now: The time; that of the server if it is None.
    """

    connection: Connection[TupleRow]
    schema: str
    now: datetime | None

    def execute(self, statement: str, **values: Any) -> Cursor[TupleRow]:
        """
        Execute a statement in which ``{schema}`` is the schema, and ``{now}`` the time.

        Args:
            statement: The statement, its values named ``%(name)s``.
            values: These.
        """
        # Whoever was lent the connection may have given it rows of another kind.
        cursor = self.connection.cursor(row_factory=tuple_row)
        return cursor.execute(_written(statement, self.schema), {"now": self.now, **values})


@lru_cache(1_024)
def _written(statement: str, schema: str) -> bytes:
    for word, meaning in _WORDS.items():
        statement = statement.replace(word, meaning)
    return statement.replace("{schema}", f'"{schema}"').encode()


def duration(seconds: float) -> timedelta:
    """Seconds as an interval, if many as long as PostgreSQL can count."""
    return timedelta(seconds=min(seconds, _MOST_SECONDS))
