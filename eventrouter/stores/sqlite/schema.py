"""The tables, and how an older file gets them."""

from __future__ import annotations

import sqlite3
from typing import Final, TypeAlias

from eventrouter.errors import StoreError

#: What each version has that the one before had not, as statements.
Steps: TypeAlias = tuple[tuple[str, ...], ...]

#: The letters "evro": tells our files from others'.
APPLICATION_ID: Final = 0x6576726F

# Times are microseconds since 1970. Text that may be no text to SQLite lies in JSON.
STEPS: Final[Steps] = (
    (
        """
        CREATE TABLE keys (
            key TEXT PRIMARY KEY,
            token TEXT NOT NULL,
            is_completed INTEGER NOT NULL,
            until INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX keys_until ON keys (until)",
        # The raw event comes last: looking at the other columns need not read it.
        """
        CREATE TABLE letters (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            received INTEGER NOT NULL,
            type TEXT,
            version TEXT,
            status TEXT NOT NULL,
            error TEXT NOT NULL,
            details TEXT NOT NULL,
            raw BLOB NOT NULL
        )
        """,
        "CREATE INDEX letters_received ON letters (received)",
        "CREATE INDEX letters_type ON letters (type)",
        # An update writes the whole row, so the raw event lies in another.
        """
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            received INTEGER NOT NULL,
            due INTEGER NOT NULL,
            is_first INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            key TEXT,
            token TEXT,
            worker TEXT
        )
        """,
        "CREATE INDEX entries_due ON entries (due, id) WHERE is_first = 1",
        "CREATE INDEX entries_key ON entries (key, id) WHERE key IS NOT NULL",
        "CREATE TABLE bodies (id INTEGER PRIMARY KEY, headers TEXT NOT NULL, raw BLOB NOT NULL)",
    ),
    (
        """
        CREATE TABLE outgoing (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL,
            is_first INTEGER NOT NULL,
            due INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            token TEXT
        )
        """,
        "CREATE INDEX outgoing_due ON outgoing (due, id) WHERE is_first = 1",
        "CREATE INDEX outgoing_key ON outgoing (key, id)",
        """
        CREATE TABLE outgoing_bodies (
            id INTEGER PRIMARY KEY,
            type TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            metadata TEXT NOT NULL,
            headers TEXT NOT NULL,
            raw BLOB NOT NULL
        )
        """,
    ),
)


def prepare(connection: sqlite3.Connection, path: str, steps: Steps = STEPS) -> None:
    """
    Give the file all tables, whatever version it has.

    Args:
        connection: To the file, without a transaction.
        path: What errors call it.
        steps: What leads to the newest version.

    Raises:
        StoreError: If the file is newer than that, something else's, or on a disk where SQLite
            can't share it.
    """
    if _version(connection, path, steps) < len(steps):
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError(
                f"{path}: SQLite can't keep a write-ahead log there, as on a network drive; name "
                "a file on a disk of this machine"
            )
        _migrate(connection, path, steps)
    connection.execute("PRAGMA fullfsync = ON")  # or macOS keeps a commit in the disk's cache


def _migrate(connection: sqlite3.Connection, path: str, steps: Steps) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done so while this one waited.
        for step in steps[_version(connection, path, steps) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: str, steps: Steps) -> int:
    # The application last: another process may make the tables and write all three at any moment.
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (tables or version or application):
        raise StoreError(f"{path}: it is the database of something else; name a file of its own")
    if version > len(steps):
        raise StoreError(
            f"{path}: a newer eventrouter wrote it, in version {version} of the tables, and this "
            f"one knows {len(steps)}; install that one"
        )
    return int(version)
