"""Working off an inbox, and serving into one, as real processes that get real signals."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from eventrouter import SqliteStore
from eventrouter.event import now
from eventrouter.stores import EntryCounts
from tests.cli.conftest import CommandLine, event, read_line
from tests.cli.test_serve import Serving, orders, send_concurrently

_NOTICED = "finishing what is in flight; Ctrl-C ends at once"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.close()


def fill(folder: Path, *events: str) -> SqliteStore:
    """An inbox with these events."""
    store = SqliteStore(folder / "events.db")

    async def put() -> None:
        for one in events:
            await store.put(one.encode(), {}, now())

    anyio.run(put)
    store.close()
    return store


def attempts(folder: Path) -> list[int]:
    """How often each event that is still there was taken."""
    connection = sqlite3.connect(folder / "events.db")
    rows = connection.execute("SELECT attempts FROM entries ORDER BY id").fetchall()
    connection.close()
    return [number for (number,) in rows]


# Work


def test_what_is_in_the_inbox_is_processed(command: CommandLine) -> None:
    store = fill(command.folder, event(), event(order_id="o-2"), event("order.lost"))

    result = command.run("work", "app:router", "--inbox", "events.db", "--until-empty")

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "processing what is in the inbox, 3 events now, until there are no more\n"
        "outcome    times\n"
        "────────────────\n"
        "handled        2\n"
        "unrouted       1\n"
        "────────────────\n"
        "all            3\n"
        "\n"
        "1 dead letter; eventrouter dead-letters list tells of them\n"
    )
    assert anyio.run(store.count_letters) == 1


def test_an_empty_inbox_is_no_error(command: CommandLine) -> None:
    result = command.run("work", "app:router", "--inbox", "events.db", "--until-empty")

    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("until there are no more\nno events\n")


def test_an_endpoint_may_have_an_inbox_of_its_own(command: CommandLine) -> None:
    fill(command.folder, event())
    command.write(
        "hooks.py",
        "from app import router\n"
        "from eventrouter import Inbox, SqliteStore\n"
        "from eventrouter.integrations.http import asgi\n"
        'hooks = asgi(router, inbox=Inbox(SqliteStore("events.db")))\n'
        "plain = asgi(router)\n",
    )

    result = command.run("work", "hooks:hooks", "--until-empty")
    twice = command.run("work", "hooks:hooks", "--inbox", "events.db")
    none = command.run("work", "hooks:plain", "--until-empty")

    assert (result.exit_code, attempts(command.folder)) == (0, [])
    assert (twice.exit_code, none.exit_code) == (2, 2)
    assert "hooks:hooks has an inbox of its own" in twice.stderr
    assert "--inbox STORE says what to process" in none.stderr


def test_a_file_that_is_no_database_is_refused(command: CommandLine) -> None:
    command.write("events.db", "no database, but more than a few bytes of something else" * 20)

    result = command.run("work", "app:router", "--inbox", "events.db")

    assert result.exit_code == 2
    assert "it is no database of SQLite" in result.stderr


def test_after_sigterm_what_is_in_flight_is_finished_and_no_more_is_taken(
    serving: Serving,
) -> None:
    fill(serving.folder, *orders(200).values())
    process = serving.start("work", "served:router", "--inbox", "events.db")
    while not (said := read_line(process)).startswith("begun"):
        assert said, "the process ended"

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    served = notes(serving.folder)

    assert process.returncode == 0
    assert served["begun"] == served["done"]
    assert 0 < len(served["done"]) < 200
    assert attempts(serving.folder) == [0] * (200 - len(served["done"]))


def test_what_is_cut_off_by_the_end_of_the_grace_is_given_back_at_no_cost(
    serving: Serving,
) -> None:
    fill(serving.folder, *orders(200, "async.wait").values())
    process = serving.start("work", "served:router", "--inbox", "events.db", "--grace", "0")
    for _ in range(11):  # the line of the start, too
        assert read_line(process)

    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the grace was over: 10 events cut off, to be processed again" in stderr
    assert attempts(serving.folder) == [0] * 200
    assert anyio.run(SqliteStore(serving.folder / "events.db").count_entries) == EntryCounts(
        ready=200, waiting=0, taken=0
    )


def test_a_thread_that_never_ends_does_not_keep_the_process(
    serving: Serving,
) -> None:
    fill(serving.folder, event("sync.wait"))
    process = serving.start("work", "served:router", "--inbox", "events.db", "--grace", "0")
    assert read_line(process)
    assert read_line(process).startswith("begun")

    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the grace was over: 1 event cut off" in stderr
    assert attempts(serving.folder) == [1]  # it may still do something


def test_a_second_ctrl_c_ends_it_at_once(serving: Serving) -> None:
    fill(serving.folder, event("async.wait"))
    process = serving.start("work", "served:router", "--inbox", "events.db")
    assert read_line(process)
    assert read_line(process).startswith("begun")

    process.send_signal(signal.SIGINT)
    assert read_line(process, "stderr") == _NOTICED
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130


def notes(folder: Path) -> dict[str, list[str]]:
    """The orders that the handlers noted as begun and as done."""
    found: dict[str, list[str]] = {"begun": [], "done": []}
    for line in (folder / "notes.txt").read_text().splitlines():
        which, order = line.split()
        found[which].append(order)
    return {which: sorted(noted) for which, noted in found.items()}


# Serve


def test_an_event_is_on_disk_before_it_is_answered(serving: Serving) -> None:
    served = serving.serve("served:router", "--inbox", "events.db")

    status, body = served.send(event("async.wait"))
    served.process.kill()
    served.process.wait()

    assert (status, body) == (202, '{"outcome":"accepted"}')
    assert len(attempts(serving.folder)) == 1


def test_it_processes_what_it_accepts_and_what_was_there(serving: Serving) -> None:
    fill(serving.folder, event(order_id="before"))
    served = serving.serve("served:router", "--inbox", "events.db")

    answered = anyio.run(send_concurrently, served.port, orders(20))
    served.wait_for("done", 21)
    served.signal(signal.SIGTERM)
    status, _, _ = served.end()

    assert set(answered.values()) == {202}
    assert status == 0
    assert sorted(served.notes("done")) == sorted(["before", *orders(20)])
    assert attempts(serving.folder) == []


def test_what_is_not_finished_at_the_end_stays_in_the_inbox(serving: Serving) -> None:
    served = serving.serve("served:router", "--inbox", "events.db", "--grace", "0")
    served.send(event("async.wait"))
    served.wait_for("begun")

    served.signal(signal.SIGTERM)
    status, _, stderr = served.end()

    assert status == 1
    assert "the grace was over: 1 event stays in the inbox" in stderr
    assert attempts(serving.folder) == [0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("served:router", "--background"), "--inbox answers 202 too; leave one out"),
        (("served:signed",), "served:signed is what asgi() made; give that inbox=Inbox(...)"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(serving.folder)
    result = serving.run("serve", *arguments, "--inbox", "events.db")

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
