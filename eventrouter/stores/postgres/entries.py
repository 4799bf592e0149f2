"""Entries of an inbox in the table of entries."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from eventrouter.envelope import Headers
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.postgres.session import Session, duration
from eventrouter.stores.written import written_text

_PUT: Final = """
    INSERT INTO {schema}.entries (received, due, is_first, attempts, failed, key, headers, raw)
    VALUES (
        %(received)s, {now}, %(key)s::text IS NULL
        OR NOT EXISTS (SELECT FROM {schema}.entries WHERE key = %(key)s), 0, 0,
        %(key)s, %(headers)s, %(raw)s
    )
    RETURNING id
"""
# What another takes meanwhile is passed over, not waited for.
_TAKE: Final = """
    WITH due AS (
        SELECT id, due FROM {schema}.entries WHERE is_first AND due <= {began}
        ORDER BY due, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE {schema}.entries
    SET attempts = attempts + 1, token = %(token)s, worker = %(worker)s, due = {now} + %(lease)s
    FROM due WHERE entries.id = due.id
    RETURNING due.due, entries.id, raw, headers, received, key, attempts, token, failed
"""
_COUNT: Final = """
    SELECT count(*), count(*) FILTER (WHERE is_first AND due <= {began}),
    count(*) FILTER (WHERE token IS NOT NULL AND due > {began})
    FROM {schema}.entries
"""


def put(session: Session, raw: bytes, headers: Headers, received: datetime, key: str | None) -> str:
    """Keep an event, and give the id of its entry; in a transaction, if it has a key."""
    if key is not None:
        _lock(session, key)
    row = session.execute(
        _PUT, received=received, key=key, headers=json.dumps(dict(headers)), raw=raw
    ).fetchone()
    assert row is not None
    return str(row[0])


def take(session: Session, worker: str, token: str, limit: int, lease: float) -> list[Entry]:
    """Take the entries that are due."""
    rows = session.execute(
        _TAKE, worker=written_text(worker), token=token, limit=limit, lease=duration(lease)
    ).fetchall()
    rows.sort(key=lambda row: row[:2])
    return [
        Entry(str(id), raw, json.loads(headers), received, key, attempts, token, failed)
        for _, id, raw, headers, received, key, attempts, token, failed in rows
    ]


def keep(session: Session, entry: Entry, lease: float) -> bool:
    """Have the entry for longer."""
    kept = session.execute(
        "UPDATE {schema}.entries SET due = {now} + %(lease)s"
        " WHERE id = %(id)s AND token = %(token)s",
        id=int(entry.id),
        token=entry.token,
        lease=duration(lease),
    )
    return bool(kept.rowcount)


def give_back(session: Session, entry: Entry, delay: float, charge: bool) -> bool:
    """Let the entry be taken again."""
    given_back = session.execute(
        "UPDATE {schema}.entries SET due = {now} + %(delay)s, attempts = attempts - %(spared)s,"
        " failed = failed + %(charged)s, token = NULL, worker = NULL"
        " WHERE id = %(id)s AND token = %(token)s",
        id=int(entry.id),
        token=entry.token,
        delay=duration(delay),
        spared=int(not charge),
        charged=int(charge),
    )
    return bool(given_back.rowcount)


def remove(session: Session, entry: Entry) -> bool:
    """Delete the entry, and let the next of its key be taken; in a transaction, if it has one."""
    if entry.key is not None:
        _lock(session, entry.key)
    removed = session.execute(
        "DELETE FROM {schema}.entries WHERE id = %(id)s AND token = %(token)s",
        id=int(entry.id),
        token=entry.token,
    )
    if removed.rowcount and entry.key is not None:
        session.execute(
            "UPDATE {schema}.entries SET is_first = true, due = {now}"
            " WHERE id = (SELECT min(id) FROM {schema}.entries WHERE key = %(key)s)",
            key=entry.key,
        )
    return bool(removed.rowcount)


def count(session: Session) -> EntryCounts:
    """Say how many entries there are."""
    row = session.execute(_COUNT).fetchone()
    assert row is not None
    total, ready, taken = row
    return EntryCounts(ready, total - ready - taken, taken)


def _lock(session: Session, key: str) -> None:
    # Which of a key is the first is for one at a time to say. Each statement after this one sees
    # what the one before has committed.
    session.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, hashtext(%(schema)s)))",
        key=f"inbox {key}",
        schema=session.schema,
    )
