"""
Fixtures for pytest.

Only for who asks for them, in ``conftest.py`` of the topmost folder of tests:
``pytest_plugins = ["eventrouter.testing.pytest_plugin"]``.
"""

from __future__ import annotations

import pytest

from eventrouter.stores.memory.store import MemoryStore
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.handlers import Recorder
from eventrouter.testing.waits import FakeSleep


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that goes on when told to, and ``memory_store`` by it."""
    return FakeClock()


@pytest.fixture
def fake_sleep() -> FakeSleep:
    """Waits that take no time: ``Router(sleep=fake_sleep)``."""
    return FakeSleep()


@pytest.fixture
def event_recorder() -> Recorder:
    """An observer that keeps the events it sees: ``router.on_any(event_recorder)``."""
    return Recorder()


@pytest.fixture
def memory_store(fake_clock: FakeClock) -> MemoryStore:
    """An empty store of keys, dead letters and accepted events that goes by ``fake_clock``."""
    return MemoryStore(clock=fake_clock)
