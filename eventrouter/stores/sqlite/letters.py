"""Dead letters in the table of letters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from eventrouter.result import Status
from eventrouter.stores.arguments import number_of, number_of_cursor
from eventrouter.stores.letters import DeadLetter, LetterFilter, LetterPage
from eventrouter.stores.sqlite.values import read_time, written_time
from eventrouter.stores.written import read_details, read_text, written_details, written_text

_COLUMNS = "id, received, type, version, status, error, details, raw"
_CONDITIONS = {
    "type": "type IS ?",
    "version": "version IS ?",
    "status": "status = ?",
    "error": "error = ?",
    "after": "received >= ?",
    "before": "received < ?",
}


def add(connection: Connection, letter: DeadLetter) -> str:
    """Keep a letter, and give its id."""
    row = (
        written_time(letter.received),
        written_text(letter.type),
        written_text(letter.version),
        str(letter.status),
        written_text(letter.error),
        written_details(letter),
        letter.raw,
    )
    added = connection.execute(
        "INSERT INTO letters (received, type, version, status, error, details, raw)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    return str(added.lastrowid)


def get(connection: Connection, id: str) -> DeadLetter | None:
    """Find the letter with that id, or None."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM letters WHERE id = ?", (number_of(id),)
    ).fetchone()
    return None if row is None else _read(row)


def find(
    connection: Connection,
    limit: int,
    cursor: str | None,
    oldest_first: bool,
    which: LetterFilter,
) -> LetterPage:
    """Find a page of letters."""
    conditions, values = _conditions(which)
    if cursor is not None:
        conditions += f" AND id {'>' if oldest_first else '<'} ?"
        values.append(number_of_cursor(cursor))
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM letters WHERE {conditions}"
        f" ORDER BY id {'ASC' if oldest_first else 'DESC'} LIMIT ?",
        (*values, limit + 1),
    ).fetchmany(limit + 1)
    letters = tuple(_read(row) for row in rows[:limit])
    return LetterPage(letters, letters[-1].id if len(rows) > limit else None)


def count(connection: Connection, which: LetterFilter) -> int:
    """Say how many letters fit."""
    conditions, values = _conditions(which)
    (number,) = connection.execute(
        f"SELECT count(*) FROM letters WHERE {conditions}", values
    ).fetchone()
    return int(number)


def remove(connection: Connection, ids: Iterable[str]) -> int:
    """Delete letters, and say how many there were."""
    return sum(
        connection.execute("DELETE FROM letters WHERE id = ?", (number,)).rowcount
        for number in map(number_of, ids)
    )


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Delete some of the letters that arrived before then, and say how many."""
    return connection.execute(
        "DELETE FROM letters WHERE id IN"
        " (SELECT id FROM letters WHERE received < ? ORDER BY received, id LIMIT ?)",
        (written_time(before), limit),
    ).rowcount


def _conditions(which: LetterFilter) -> tuple[str, list[Any]]:
    wanted: dict[str, Any] = dict(which)
    for name in wanted.keys() & {"after", "before"}:
        wanted[name] = written_time(wanted[name])
    for name in wanted.keys() & {"type", "version", "error"}:
        wanted[name] = written_text(wanted[name])
    return " AND ".join([_CONDITIONS[name] for name in wanted] or ["1"]), [*wanted.values()]


def _read(row: tuple[Any, ...]) -> DeadLetter:
    id, received, type_, version, status, error, details, raw = row
    return DeadLetter(
        id=str(id),
        received=read_time(received),
        type=read_text(type_),
        version=read_text(version),
        status=Status(status),
        error=read_text(error) or "",
        raw=raw,
        **read_details(details),
    )
