"""Keys in the table of keys."""

from __future__ import annotations

from sqlite3 import Connection

from eventrouter.result import Status
from eventrouter.stores.claims import Claim

_PURGED_AT_ONCE = 2  # more than are added, so that none pile up


def claim(connection: Connection, key: str, token: str, until: int, now: int) -> Claim:
    """Claim the key if it is free; times are in microseconds."""
    holder = _holder(connection, key, now)
    if holder is None:
        purge(connection, _PURGED_AT_ONCE, now)
        _hold(connection, key, token, False, until)
        return Claim(key, None, token)
    _, is_completed, held_until = holder
    if is_completed:
        return Claim(key, Status.DUPLICATE)
    return Claim(key, Status.IN_PROGRESS, seconds_left=(held_until - now) / 1_000_000)


def renew(connection: Connection, claim: Claim, until: int, now: int) -> bool:
    """Hold the key for longer, if the claim holds it still."""
    if not _is_held_by(connection, claim, now):
        return False
    _hold(connection, claim.key, claim.token, False, until)
    return True


def complete(connection: Connection, claim: Claim, until: int, now: int) -> bool:
    """Remember the key as done, unless another claimed it since."""
    holder = _holder(connection, claim.key, now)
    if not claim.token or (holder is not None and holder[0] != claim.token):
        return False
    _hold(connection, claim.key, claim.token, True, until)
    return True


def is_completed_by(connection: Connection, claim: Claim, now: int) -> bool:
    """Whether the key is completed, by this claim."""
    holder = _holder(connection, claim.key, now)
    return holder is not None and holder[:2] == (claim.token, 1)


def release(connection: Connection, claim: Claim, now: int) -> bool:
    """Free the key, if the claim holds it still."""
    if not _is_held_by(connection, claim, now):
        return False
    connection.execute("DELETE FROM keys WHERE key = ?", (claim.key,))
    return True


def purge(connection: Connection, limit: int, now: int) -> int:
    """Delete some of the keys that are free, and say how many."""
    return connection.execute(
        "DELETE FROM keys WHERE key IN"
        " (SELECT key FROM keys WHERE until <= ? ORDER BY until LIMIT ?)",
        (now, limit),
    ).rowcount


def _holder(connection: Connection, key: str, now: int) -> tuple[str, int, int] | None:
    row: tuple[str, int, int] | None = connection.execute(
        "SELECT token, is_completed, until FROM keys WHERE key = ? AND until > ?", (key, now)
    ).fetchone()
    return row


def _is_held_by(connection: Connection, claim: Claim, now: int) -> bool:
    holder = _holder(connection, claim.key, now)
    return holder is not None and holder[:2] == (claim.token, 0)


def _hold(connection: Connection, key: str, token: str, is_completed: bool, until: int) -> None:
    connection.execute(
        "INSERT INTO keys VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
        " token = excluded.token, is_completed = excluded.is_completed, until = excluded.until",
        (key, token, is_completed, until),
    )
