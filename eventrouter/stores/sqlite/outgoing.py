"""An outbox in the tables of outgoing events and of their bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any

from eventrouter.event import Event
from eventrouter.stores.arguments import number_of
from eventrouter.stores.outgoing import Outgoing, OutgoingCounts
from eventrouter.stores.sqlite.values import read_time, written_time
from eventrouter.stores.written import read_text, written_text

_COLUMNS = "id, key, failed, type, timestamp, metadata, headers, raw"


def put(connection: Connection, outgoing: Iterable[Outgoing], now: int) -> None:
    """Keep events to be published; times are in microseconds."""
    for each in outgoing:
        added = connection.execute(
            "INSERT INTO outgoing (key, is_first, due, failed) VALUES"
            " (?, NOT EXISTS (SELECT 1 FROM outgoing WHERE key = ?), ?, 0)",
            (each.key, each.key, now),
        )
        connection.execute(
            "INSERT INTO outgoing_bodies VALUES (?, ?, ?, ?, ?, ?)",
            (
                added.lastrowid,
                written_text(each.event.type),
                written_time(each.event.timestamp),
                json.dumps(dict(each.event.metadata)),
                json.dumps(dict(each.headers)),
                each.raw,
            ),
        )


def is_any_due(connection: Connection, now: int) -> bool:
    """Whether there is something to take."""
    return (
        connection.execute(
            "SELECT 1 FROM outgoing WHERE is_first = 1 AND due <= ? LIMIT 1", (now,)
        ).fetchone()
        is not None
    )


def take(connection: Connection, token: str, limit: int, until: int, now: int) -> list[Outgoing]:
    """Take events that are due, and those behind them."""
    firsts = connection.execute(
        "SELECT id, key FROM outgoing WHERE is_first = 1 AND due <= ? ORDER BY due, id LIMIT ?",
        (now, limit),
    ).fetchall()
    left = limit - len(firsts)
    taken = list[Outgoing]()
    for first, key in firsts:
        behind = connection.execute(
            "SELECT id, due FROM outgoing WHERE key = ? AND id > ? ORDER BY id LIMIT ?",
            (key, first, left),
        ).fetchall()
        run = [first]
        for id, due in behind:
            if due > now:
                break
            run.append(id)
        left -= len(run) - 1
        taken += [_take(connection, id, token, until) for id in run]
    return taken


def remove(connection: Connection, ids: Iterable[str]) -> int:
    """Delete events, let the next of their keys be taken, and say how many there were."""
    removed, keys = 0, dict[str, None]()
    for number in map(number_of, ids):
        row = connection.execute("SELECT key FROM outgoing WHERE id = ?", (number,)).fetchone()
        if row is None:
            continue
        connection.execute("DELETE FROM outgoing WHERE id = ?", (number,))
        connection.execute("DELETE FROM outgoing_bodies WHERE id = ?", (number,))
        removed += 1
        keys[row[0]] = None
    for key in keys:
        connection.execute(
            "UPDATE outgoing SET is_first = 1"
            " WHERE id = (SELECT min(id) FROM outgoing WHERE key = ?)",
            (key,),
        )
    return removed


def give_back(connection: Connection, outgoing: Iterable[Outgoing], due: int, charge: bool) -> int:
    """Let events be taken again, and say how many were still had."""
    return sum(
        connection.execute(
            "UPDATE outgoing SET due = ?, failed = failed + ?, token = NULL"
            " WHERE id = ? AND token = ?",
            (due, charge, int(each.id), each.token),
        ).rowcount
        for each in outgoing
    )


def count(connection: Connection, now: int) -> OutgoingCounts:
    """Say how many events there are."""
    total, ready, taken, failed = connection.execute(
        "SELECT count(*), coalesce(sum(is_first AND due <= :now), 0),"
        " coalesce(sum(token IS NOT NULL AND due > :now), 0), coalesce(sum(failed > 0), 0)"
        " FROM outgoing",
        {"now": now},
    ).fetchone()
    return OutgoingCounts(ready, total - ready - taken, taken, failed)


def _take(connection: Connection, id: int, token: str, until: int) -> Outgoing:
    connection.execute("UPDATE outgoing SET token = ?, due = ? WHERE id = ?", (token, until, id))
    row: tuple[Any, ...] = connection.execute(
        f"SELECT {_COLUMNS} FROM outgoing JOIN outgoing_bodies USING (id) WHERE id = ?", (id,)
    ).fetchone()
    _, key, failed, type, timestamp, metadata, headers, raw = row
    event = Event(
        read_text(type) or "",
        None,
        read_time(timestamp),
        MappingProxyType(json.loads(metadata)),
    )
    return Outgoing(event, raw, json.loads(headers), key, str(id), failed, token)
