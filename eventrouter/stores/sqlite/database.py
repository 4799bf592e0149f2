"""One SQLite file, and a connection to it that threads take in turn."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TypeVar
from weakref import WeakSet

from eventrouter.stores.sqlite.failures import explained, result_code
from eventrouter.stores.sqlite.schema import prepare

T = TypeVar("T")

_PAUSE = 0.01  # seconds


class Database:
    """
    One SQLite file.

    It is opened when it is first used. One connection is enough, since SQLite lets one write at a
    time whoever asks; a lock makes threads take turns. A forked process opens one of its own.

    Args:
        path: Where the file is, or is to be.
        timeout: How many seconds to wait while another process writes.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_synced: bool | None = None
        _databases.add(self)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do what only reads.

        Raises:
            StoreError: If SQLite can't.
        """
        with self._lock, explained(self.path):
            connection = self._opened()
            try:
                return work(connection)
            except sqlite3.Error:
                self._drop()
                raise

    def write(self, work: Callable[[sqlite3.Connection], T], *, synced: bool) -> T:
        """
        Do all of it, or nothing.

        Args:
            work: What to do, in a transaction that nobody else can write beside.
            synced: Whether the disk is told to keep it, so that it outlives a loss of power. The
                end of the process alone it outlives anyhow.

        Raises:
            StoreError: If SQLite can't.
        """
        with self._lock, explained(self.path):
            connection = self._opened()
            try:
                if synced is not self._is_synced:
                    level = "FULL" if synced else "NORMAL"
                    connection.execute(f"PRAGMA synchronous = {level}")
                    self._is_synced = synced
                # A lock taken at once is waited for; one that a reader asks for later is refused.
                connection.execute("BEGIN IMMEDIATE")
                value = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                self._drop()
                raise
            return value

    def close(self) -> None:
        """Close the file; using it opens it again."""
        with self._lock:
            self._drop()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        deadline = time.monotonic() + self._timeout
        while True:
            connection = sqlite3.connect(
                self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                prepare(connection, self.path)
            except BaseException as error:
                connection.close()
                # SQLite does not wait by itself where several processes make the file at once.
                is_busy = result_code(error) == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return connection

    def _drop(self) -> None:
        """Close the connection, which ends its transaction too; whatever broke it is gone."""
        connection, self._connection, self._is_synced = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _leave_to_parent(self) -> None:
        # To close it would release locks that the parent relies on.
        # https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_
        if self._connection is not None:
            _of_parent.append(self._connection)
        self._connection = self._is_synced = None

    def __del__(self) -> None:
        self._drop()


_databases: WeakSet[Database] = WeakSet()
_of_parent: list[sqlite3.Connection] = []
_forking = Lock()
_held: list[Database] = []


def _before_fork() -> None:
    # So that none is in the middle of something, which the child would inherit.
    _forking.acquire()
    _held.extend(_databases)
    for database in _held:
        database._lock.acquire()  # pyright: ignore[reportPrivateUsage]


def _after_fork() -> None:
    for database in _held:
        database._lock.release()  # pyright: ignore[reportPrivateUsage]
    _held.clear()
    _forking.release()


def _after_fork_in_child() -> None:
    for database in _held:
        database._leave_to_parent()  # pyright: ignore[reportPrivateUsage]
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
