"""What is said when the database can't do what it was asked."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from eventrouter import RegistrationError, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import PostgresStore
from tests.postgres import backends, execute, need_postgres, postgres_store, schema, terminate
from tests.services import POSTGRES
from tests.stores.postgres.relay import Relay

PASSWORD = "s3cr3t"


@pytest.fixture
def store() -> Iterator[PostgresStore]:
    with postgres_store() as store:
        driven(store.claim("a", 60))
        yield store


@contextmanager
def role(*rights: str) -> Generator[str]:
    """A user with a password and these rights."""
    need_postgres()
    name = f"test_{uuid4().hex}"
    execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    try:
        for right in rights:
            execute(f"GRANT {right} TO {name}")
        yield name
    finally:
        execute(f"DROP OWNED BY {name}")
        execute(f"DROP ROLE {name}")


def url_of(user: str, **parts: Any) -> str:
    """The URL of the tests' database for that user, with other parts if they are given."""
    host, port = server()
    database = parts.get("database", urlsplit(POSTGRES).path[1:])
    at = f"{parts.get('host', host)}:{parts.get('port', port)}"
    return f"postgresql://{user}:{PASSWORD}@{at}/{database}"


def refusal(url: str, **arguments: Any) -> StoreError:
    """What is raised of that URL, nowhere with the password."""
    with closing(PostgresStore(url, **arguments)) as store:
        assert PASSWORD not in repr(store)
        with pytest.raises(StoreError) as caught:
            driven(store.claim("a", 60))
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return caught.value


def server() -> tuple[str, int]:
    """Where the server of the tests is."""
    at = urlsplit(POSTGRES)
    return at.hostname or "127.0.0.1", at.port or 5432


# Reaching it


def test_a_server_that_is_down() -> None:
    with Relay(*server()) as closed:
        error = refusal(url_of("app", host="127.0.0.1", port=closed.port, database="shop"))

    assert str(error).startswith(
        f"postgresql://app@127.0.0.1:{closed.port}/shop: the server can't be reached; see whether "
        "it runs"
    )


def test_a_host_that_is_none() -> None:
    assert "the server can't be reached" in str(refusal(url_of("app", host="nowhere.invalid")))


def test_a_database_that_is_not_there() -> None:
    need_postgres()

    assert "there is no such database; make it" in str(refusal(url_of("postgres", database="no")))


def test_a_user_that_is_not_there() -> None:
    need_postgres()

    assert "the server refuses the user or the password" in str(refusal(url_of("nobody")))


def test_a_user_that_may_not_make_a_schema() -> None:
    with role() as user:
        assert "grant it USAGE and CREATE on the schema" in str(refusal(url_of(user)))


def test_a_user_may_have_a_schema_made_for_it() -> None:
    with schema() as name, role() as user:
        execute(f"CREATE SCHEMA {name}")
        execute(f"GRANT USAGE, CREATE ON SCHEMA {name} TO {user}")
        with closing(PostgresStore(url_of(user), schema=name)) as store:
            assert driven(store.claim("a", 60)).refused is None


def test_a_server_that_comes_back_is_used_again_without_a_restart() -> None:
    with schema() as name, Relay(*server()) as relay:
        url = f"postgresql://postgres@127.0.0.1:{relay.port}/{urlsplit(POSTGRES).path[1:]}"
        with closing(PostgresStore(url, schema=name)) as store:
            with pytest.raises(StoreError, match="the server can't be reached"):
                driven(store.claim("a", 60))
            relay.open()
            claim = driven(store.claim("a", 60))
            relay.cut()
            with pytest.raises(StoreError, match="the server can't be reached"):
                driven(store.complete(claim, 60))
            relay.open()

            assert driven(store.complete(claim, 60))


# Using it


def test_a_connection_that_is_cut_in_the_middle_is_made_anew(store: PostgresStore) -> None:
    def work(session: Any) -> None:
        terminate(session.connection.info.backend_pid)
        session.execute("SELECT 1")

    with pytest.raises(
        StoreError, match=r"the server ended the connection|the connection was lost"
    ):
        store._database.do(work)

    assert driven(store.claim("b", 60)).refused is None


def test_what_is_cut_in_the_middle_leaves_nothing_half_done(store: PostgresStore) -> None:
    def work(session: Any) -> None:
        session.execute("DELETE FROM {schema}.keys")
        terminate(session.connection.info.backend_pid)

    with pytest.raises(StoreError):
        store._database.do_at_once(work)

    assert driven(store.claim("a", 60)).refused is not None


