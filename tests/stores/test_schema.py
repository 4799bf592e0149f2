"""A file of another version."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from eventrouter import Event, SqliteStore, Status, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import Outgoing
from eventrouter.stores.sqlite import schema

FIRST = ("CREATE TABLE a (x)", "INSERT INTO a VALUES (1)")
SECOND = ("ALTER TABLE a ADD COLUMN y DEFAULT 2",)


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as connection:
        yield connection


def version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_a_new_file_gets_all_steps(connection: sqlite3.Connection) -> None:
    schema.prepare(connection, "events.db", (FIRST, SECOND))

    assert version_of(connection) == 2
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, 2)]


def test_an_older_file_gets_those_that_it_lacks(connection: sqlite3.Connection) -> None:
    schema.prepare(connection, "events.db", (FIRST,))
    connection.execute("UPDATE a SET x = 7")

    schema.prepare(connection, "events.db", (FIRST, SECOND))

    assert version_of(connection) == 2
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(7, 2)]


@pytest.mark.parametrize("older", [(), (FIRST,)])
@pytest.mark.parametrize("moment", range(5))
def test_another_process_may_do_so_at_the_same_time(
    tmp_path: Path, connection: sqlite3.Connection, older: schema.Steps, moment: int
) -> None:
    """At any statement up to that which keeps others out."""
    if older:
        schema.prepare(connection, "events.db", older)
    statements = list[str]()

    def intervene(statement: str) -> None:
        statements.append(statement)
        if len(statements) == moment + 1:
            with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
                schema.prepare(other, "events.db", (FIRST, SECOND))

    connection.set_trace_callback(intervene)
    schema.prepare(connection, "events.db", (FIRST, SECOND))
    connection.set_trace_callback(None)

    assert len(statements) > moment
    assert version_of(connection) == 2
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, 2)]


def test_a_file_of_this_version_is_left_as_it_is(connection: sqlite3.Connection) -> None:
    schema.prepare(connection, "events.db", (FIRST,))

    schema.prepare(connection, "events.db", (FIRST,))

    assert connection.execute("SELECT x FROM a").fetchall() == [(1,)]


def test_a_step_that_fails_leaves_the_older_version(connection: sqlite3.Connection) -> None:
    schema.prepare(connection, "events.db", (FIRST,))

    with pytest.raises(sqlite3.OperationalError):
        schema.prepare(connection, "events.db", (FIRST, ("DELETE FROM a", "no SQL")))

    assert version_of(connection) == 1
    assert connection.execute("SELECT x FROM a").fetchall() == [(1,)]


def test_a_file_that_a_newer_version_wrote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.prepare(connection, "events.db", (*schema.STEPS, FIRST))

    with pytest.raises(StoreError, match=r"a newer eventrouter wrote it, in version 3 .* knows 2"):
        driven(SqliteStore(path).claim("a", 60))


def test_a_file_without_a_write_ahead_log_is_refused() -> None:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.raises(StoreError, match="name a file on a disk of this machine"),
    ):
        schema.prepare(connection, "events.db")


def test_a_file_of_the_first_version_gets_an_outbox_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.prepare(connection, "events.db", schema.STEPS[:1])
        connection.execute("INSERT INTO keys VALUES ('a', 'token', 1, 9000000000000000)")
        connection.execute("INSERT INTO entries VALUES (7, 0, 0, 1, 0, 0, NULL, NULL, NULL)")
        connection.execute("INSERT INTO bodies VALUES (7, '{}', x'00')")
    outgoing = Outgoing(Event("counted", None), b"1", {}, "key")

    with closing(SqliteStore(path)) as store:
        assert driven(store.claim("a", 60)).refused is Status.DUPLICATE
        driven(store.complete(driven(store.claim("b", 60)), 60, [outgoing]))

        assert [e.id for e in driven(store.take("w", limit=2, lease=60))] == ["7"]
        assert [o.raw for o in driven(store.take_outgoing(limit=2, lease=60))] == [b"1"]
    with closing(sqlite3.connect(path)) as connection:
        assert version_of(connection) == 2


def test_the_first_version_is_the_one_that_files_have() -> None:
    """What a file has got already is not changed afterwards: add a step."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in schema.STEPS[0]:
            connection.execute(statement)
        names = connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()

    assert [name for (name,) in names if not name.startswith("sqlite_")] == [
        "bodies",
        "entries",
        "entries_due",
        "entries_key",
        "keys",
        "keys_until",
        "letters",
        "letters_received",
        "letters_type",
    ]


def test_the_second_version_is_the_one_that_files_have() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in schema.STEPS[1]:
            connection.execute(statement)
        names = connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()

    assert [name for (name,) in names if not name.startswith("sqlite_")] == [
        "outgoing",
        "outgoing_bodies",
        "outgoing_due",
        "outgoing_key",
    ]
