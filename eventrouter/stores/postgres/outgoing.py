"""An outbox in the table of outgoing events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final

from eventrouter.event import Event
from eventrouter.stores.arguments import number_of
from eventrouter.stores.outgoing import Outgoing, OutgoingCounts
from eventrouter.stores.postgres.session import Session, duration
from eventrouter.stores.written import read_text, written_text

_PUT: Final = """
    INSERT INTO {schema}.outgoing
    (key, is_first, due, failed, type, timestamp, metadata, headers, raw)
    VALUES (
        %(key)s, NOT EXISTS (SELECT FROM {schema}.outgoing WHERE key = %(key)s), {now}, 0,
        %(type)s, %(timestamp)s, %(metadata)s, %(headers)s, %(raw)s
    )
"""
# The first of each key, and then what may follow it at once. What another takes meanwhile is passed
# over, not waited for.
_TAKE: Final = """
    WITH firsts AS (
        SELECT id, key, due FROM {schema}.outgoing WHERE is_first AND due <= {began}
        ORDER BY due, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ),
    taken AS (
        SELECT behind.id, firsts.due AS first_due, firsts.id AS first_id
        FROM firsts CROSS JOIN LATERAL (
            SELECT id, bool_and(due <= {began}) OVER (ORDER BY id) AS is_due
            FROM {schema}.outgoing WHERE key = firsts.key AND id >= firsts.id
            ORDER BY id LIMIT %(limit)s
        ) behind
        WHERE behind.is_due
        ORDER BY behind.id <> firsts.id, firsts.due, firsts.id, behind.id LIMIT %(limit)s
    )
    UPDATE {schema}.outgoing SET token = %(token)s, due = {now} + %(lease)s
    FROM taken WHERE outgoing.id = taken.id
    RETURNING first_due, first_id, outgoing.id, key, failed, type, timestamp, metadata, headers, raw
"""
_COUNT: Final = """
    SELECT count(*), count(*) FILTER (WHERE is_first AND due <= {began}),
    count(*) FILTER (WHERE token IS NOT NULL AND due > {began}),
    count(*) FILTER (WHERE failed > 0)
    FROM {schema}.outgoing
"""


def put(session: Session, outgoing: Sequence[Outgoing]) -> None:
    """Keep events to be published; in a transaction."""
    _lock(session, {each.key for each in outgoing})
    for each in outgoing:
        session.execute(
            _PUT,
            key=each.key,
            type=written_text(each.event.type),
            timestamp=each.event.timestamp,
            metadata=json.dumps(dict(each.event.metadata)),
            headers=json.dumps(dict(each.headers)),
            raw=each.raw,
        )


def take(session: Session, token: str, limit: int, lease: float) -> list[Outgoing]:
    """Take events that are due, and those behind them."""
    rows = session.execute(_TAKE, token=token, limit=limit, lease=duration(lease)).fetchall()
    rows.sort(key=lambda row: row[:3])
    return [
        Outgoing(
            Event(read_text(type) or "", None, timestamp, MappingProxyType(json.loads(metadata))),
            raw,
            json.loads(headers),
            key,
            str(id),
            failed,
            token,
        )
        for _, _, id, key, failed, type, timestamp, metadata, headers, raw in rows
    ]


def remove(session: Session, ids: Iterable[str]) -> int:
    """Delete events, let the next of their keys be taken; in a transaction."""
    numbers = [number for number in map(number_of, ids) if number is not None]
    rows = session.execute(
        "SELECT DISTINCT key FROM {schema}.outgoing WHERE id = ANY(%(ids)s)", ids=numbers
    ).fetchall()
    keys = {key for (key,) in rows}
    _lock(session, keys)
    removed = session.execute(
        "DELETE FROM {schema}.outgoing WHERE id = ANY(%(ids)s)", ids=numbers
    ).rowcount
    session.execute(
        "UPDATE {schema}.outgoing SET is_first = true WHERE NOT is_first AND id IN"
        " (SELECT min(id) FROM {schema}.outgoing WHERE key = ANY(%(keys)s) GROUP BY key)",
        keys=list(keys),
    )
    return removed


def give_back(session: Session, outgoing: Iterable[Outgoing], delay: float, charge: bool) -> int:
    """Let events be taken again, and say how many were still had; in a transaction."""
    return sum(
        session.execute(
            "UPDATE {schema}.outgoing SET due = {now} + %(delay)s,"
            " failed = failed + %(charged)s, token = NULL"
            " WHERE id = %(id)s AND token = %(token)s",
            id=int(each.id),
            token=each.token,
            delay=duration(delay),
            charged=int(charge),
        ).rowcount
        for each in sorted(outgoing, key=lambda each: int(each.id))
    )


def count(session: Session) -> OutgoingCounts:
    """Say how many events there are."""
    row = session.execute(_COUNT).fetchone()
    assert row is not None
    total, ready, taken, failed = row
    return OutgoingCounts(ready, total - ready - taken, taken, failed)


def _lock(session: Session, keys: Iterable[str]) -> None:
    # Which of a key is the first is for one at a time to say; in one order, so that none waits for
    # another that waits for it. Each statement after this one sees what others have committed.
    for key in sorted(keys):
        session.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, hashtext(%(schema)s)))",
            key=f"outbox {key}",
            schema=session.schema,
        )
