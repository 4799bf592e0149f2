"""What SQLite's errors mean, and what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from eventrouter.errors import StoreError

#: By the primary result code: https://www.sqlite.org/rescode.html
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "another process has held it locked for too long; look for one that hangs "
    "or holds a transaction open, or give SqliteStore a longer timeout=",
    sqlite3.SQLITE_FULL: "there is no space left for it; make some",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; see that its folder exists and can be written to",
    sqlite3.SQLITE_READONLY: "it can't be written to; see to its permissions and its folder's",
    sqlite3.SQLITE_PERM: "it can't be accessed; see to its permissions and its folder's",
    sqlite3.SQLITE_AUTH: "it can't be accessed; see to its permissions and its folder's",
    sqlite3.SQLITE_NOTADB: "it is no database of SQLite; name another file, or move it away",
    sqlite3.SQLITE_CORRUPT: "it is damaged; move it away with its -wal file, and get back what you "
    'can with "sqlite3 FILE .recover"',
    sqlite3.SQLITE_IOERR: "the disk could not read or write; see the system's log",
    sqlite3.SQLITE_TOOBIG: "what it was given is larger than SQLite can keep",
}
_PRIMARY: Final = 0xFF


@contextmanager
def explained(path: str) -> Generator[None]:
    """
    Say what an error of SQLite means for that file.

    Raises:
        StoreError: In place of it.
    """
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        reason = _REASONS.get(result_code(error), "SQLite could not do it")
        raise StoreError(f"{path}: {reason} ({error})") from error


def result_code(error: BaseException) -> int:
    """The primary result code of SQLite, or that of any error."""
    # An error that Python's module raises by itself has none.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return int(code) & _PRIMARY
