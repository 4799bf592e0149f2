"""What is said when a store can't do what it was asked."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from eventrouter import RegistrationError, SqliteStore, StoreError
from eventrouter.contexts import driven
from eventrouter.testing.letters import NOON, letter_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """The file as another program has it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def used(path: Path) -> SqliteStore:
    """A store with something in it."""
    store = SqliteStore(path, timeout=0.01)
    driven(store.claim("a", 60))
    return store


def test_a_file_that_another_holds_locked_for_too_long(path: Path) -> None:
    with closing(used(path)) as store, opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"events\.db: another process has held it locked"):
            driven(store.claim("b", 60))
        other.execute("COMMIT")

        assert driven(store.claim("b", 60)).refused is None


def test_a_file_that_another_holds_locked_when_it_is_opened(path: Path) -> None:
    used(path).close()
    with opened(path) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process has held it locked for too long"):
            driven(SqliteStore(path, timeout=0.05).claim("b", 60))


def test_a_full_disk(path: Path) -> None:
    with closing(used(path)) as store:
        connection = store._database._opened()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="there is no space left for it; make some"):
            driven(store.put(b"x" * 100_000, {}, NOON))

        assert driven(store.count_entries()).ready == 0
        driven(store.put(b"x" * 100_000, {}, NOON))


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("event_type,payload\n" * 1_000)

    with pytest.raises(StoreError, match="it is no database of SQLite"):
        driven(SqliteStore(path).claim("a", 60))

    assert path.read_text().startswith("event_type")


def test_a_damaged_file(path: Path) -> None:
    with closing(used(path)) as store:
        for _ in range(50):
            driven(store.add_letter(letter_of(raw=b"x" * 10_000)))
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * 400_000)

    with (
        closing(SqliteStore(path)) as store,
        pytest.raises(StoreError, match="it is damaged; move it away"),
    ):
        driven(store.find_letters())


def test_the_database_of_something_else(path: Path) -> None:
    with opened(path) as other:
        other.execute("CREATE TABLE customers (name TEXT)")

    with pytest.raises(StoreError, match="it is the database of something else"):
        driven(SqliteStore(path).claim("a", 60))

    with opened(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_folder_that_is_not_there(path: Path) -> None:
    with pytest.raises(StoreError, match="see that its folder exists and can be written to"):
        driven(SqliteStore(path / "events.db").claim("a", 60))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_file_that_may_not_be_written(path: Path) -> None:
    used(path).close()
    path.chmod(0o400)

    with pytest.raises(StoreError, match="can't be written to; see to its permissions"):
        driven(SqliteStore(path).claim("b", 60))


def test_a_file_that_is_only_read(path: Path) -> None:
    with closing(used(path)) as store:
        store._database._opened().execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="it can't be written to; see to its permissions"):
            driven(store.claim("b", 60))


def test_something_else_that_is_wrong_says_what(path: Path) -> None:
    with closing(used(path)) as store:
        store._database._opened().execute("DROP TABLE keys")
        with pytest.raises(StoreError, match=r"SQLite could not do it \(no such table: keys\)"):
            driven(store.claim("b", 60))


def test_a_connection_that_is_closed_is_made_anew(path: Path) -> None:
    with closing(used(path)) as store:
        store._database._opened().close()
        with pytest.raises(StoreError, match="closed database"):
            driven(store.claim("b", 60))

        assert driven(store.claim("b", 60)).refused is None


@pytest.mark.parametrize("name", ["", ":memory:"])
def test_what_is_no_file_is_refused_when_made(name: str) -> None:
    with pytest.raises(RegistrationError, match=r"MemoryStore\(\) keeps all in memory"):
        SqliteStore(name)


def test_a_timeout_that_is_none_is_refused_when_made(path: Path) -> None:
    with pytest.raises(RegistrationError, match="timeout=0: it is a number of seconds over 0"):
        SqliteStore(path, timeout=0)


def test_what_interrupts_the_work_leaves_nothing_half_done(path: Path) -> None:
    with closing(used(path)) as store:

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM keys")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store._database.write(work, synced=True)

        assert driven(store.claim("a", 60)).refused is not None


@pytest.mark.parametrize("seconds", [1e300, 1e15])
def test_a_lease_longer_than_sqlite_can_count_is_a_long_one(path: Path, seconds: float) -> None:
    with closing(SqliteStore(path)) as store:
        driven(store.claim("a", seconds))

        assert driven(store.claim("a", 60)).refused is not None
