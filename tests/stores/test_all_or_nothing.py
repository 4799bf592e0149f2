"""A call of the store in a file that is broken at any of its steps has done nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from eventrouter import DeadLetter, SqliteStore, Status, StoreError
from eventrouter.contexts import driven

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LETTER = DeadLetter(raw=b"{}", received=NOON, status=Status.FAILED, error="OSError", message="")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "events.db")
    yield store
    store.close()


def until_done(
    store: SqliteStore,
    call: Callable[[], Coroutine[Any, Any, object]],
    unchanged: Callable[[], None],
) -> int:
    """Make the call, broken one step of SQLite later each time, until it is done; say how often."""
    for steps in count():
        break_after(store, steps)
        try:
            driven(call())
        except StoreError:
            unchanged()
        else:
            store.close()  # the connection that breaks, which the next call opens anew
            return steps
    raise AssertionError


def break_after(store: SqliteStore, steps: int) -> None:
    connection = store._database._opened()
    left, has_begun = steps, False

    def is_over() -> bool:
        nonlocal left, has_begun
        left -= 1
        has_begun = has_begun or connection.in_transaction
        # A COMMIT that has done its work would say that it was interrupted.
        return left < 0 and connection.in_transaction is has_begun

    connection.set_progress_handler(is_over, 1)


def test_an_entry_becomes_a_dead_letter_or_stays(store: SqliteStore) -> None:
    driven(store.put(b"{}", {}, NOON, key="a"))
    driven(store.put(b"{}", {}, NOON, key="a"))
    [entry] = driven(store.take("w", limit=1, lease=600))

    def unchanged() -> None:
        counts = driven(store.count_entries())
        assert (counts.taken, counts.waiting, driven(store.count_letters())) == (1, 1, 0)

    assert until_done(store, lambda: store.set_aside(entry, LETTER), unchanged) > 50
    counts = driven(store.count_entries())
    assert (counts.taken, counts.ready, driven(store.count_letters())) == (0, 1, 1)


@pytest.mark.parametrize("name", ["put", "done", "set_aside", "add_letter", "complete"])
def test_what_must_outlive_a_loss_of_power_waits_for_the_disk(
    store: SqliteStore, name: str
) -> None:
    driven(store.put(b"{}", {}, NOON))
    [entry] = driven(store.take("w", limit=1, lease=600))
    claim = driven(store.claim("a", 60))  # which need not outlive it
    statements = list[str]()
    store._database._opened().set_trace_callback(statements.append)
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "put": lambda: store.put(b"{}", {}, NOON),
        "done": lambda: store.done(entry),
        "set_aside": lambda: store.set_aside(entry, LETTER),
        "add_letter": lambda: store.add_letter(LETTER),
        "complete": lambda: store.complete(claim, 60),
    }

    driven(calls[name]())

    assert statements[:2] == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"]
    assert statements[-1] == "COMMIT"


def test_an_entry_is_kept_with_its_event_or_not_at_all(store: SqliteStore) -> None:
    def unchanged() -> None:
        assert driven(store.take("w", limit=9, lease=600)) == []

    assert until_done(store, lambda: store.put(b"{}", {"a": "b"}, NOON), unchanged) > 20
    [entry] = driven(store.take("w", limit=9, lease=600))
    assert (entry.raw, entry.headers) == (b"{}", {"a": "b"})
