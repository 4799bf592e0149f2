"""Connections to one database that threads borrow."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, tuple_row

_of_parent: list[Connection[TupleRow]] = []


class Connections:
    """
    Connections to one database.

    There are as many as are borrowed at the same time: whoever holds one, and needs another to go
    on, never waits for itself. Some are kept for the next; there are no threads, so a forked
    process may go on, with connections of its own.

    Args:
        connect: Makes one.
        kept: How many are kept that nobody uses.
    """

    def __init__(self, connect: Callable[[], Connection[TupleRow]], kept: int) -> None:
        self._connect = connect
        self._kept = kept
        self._idle = os.getpid(), deque[Connection[TupleRow]]()

    @contextmanager
    def borrowed(self) -> Generator[Connection[TupleRow]]:
        """
        Lend a connection.

        Raises:
            psycopg.Error: If none can be made.
        """
        connection = self._idle_one() or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close those that nobody uses."""
        idle = self._idle_here()
        with suppress(IndexError):
            while True:
                _close(idle.pop())

    def _idle_one(self) -> Connection[TupleRow] | None:
        idle = self._idle_here()
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if _is_alive(connection):
                    return connection
                _close(connection)
        return None

    def _give_back(self, connection: Connection[TupleRow]) -> None:
        idle = self._idle_here()
        is_clean = connection.info.transaction_status is TransactionStatus.IDLE
        if not is_clean or len(idle) >= self._kept:
            _close(connection)
            return
        connection.row_factory = tuple_row
        connection.cursor_factory = psycopg.Cursor
        idle.append(connection)

    def _idle_here(self) -> deque[Connection[TupleRow]]:
        process, idle = self._idle
        if process != os.getpid():
            # To close them would end those of the parent.
            _of_parent.extend(idle)
            idle = deque[Connection[TupleRow]]()
            self._idle = os.getpid(), idle
        return idle

    def __del__(self) -> None:
        if self._idle[0] == os.getpid():
            self.close()


def _close(connection: Connection[TupleRow]) -> None:
    with suppress(psycopg.Error):
        connection.close()


def _is_alive(connection: Connection[TupleRow]) -> bool:
    """Whether the server has not ended it, as it tells with the last bytes that it sends."""
    with suppress(psycopg.Error, OSError, ValueError):
        return not connection.closed and not _has_input(connection.fileno())
    return False


def _has_input(file: int) -> bool:
    if not hasattr(select, "poll"):  # Windows, whose select() has no limit
        return bool(select.select([file], [], [], 0)[0])
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))
