"""Keys in the table of keys, and the locks of those that a transaction completes."""

from __future__ import annotations

from typing import Final

from eventrouter.result import Status
from eventrouter.stores.claims import Claim
from eventrouter.stores.postgres.session import Session, duration

_PURGED_AT_ONCE = 2  # more than are added, so that none pile up
_LOCK: Final = "hashtextextended(%(key)s, hashtext(%(schema)s))"

# A key that a transaction works on has a lock of that transaction, and no row yet. Whoever claims
# it otherwise holds the same lock, shared, until the row is there.
_CLAIM: Final = f"""
    WITH lock AS (SELECT pg_try_advisory_xact_lock_shared({_LOCK}) AS is_granted),
    free AS (
        SELECT key FROM {{schema}}.keys WHERE until <= {{began}} AND key <> %(key)s
        ORDER BY until LIMIT {_PURGED_AT_ONCE} FOR UPDATE SKIP LOCKED
    ),
    purged AS (DELETE FROM {{schema}}.keys USING free WHERE keys.key = free.key),
    claimed AS (
        INSERT INTO {{schema}}.keys AS held
        SELECT %(key)s, %(token)s, false, {{now}} + %(lease)s FROM lock WHERE is_granted
        ON CONFLICT (key) DO UPDATE
        SET token = excluded.token, is_completed = false, until = {{now}} + %(lease)s
        WHERE held.until <= {{now}}
        RETURNING 1
    )
    SELECT is_granted, EXISTS (SELECT FROM claimed) FROM lock
"""
_HOLDER: Final = """
    SELECT is_completed, extract(epoch FROM until - {now})::float8
    FROM {schema}.keys WHERE key = %(key)s AND until > {now}
"""
_COMPLETE: Final = """
    INSERT INTO {schema}.keys AS held VALUES (%(key)s, %(token)s, true, {now} + %(ttl)s)
    ON CONFLICT (key) DO UPDATE
    SET token = excluded.token, is_completed = true, until = {now} + %(ttl)s
    WHERE held.token = excluded.token OR held.until <= {now}
"""
_HELD: Final = "key = %(key)s AND token = %(token)s AND NOT is_completed AND until > {now}"


def claim(session: Session, key: str, token: str, lease: float) -> Claim:
    """Claim the key if it is free."""
    while True:
        row = session.execute(
            _CLAIM, key=key, schema=session.schema, token=token, lease=duration(lease)
        ).fetchone()
        assert row is not None
        is_granted, is_claimed = row
        if is_claimed:
            return Claim(key, None, token)
        if not is_granted:
            return Claim(key, Status.IN_PROGRESS)
        refused = _refused(session, key)
        if refused is not None:  # or it is free by now
            return refused


def lock(session: Session, key: str, token: str) -> Claim:
    """Claim the key for as long as the transaction lasts that the session is in."""
    row = session.execute(
        f"SELECT pg_try_advisory_xact_lock({_LOCK})", key=key, schema=session.schema
    ).fetchone()
    if row != (True,):
        return Claim(key, Status.IN_PROGRESS)
    # In a statement of its own: one sees what was committed before it began.
    return _refused(session, key) or Claim(key, None, token)


def renew(session: Session, claim: Claim, lease: float) -> bool:
    """Hold the key for longer, if the claim holds it still."""
    renewed = session.execute(
        f"UPDATE {{schema}}.keys SET until = {{now}} + %(lease)s WHERE {_HELD}",
        key=claim.key,
        token=claim.token,
        lease=duration(lease),
    )
    return bool(renewed.rowcount)


def complete(session: Session, claim: Claim, ttl: float) -> bool:
    """Remember the key as done, unless another claimed it since."""
    if not claim.token:
        return False
    completed = session.execute(_COMPLETE, key=claim.key, token=claim.token, ttl=duration(ttl))
    return bool(completed.rowcount)


def was_completed_by(session: Session, claim: Claim) -> bool:
    """Whether this claim completed the key before; no other may until the transaction ends."""
    session.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, hashtext(%(schema)s)))",
        key=f"complete {claim.key}",
        schema=session.schema,
    )
    found = session.execute(
        "SELECT 1 FROM {schema}.keys"
        " WHERE key = %(key)s AND token = %(token)s AND is_completed AND until > {now}",
        key=claim.key,
        token=claim.token,
    )
    return found.fetchone() is not None


def release(session: Session, claim: Claim) -> bool:
    """Free the key, if the claim holds it still."""
    released = session.execute(
        f"DELETE FROM {{schema}}.keys WHERE {_HELD}", key=claim.key, token=claim.token
    )
    return bool(released.rowcount)


def purge(session: Session, limit: int) -> int:
    """Delete some of the keys that are free, and say how many."""
    return session.execute(
        """
        WITH free AS (
            SELECT key FROM {schema}.keys WHERE until <= {began}
            ORDER BY until LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {schema}.keys USING free WHERE keys.key = free.key
        """,
        limit=limit,
    ).rowcount


def _refused(session: Session, key: str) -> Claim | None:
    row = session.execute(_HOLDER, key=key).fetchone()
    if row is None:
        return None
    is_completed, seconds_left = row
    if is_completed:
        return Claim(key, Status.DUPLICATE)
    return Claim(key, Status.IN_PROGRESS, seconds_left=seconds_left)
