"""Dead letters in the table of letters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from eventrouter.result import Status
from eventrouter.stores.arguments import number_of, number_of_cursor
from eventrouter.stores.letters import DeadLetter, LetterFilter, LetterPage
from eventrouter.stores.postgres.session import Session
from eventrouter.stores.written import read_details, read_text, written_details, written_text

_COLUMNS: Final = "id, received, type, version, status, error, details, raw"
_CONDITIONS: Final = {
    "type": "type = %(type)s",
    "version": "version = %(version)s",
    "status": "status = %(status)s",
    "error": "error = %(error)s",
    "after": "received >= %(after)s",
    "before": "received < %(before)s",
}


def add(session: Session, letter: DeadLetter) -> str:
    """Keep a letter, and give its id."""
    row = session.execute(
        "INSERT INTO {schema}.letters (received, type, version, status, error, details, raw)"
        " VALUES (%(received)s, %(type)s, %(version)s, %(status)s, %(error)s, %(details)s, %(raw)s)"
        " RETURNING id",
        received=letter.received,
        type=written_text(letter.type),
        version=written_text(letter.version),
        status=str(letter.status),
        error=written_text(letter.error),
        details=written_details(letter),
        raw=letter.raw,
    ).fetchone()
    assert row is not None
    return str(row[0])


def get(session: Session, id: str) -> DeadLetter | None:
    """Find the letter with that id, or None."""
    row = session.execute(
        f"SELECT {_COLUMNS} FROM {{schema}}.letters WHERE id = %(id)s", id=number_of(id)
    ).fetchone()
    return None if row is None else _read(row)


def find(
    session: Session, limit: int, cursor: str | None, oldest_first: bool, which: LetterFilter
) -> LetterPage:
    """Find a page of letters."""
    conditions, values = _conditions(which)
    if cursor is not None:
        conditions += f" AND id {'>' if oldest_first else '<'} %(cursor)s"
        values["cursor"] = number_of_cursor(cursor)
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM {{schema}}.letters WHERE {conditions}"
        f" ORDER BY id {'ASC' if oldest_first else 'DESC'} LIMIT %(limit)s",
        limit=limit + 1,
        **values,
    ).fetchall()
    letters = tuple(_read(row) for row in rows[:limit])
    return LetterPage(letters, letters[-1].id if len(rows) > limit else None)


def count(session: Session, which: LetterFilter) -> int:
    """Say how many letters fit."""
    conditions, values = _conditions(which)
    row = session.execute(
        f"SELECT count(*) FROM {{schema}}.letters WHERE {conditions}", **values
    ).fetchone()
    assert row is not None
    return int(row[0])


def remove(session: Session, ids: Iterable[str]) -> int:
    """Delete letters, and say how many there were."""
    numbers = [number for number in map(number_of, ids) if number is not None]
    return session.execute(
        "DELETE FROM {schema}.letters WHERE id = ANY(%(ids)s::bigint[])", ids=numbers
    ).rowcount


def purge(session: Session, before: datetime, limit: int) -> int:
    """Delete some of the letters that arrived before then, and say how many."""
    return session.execute(
        """
        WITH early AS (
            SELECT id FROM {schema}.letters WHERE received < %(before)s
            ORDER BY received, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {schema}.letters USING early WHERE letters.id = early.id
        """,
        before=before,
        limit=limit,
    ).rowcount


def _conditions(which: LetterFilter) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = dict(which)
    for name in values.keys() & {"type", "version", "error"}:
        values[name] = written_text(values[name])
    if "status" in values:
        values["status"] = str(values["status"])
    conditions = [
        f"{name} IS NULL" if value is None else _CONDITIONS[name] for name, value in values.items()
    ]
    return " AND ".join(conditions or ["true"]), values


def _read(row: tuple[Any, ...]) -> DeadLetter:
    id, received, type_, version, status, error, details, raw = row
    return DeadLetter(
        id=str(id),
        received=received,
        type=read_text(type_),
        version=read_text(version),
        status=Status(status),
        error=read_text(error) or "",
        raw=raw,
        **read_details(details),
    )
