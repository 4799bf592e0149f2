"""Stores to run handlers once with, and to set events aside in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventrouter import MemoryStore, SqliteStore
from eventrouter.testing import FakeClock
from tests.once.stores import AnyStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[AnyStore]:
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    in_file = SqliteStore(tmp_path / "events.db", clock=clock)
    yield in_file
    in_file.close()
