"""What PostgreSQL's errors mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg

from eventrouter.errors import StoreError, printable

#: By SQLSTATE, or its first two characters:
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_REASONS: Final = {
    "08": "the connection was lost",
    "25006": "it can only be read, as a standby can; name the server that takes writes",
    "28": "the server refuses the user or the password",
    "3D": "there is no such database; make it",
    "42501": "the user may not do that; grant it USAGE and CREATE on the schema, or CREATE on the "
    "database to make one",
    "42P01": "a table is not there that was; make the store anew, and see who dropped it",
    "53100": "the disk of the server is full; make some space",
    "53300": "the server has no connection left; close some, raise its max_connections, or give "
    "PostgresStore fewer connections=",
    "55P03": "another holds what is needed locked for too long",
    "57014": "it took longer than the timeout= of PostgresStore; see what keeps the server busy, "
    "or give it a longer one",
    "57P": "the server ended the connection, as it does where it is stopped",
}
_UNREACHABLE: Final = "the server can't be reached; see whether it runs, and the host and port"
_LONGEST: Final = 500  # characters


@contextmanager
def explained(shown: str) -> Generator[None]:
    """
    Say what an error of PostgreSQL means for that database.

    Raises:
        StoreError: In place of it.
    """
    try:
        yield
    except psycopg.Error as error:
        raise explanation_of(shown, error) from error


def explanation_of(shown: str, error: psycopg.Error) -> StoreError:
    """The error to raise in place of one of PostgreSQL."""
    return StoreError(f"{shown}: {_reason(error)} ({_message(error)})")


def unreachable(shown: str, error: psycopg.Error) -> StoreError:
    """The error to raise where there is no connection."""
    # What libpq itself says has no code.
    reason = _reason(error) if error.sqlstate else _reason_in(str(error))
    return StoreError(f"{shown}: {reason} ({_message(error)})")


def _reason(error: psycopg.Error) -> str:
    state = error.sqlstate or "08"
    codes = (state, state[:3], state[:2])
    return next(
        (_REASONS[code] for code in codes if code in _REASONS), "PostgreSQL could not do it"
    )


def _reason_in(message: str) -> str:
    # The server's answer comes without its code where it refuses a connection.
    if "authentication" in message or "no pg_hba.conf entry" in message or "role" in message:
        return _REASONS["28"]
    if "database" in message and "does not exist" in message:
        return _REASONS["3D"]
    if "too many" in message or "connection slots" in message:
        return _REASONS["53300"]
    return _UNREACHABLE


def _message(error: psycopg.Error) -> str:
    # Not the details, in which values of rows are quoted.
    text = error.diag.message_primary or next(iter(str(error).splitlines()), "")
    return printable(text or type(error).__name__, _LONGEST)
