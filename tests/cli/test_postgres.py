"""An inbox and dead letters in a database, named by its URL."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from eventrouter.event import now
from eventrouter.stores import PostgresStore
from tests.cli.conftest import CommandLine, event
from tests.cli.test_serve import Serving, orders, send_concurrently
from tests.postgres import execute, postgres_store
from tests.services import POSTGRES


@pytest.fixture
def store() -> Iterator[PostgresStore]:
    with postgres_store() as store:
        yield store


@pytest.fixture
def url(store: PostgresStore) -> str:
    """The database, and the schema of the store."""
    return f"{POSTGRES}?connect_timeout=5&schema={store.schema}"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.close()


def fill(store: PostgresStore, *events: str) -> None:
    async def put() -> None:
        for one in events:
            await store.put(one.encode(), {}, now())

    anyio.run(put)


def test_what_is_in_the_database_is_processed_and_looked_at_and_tried_again(
    command: CommandLine, store: PostgresStore, url: str
) -> None:
    fill(store, event(), event(order_id="declined"), event("order.lost"))

    work = command.run("work", "app:router", "--inbox", url, "--until-empty")
    lost = command.run("dead-letters", "list", "--store", url, "--type", "order.lost", "--json")
    [letter] = json.loads(lost.stdout)
    command.write(
        "mended.py",
        "from app import router\n"
        "@router.on('order.lost')\n"
        "async def find(payload: dict[str, str]) -> None: ...\n",
    )
    replay = command.run(
        "dead-letters", "replay", "mended:router", letter["id"], "--store", url, "--run"
    )
    shown = command.run("dead-letters", "show", letter["id"], "--store", url)
    purge = command.run("dead-letters", "purge", "--before", "0s", "--store", url, "--yes")

    assert work.exit_code == 0, work.output
    assert "unrouted       1" in work.stdout
    assert letter["status"] == "unrouted"
    assert replay.exit_code == 0, replay.output
    assert "1 dead letter handled and gone" in replay.stdout
    assert "there is no dead letter with the id" in shown.stderr
    assert "purged" in purge.stdout or "no dead letters" in purge.stdout


def test_it_serves_into_the_database(serving: Serving, store: PostgresStore, url: str) -> None:
    served = serving.serve("served:router", "--inbox", url)

    answered = anyio.run(send_concurrently, served.port, orders(10))
    served.wait_for("done", 10)
    served.signal(signal.SIGTERM)
    status, _, _ = served.end()

    assert set(answered.values()) == {202}
    assert status == 0
    assert sorted(served.notes("done")) == sorted(orders(10))
    assert execute(f"SELECT count(*) FROM {store.schema}.entries") == [(0,)]


def test_a_database_that_can_not_be_reached_is_told_without_the_password(
    command: CommandLine,
) -> None:
    url = "postgresql://app:s3cr3t@nowhere.invalid/shop"

    result = command.run("work", "app:router", "--inbox", url)

    assert result.exit_code == 2
    assert "postgresql://app@nowhere.invalid/shop: the server can't be reached" in result.stderr
    assert "s3cr3t" not in result.output


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://app:s3cr3t%zz@localhost/shop", "the URL of PostgresStore can't be read"),
        ("postgresql://localhost/shop?schema=a-b", "schema='a-b': it is a name of up to 63"),
    ],
)
def test_a_url_that_is_none_is_refused(command: CommandLine, url: str, message: str) -> None:
    result = command.run("dead-letters", "list", "--store", url)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "s3cr3t" not in result.output


def test_without_the_extra_it_is_named(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("eventrouter.stores.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(vars(sys.modules["eventrouter.stores"]), "PostgresStore", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    result = command.run("work", "app:router", "--inbox", "postgresql://localhost/shop")

    assert result.exit_code == 2
    assert "pip install 'eventrouter[postgres]'" in result.stderr
