"""A schema of its own for each test, in the database of the tests."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from attrs import frozen

from eventrouter.stores import PostgresStore
from tests.services import POSTGRES, require


def need_postgres() -> None:
    """Skip the test, or fail it, if the server is not there."""
    require(POSTGRES)


@contextmanager
def database() -> Generator[str]:
    """The URL of an empty database; it is dropped at the end."""
    need_postgres()
    name = f"test_{uuid4().hex}"
    execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
    finally:
        execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def schema() -> Generator[str]:
    """The name of a schema that nobody else has; it is dropped at the end."""
    need_postgres()
    name = f"test_{uuid4().hex}"
    try:
        yield name
    finally:
        execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@contextmanager
def postgres_store(**arguments: Any) -> Generator[PostgresStore]:
    """An empty store."""
    with schema() as name:
        store = PostgresStore(POSTGRES, schema=name, connections=3, **arguments)
        try:
            yield store
        finally:
            store.close()


def execute(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a statement gives, executed beside the store."""
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def backends(store: PostgresStore) -> list[int]:
    """The processes of the server that connections of the store have, as far as they are idle."""
    database = store._database
    return [
        connection.info.backend_pid
        for connections in (database._own, database._for_transactions)
        for connection in connections.idle()
    ]


def terminate(*processes: int) -> None:
    """Cut connections, and wait until the server has done so."""
    for process in processes:
        execute("SELECT pg_terminate_backend(%s, 5000)", process)


@frozen
class Effects:
    """
    A table of the same database that handlers write in, outside of the store's schema.

    Attributes:
        schema: The schema that it is in.
    """

    schema: str

    @property
    def insert(self) -> bytes:
        """What a handler executes, with the name of an event."""
        return f"INSERT INTO {self.schema}.effects VALUES (%s)".encode()

    def all(self) -> list[str]:
        """The events that left one, sorted, each as often as it did."""
        return sorted(event for (event,) in execute(f"SELECT event FROM {self.schema}.effects"))


@contextmanager
def effects_table() -> Generator[Effects]:
    """An empty table, in which an event may be twice."""
    with schema() as name:
        execute(f"CREATE SCHEMA {name}")
        execute(f"CREATE TABLE {name}.effects (event text NOT NULL)")
        yield Effects(name)
