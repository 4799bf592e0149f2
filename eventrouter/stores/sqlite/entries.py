"""Entries of an inbox in the tables of entries and of their bodies."""

from __future__ import annotations

import json
from datetime import datetime
from sqlite3 import Connection

from eventrouter.envelope import Headers
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.sqlite.values import read_time, written_time
from eventrouter.stores.written import written_text


def put(
    connection: Connection,
    raw: bytes,
    headers: Headers,
    received: datetime,
    key: str | None,
    now: int,
) -> str:
    """Keep an event, and give the id of its entry; times are in microseconds."""
    added = connection.execute(
        "INSERT INTO entries (received, due, is_first, attempts, failed, key) VALUES"
        " (?, ?, ? IS NULL OR NOT EXISTS (SELECT 1 FROM entries WHERE key = ?), 0, 0, ?)",
        (written_time(received), now, key, key, key),
    )
    connection.execute(
        "INSERT INTO bodies VALUES (?, ?, ?)", (added.lastrowid, json.dumps(dict(headers)), raw)
    )
    return str(added.lastrowid)


def is_any_due(connection: Connection, now: int) -> bool:
    """Whether there is something to take."""
    return (
        connection.execute(
            "SELECT 1 FROM entries WHERE is_first = 1 AND due <= ? LIMIT 1", (now,)
        ).fetchone()
        is not None
    )


def take(
    connection: Connection, worker: str, token: str, limit: int, until: int, now: int
) -> list[Entry]:
    """Take the entries that are due."""
    rows = connection.execute(
        "SELECT id, received, key, attempts + 1, failed, headers, raw"
        " FROM entries JOIN bodies USING (id) WHERE is_first = 1 AND due <= ?"
        " ORDER BY due, id LIMIT ?",
        (now, limit),
    ).fetchmany(limit)
    connection.executemany(
        "UPDATE entries SET attempts = attempts + 1, token = ?, worker = ?, due = ? WHERE id = ?",
        [(token, written_text(worker), until, row[0]) for row in rows],
    )
    return [
        Entry(str(id), raw, json.loads(headers), read_time(received), key, attempts, token, failed)
        for id, received, key, attempts, failed, headers, raw in rows
    ]


def keep(connection: Connection, entry: Entry, until: int) -> bool:
    """Have the entry for longer."""
    return bool(
        connection.execute(
            "UPDATE entries SET due = ? WHERE id = ? AND token = ?",
            (until, int(entry.id), entry.token),
        ).rowcount
    )


def give_back(connection: Connection, entry: Entry, due: int, charge: bool) -> bool:
    """Let the entry be taken again."""
    return bool(
        connection.execute(
            "UPDATE entries SET due = ?, attempts = attempts - ?, failed = failed + ?,"
            " token = NULL, worker = NULL WHERE id = ? AND token = ?",
            (due, not charge, charge, int(entry.id), entry.token),
        ).rowcount
    )


def remove(connection: Connection, entry: Entry, now: int) -> bool:
    """Delete the entry, and let the next of its key be taken."""
    removed = connection.execute(
        "DELETE FROM entries WHERE id = ? AND token = ?", (int(entry.id), entry.token)
    )
    if not removed.rowcount:
        return False
    connection.execute("DELETE FROM bodies WHERE id = ?", (int(entry.id),))
    if entry.key is not None:
        connection.execute(
            "UPDATE entries SET is_first = 1, due = ?"
            " WHERE id = (SELECT min(id) FROM entries WHERE key = ?)",
            (now, entry.key),
        )
    return True


def count(connection: Connection, now: int) -> EntryCounts:
    """Say how many entries there are."""
    total, ready, taken = connection.execute(
        "SELECT count(*), coalesce(sum(is_first AND due <= :now), 0),"
        " coalesce(sum(token IS NOT NULL AND due > :now), 0) FROM entries",
        {"now": now},
    ).fetchone()
    return EntryCounts(ready, total - ready - taken, taken)
