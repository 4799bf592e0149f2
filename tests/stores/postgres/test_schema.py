"""A schema of another version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from eventrouter import StoreError
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
from eventrouter.stores.postgres.schema import STEPS, prepare
from eventrouter.stores.postgres.session import Session
from tests.postgres import execute, schema
from tests.services import POSTGRES

FIRST = ("CREATE TABLE {schema}.a (x int)", "INSERT INTO {schema}.a VALUES (1)")
SECOND = ("ALTER TABLE {schema}.a ADD COLUMN y int DEFAULT 2",)


@pytest.fixture
def session() -> Iterator[Session]:
    with schema() as name, psycopg.connect(POSTGRES, autocommit=True) as connection:
        yield Session(connection, name, None)


def version_of(session: Session) -> int:
    [(version,)] = session.execute("SELECT version FROM {schema}.eventrouter_version").fetchall()
    return int(version)


def rows_of(session: Session) -> list[tuple[int, ...]]:
    return session.execute("SELECT * FROM {schema}.a").fetchall()


def test_a_new_schema_gets_all_steps(session: Session) -> None:
    prepare(session, "shop", (FIRST, SECOND))

    assert version_of(session) == 2
    assert rows_of(session) == [(1, 2)]


def test_an_older_schema_gets_those_that_it_lacks(session: Session) -> None:
    prepare(session, "shop", (FIRST,))
    session.execute("UPDATE {schema}.a SET x = 7")

    prepare(session, "shop", (FIRST, SECOND))

    assert version_of(session) == 2
    assert rows_of(session) == [(7, 2)]


def test_a_schema_of_this_version_is_left_as_it_is(session: Session) -> None:
    prepare(session, "shop", (FIRST,))

    prepare(session, "shop", (FIRST,))

    assert rows_of(session) == [(1,)]


def test_an_empty_schema_is_used(session: Session) -> None:
    session.execute("CREATE SCHEMA {schema}")

    prepare(session, "shop", (FIRST,))

    assert version_of(session) == 1


def test_a_step_that_fails_leaves_the_older_version(session: Session) -> None:
    prepare(session, "shop", (FIRST,))

    with pytest.raises(psycopg.errors.SyntaxError):
        prepare(session, "shop", (FIRST, ("DELETE FROM {schema}.a", "no SQL")))

    assert version_of(session) == 1
    assert rows_of(session) == [(1,)]


def test_a_schema_that_a_newer_version_made_is_refused(session: Session) -> None:
    prepare(session, "shop", (*STEPS, FIRST))

    with (
        closing(PostgresStore(POSTGRES, schema=session.schema)) as store,
        pytest.raises(StoreError, match=r"a newer eventrouter made .* in version 3 .* knows 2"),
    ):
        driven(store.claim("a", 60))


def test_a_schema_of_something_else_is_refused(session: Session) -> None:
    session.execute("CREATE SCHEMA {schema}")
    session.execute("CREATE TABLE {schema}.customers (name text)")

    with pytest.raises(StoreError, match="has tables of something else; name one of its own"):
        prepare(session, "shop")


def test_two_schemas_of_one_database_have_nothing_in_common() -> None:
    with schema() as one, schema() as other:
        for name in (one, other):
            with closing(PostgresStore(POSTGRES, schema=name)) as store:
                assert driven(store.claim("a", 60)).refused is None
                assert store.transact("b", 60, lambda _: ("worked", ()))[1] == "worked"


def test_the_first_version_is_the_one_that_schemas_have(session: Session) -> None:
    """What a schema has got already is not changed afterwards: add a step."""
    prepare(session, "shop", STEPS[:1])

    names = execute(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = %s AND relkind IN ('r', 'i') ORDER BY relname",
        session.schema,
    )
    assert [name for (name,) in names] == [
        "entries",
        "entries_due",
        "entries_key",
        "entries_pkey",
        "eventrouter_version",
        "keys",
        "keys_pkey",
        "keys_until",
        "letters",
        "letters_pkey",
        "letters_received",
        "letters_type",
    ]
