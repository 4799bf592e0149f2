"""Connections to one database that threads borrow."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from weakref import finalize

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, tuple_row


class Connections:
    """
    Connections to one database.

    There are as many as are borrowed at the same time: whoever holds one, and needs another to go
    on, never waits for itself. Some are kept for the next, until it is gone, or the program ends.
    There are no threads, so a forked process may go on, with connections of its own.

    Args:
        connect: Makes one.
        kept: How many are kept that nobody uses.
    """

    def __init__(self, connect: Callable[[], Connection[TupleRow]], kept: int) -> None:
        self._connect = connect
        self._kept = kept
        self._idle = _Idle()
        finalize(self, self._idle.close)

    @contextmanager
    def borrowed(self) -> Generator[Connection[TupleRow]]:
        """
        Lend a connection.

        Raises:
            StoreError: If none can be made.
        """
        connection = self._idle.pop() or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def idle(self) -> tuple[Connection[TupleRow], ...]:
        """Those that nobody uses."""
        return tuple(self._idle.here())

    def close(self) -> None:
        """Close those that nobody uses."""
        self._idle.close()

    def _give_back(self, connection: Connection[TupleRow]) -> None:
        idle = self._idle.here()
        is_clean = connection.info.transaction_status is TransactionStatus.IDLE
        if not is_clean or len(idle) >= self._kept:
            _close(connection)
            return
        connection.row_factory = tuple_row
        connection.cursor_factory = psycopg.Cursor
        idle.append(connection)


class _Idle:
    """The connections of this process that nobody uses."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._connections = deque[Connection[TupleRow]]()
        self._of_parent = deque[Connection[TupleRow]]()

    def here(self) -> deque[Connection[TupleRow]]:
        if self._process != os.getpid():
            # To close them would end those of the parent.
            self._of_parent = self._connections
            self._connections = deque[Connection[TupleRow]]()
            self._process = os.getpid()
        return self._connections

    def pop(self) -> Connection[TupleRow] | None:
        """One that the server has not ended, if there is one."""
        connections = self.here()
        with suppress(IndexError):
            while True:
                connection = connections.pop()
                if _is_alive(connection):
                    return connection
                _close(connection)
        return None

    def close(self) -> None:
        connections = self.here()
        with suppress(IndexError):
            while True:
                _close(connections.pop())


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
