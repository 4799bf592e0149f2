"""Our stores do not grow with keys that are forgotten, though nobody purges them."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventrouter import MemoryStore, SqliteStore
from eventrouter.contexts import driven
from eventrouter.testing import FakeClock


@pytest.fixture(params=["memory", "file"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, fake_clock: FakeClock
) -> MemoryStore | SqliteStore:
    if request.param == "memory":
        return MemoryStore(clock=fake_clock)
    return SqliteStore(tmp_path / "events.db", clock=fake_clock)


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


def run_once(store: MemoryStore | SqliteStore, key: str) -> None:
    driven(store.complete(driven(store.claim(key, 10)), 60))


def test_claiming_deletes_what_is_forgotten(
    store: MemoryStore | SqliteStore, fake_clock: FakeClock
) -> None:
    for number in range(20):
        run_once(store, f"old {number}")
    fake_clock.advance(60)

    for number in range(20):
        run_once(store, f"new {number}")

    assert driven(store.purge_keys()) == 0


def test_each_claim_deletes_a_few_alone_so_that_none_takes_long(
    store: MemoryStore | SqliteStore, fake_clock: FakeClock
) -> None:
    for number in range(20):
        run_once(store, f"old {number}")
    fake_clock.advance(60)

    run_once(store, "new")

    assert driven(store.purge_keys()) >= 15
