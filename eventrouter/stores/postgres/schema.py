"""The tables, and how an older schema gets them."""

from __future__ import annotations

from typing import Final, TypeAlias

from eventrouter.errors import StoreError
from eventrouter.stores.postgres.session import Session

#: What each version has that the one before had not, as statements.
Steps: TypeAlias = tuple[tuple[str, ...], ...]

# Text that may be no text to PostgreSQL lies in JSON.
STEPS: Final[Steps] = (
    (
        """
        CREATE TABLE {schema}.keys (
            key text COLLATE "C" PRIMARY KEY,
            token text NOT NULL,
            is_completed boolean NOT NULL,
            until timestamptz NOT NULL
        )
        """,
        "CREATE INDEX keys_until ON {schema}.keys (until)",
        """
        CREATE TABLE {schema}.letters (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            received timestamptz NOT NULL,
            type text,
            version text,
            status text NOT NULL,
            error text NOT NULL,
            details text NOT NULL,
            raw bytea NOT NULL
        )
        """,
        "CREATE INDEX letters_received ON {schema}.letters (received)",
        # A hash, as a type may be longer than an index keeps.
        "CREATE INDEX letters_type ON {schema}.letters USING hash (type)",
        # An update does not write a long event again, which PostgreSQL keeps beside the row.
        """
        CREATE TABLE {schema}.entries (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            received timestamptz NOT NULL,
            due timestamptz NOT NULL,
            is_first boolean NOT NULL,
            attempts integer NOT NULL,
            failed integer NOT NULL,
            key text COLLATE "C",
            token text,
            worker text,
            headers text NOT NULL,
            raw bytea NOT NULL
        )
        """,
        "CREATE INDEX entries_due ON {schema}.entries (due, id) WHERE is_first",
        "CREATE INDEX entries_key ON {schema}.entries (key, id) WHERE key IS NOT NULL",
    ),
    (
        """
        CREATE TABLE {schema}.outgoing (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            key text COLLATE "C" NOT NULL,
            is_first boolean NOT NULL,
            due timestamptz NOT NULL,
            failed integer NOT NULL,
            token text,
            type text NOT NULL,
            timestamp timestamptz NOT NULL,
            metadata text NOT NULL,
            headers text NOT NULL,
            raw bytea NOT NULL
        )
        """,
        "CREATE INDEX outgoing_due ON {schema}.outgoing (due, id) WHERE is_first",
        "CREATE INDEX outgoing_key ON {schema}.outgoing (key, id)",
    ),
)

_VERSION_TABLE: Final = "eventrouter_version"
_LOCK: Final = "eventrouter migration"


def prepare(session: Session, shown: str, steps: Steps = STEPS) -> None:
    """
    Give the schema all tables, whatever version it has, and whoever else does so at once.

    Args:
        session: Without a transaction.
        shown: What errors call the database.
        steps: What leads to the newest version.

    Raises:
        StoreError: If the schema is newer than that, or something else's.
        psycopg.Error: If it can't be done.
    """
    if _version(session, shown, steps) == len(steps):
        return
    with session.connection.transaction():
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))", name=_LOCK)
        # Another process may have done so while this one waited.
        version = _version(session, shown, steps)
        if version is None:
            if not _exists(session):  # to ask for it takes a right that is not needed then
                session.execute("CREATE SCHEMA {schema}")
            session.execute(f"CREATE TABLE {{schema}}.{_VERSION_TABLE} (version integer NOT NULL)")
            session.execute(f"INSERT INTO {{schema}}.{_VERSION_TABLE} VALUES (0)")
        for step in steps[version or 0 :]:
            for statement in step:
                session.execute(statement)
        session.execute(f"UPDATE {{schema}}.{_VERSION_TABLE} SET version = %(v)s", v=len(steps))


def _version(session: Session, shown: str, steps: Steps) -> int | None:
    """The version that the schema has, or None if there is nothing in it."""
    found = session.execute(
        "SELECT count(*), count(*) FILTER (WHERE relname = %(name)s) FROM pg_class"
        " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = %(schema)s AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        name=_VERSION_TABLE,
        schema=session.schema,
    ).fetchone()
    tables, is_ours = found or (0, 0)
    if not is_ours:
        if tables:
            raise StoreError(
                f"{shown}: the schema {session.schema!r} has tables of something else; name one of "
                "its own, PostgresStore(..., schema=...)"
            )
        return None
    row = session.execute(f"SELECT version FROM {{schema}}.{_VERSION_TABLE}").fetchone()
    version = int(row[0]) if row is not None else 0
    if version > len(steps):
        raise StoreError(
            f"{shown}: a newer eventrouter made the schema {session.schema!r}, in version "
            f"{version} of the tables, and this one knows {len(steps)}; install that one"
        )
    return version


def _exists(session: Session) -> bool:
    found = session.execute(
        "SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s", schema=session.schema
    )
    return found.fetchone() is not None