def test_the_server_is_told_to_notice_that_a_machine_is_gone(store: PostgresStore) -> None:
    settings = list[str]()

    def work(connection: Any) -> tuple[None, tuple[()]]:
        for name in ("idle", "interval", "count"):
            settings.extend(*connection.execute(f"SHOW tcp_keepalives_{name}").fetchall())
        return None, ()

    store.transact("b", 60, work)

    assert settings == ["10", "5", "3"]


def test_connections_that_are_cut_while_nobody_uses_them_are_not_noticed(
    store: PostgresStore,
) -> None:
    terminate(*backends(store))

    assert driven(store.claim("b", 60)).refused is None


def test_what_takes_too_long(store: PostgresStore) -> None:
    with (
        closing(PostgresStore(POSTGRES, schema=store.schema, timeout=0.1)) as hasty,
        psycopg.connect(POSTGRES) as other,
    ):
        other.execute(f"LOCK TABLE {store.schema}.keys".encode())
        with pytest.raises(StoreError, match="took longer than the timeout= of PostgresStore"):
            driven(hasty.claim("b", 60))
        other.rollback()

        assert driven(hasty.claim("b", 60)).refused is None


def test_a_database_that_can_only_be_read(store: PostgresStore) -> None:
    def work(session: Any) -> None:
        session.execute("SET TRANSACTION READ ONLY")
        session.execute("DELETE FROM {schema}.keys")

    with pytest.raises(StoreError, match="it can only be read, as a standby can"):
        store._database.do_at_once(work)


def test_a_table_that_was_dropped(store: PostgresStore) -> None:
    execute(f"DROP TABLE {store.schema}.letters")

    with pytest.raises(StoreError, match="see who dropped it"):
        driven(store.count_letters())


def test_something_else_that_is_wrong_says_what_without_values(store: PostgresStore) -> None:
    execute(f"ALTER TABLE {store.schema}.keys ADD CHECK (key <> 'a value')")

    with pytest.raises(StoreError, match="PostgreSQL could not do it") as caught:
        driven(store.claim("a value", 60))

    assert "a value" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_interrupts_the_work_leaves_nothing_half_done(store: PostgresStore) -> None:
    def work(session: Any) -> None:
        session.execute("DELETE FROM {schema}.keys")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store._database.do_at_once(work)

    assert driven(store.claim("a", 60)).refused is not None


@pytest.mark.parametrize("seconds", [1e300, 1e15])
def test_a_lease_longer_than_can_be_counted_is_a_long_one(
    store: PostgresStore, seconds: float
) -> None:
    driven(store.claim("b", seconds))

    assert driven(store.claim("b", 60)).refused is not None


# What is refused when it is made


@pytest.mark.parametrize(
    "url",
    [
        "",
        "events.db",
        "host=localhost password=s3cr3t",
        "mysql://app:s3cr3t@localhost/shop",
        "postgresql://app:s3cr3t%zz@localhost/shop",
        "postgresql://app:pass:s3cr3t@[localhost/shop",
        "postgresql://app:s3cr3t@localhost/shop?colour=red",
        "postgresql://app:s3cr3t/word@localhost/shop",
        "postgresql://localhost/\0s3cr3t",
        None,
    ],
)
def test_what_is_no_url_is_refused_and_not_repeated(url: Any) -> None:
    with pytest.raises(RegistrationError, match="postgresql://") as caught:
        PostgresStore(url)

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://app:s3cr3t@db.internal/shop", "postgresql://app@db.internal/shop"),
        ("postgres://db.internal:5433/shop?sslmode=require", "postgresql://db.internal:5433/shop"),
        ("postgresql://one,other:5433/shop", "postgresql://one,other:5433/shop"),
        ("postgresql://one:1,other:2/shop", "postgresql://one:1,other:2/shop"),
        ("postgresql:///shop?host=/run/postgresql", "postgresql:///run/postgresql/shop"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    store = PostgresStore(url)

    assert str(store.address) == shown
    assert PASSWORD not in repr(store)


@pytest.mark.parametrize("name", ["", "a b", "1a", "pg_events", 'a"', "x" * 64, "a%s", None])
def test_a_schema_with_a_name_that_needs_care_is_refused(name: Any) -> None:
    with pytest.raises(RegistrationError, match="schema="):
        PostgresStore(POSTGRES, schema=name)


@pytest.mark.parametrize(
    "arguments", [{"timeout": 0}, {"connections": 0}, {"connections": True}], ids=str
)
def test_a_number_that_is_none_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(RegistrationError, match="it is a"):
        PostgresStore(POSTGRES, **arguments)


def test_without_the_extra_it_is_named() -> None:
    program = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "import eventrouter.stores\n"
        "from eventrouter.stores import *\n"
        "try:\n"
        "    eventrouter.stores.PostgresStore\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout

    assert said == "PostgresStore needs the extra: pip install 'eventrouter[postgres]'\n"
