"""A store of each kind, and handlers that wait for the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from eventrouter import Inbox, MemoryStore, Router, SqliteStore
from eventrouter.stores import DeadLetter, InboxStore
from eventrouter.testing import FakeClock

NEVER = 3_600.0  # seconds: what waits so long fails its test


class Gate:
    """A handler that waits until it is opened, and notes what began and what passed."""

    def __init__(self, router: Router, type: str = "counted") -> None:
        self.begun: list[int] = []
        self.passed: list[int] = []
        self.most_at_once = 0
        self._open = anyio.Event()
        self._began = anyio.Event()
        router.add_route(type, self.handle)

    async def handle(self, number: int) -> None:
        self.begun.append(number)
        self._began.set()
        self._began = anyio.Event()
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.passed))
        await self._open.wait()
        self.passed.append(number)

    def open(self) -> None:
        self._open.set()

    async def until_begun(self, count: int) -> None:
        with anyio.fail_after(30):
            while len(self.begun) < count:
                await self._began.wait()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> InboxStore:
    """A store of each kind, which goes by the test's clock."""
    if request.param == "memory":
        return MemoryStore(clock=clock)
    return SqliteStore(tmp_path / "events.db", clock=clock)


@pytest.fixture
def inbox(store: InboxStore) -> Inbox:
    """An inbox whose workers look for nothing unless they are woken."""
    return Inbox(store, poll=NEVER)


@pytest.fixture
def router() -> Router:
    return Router()


async def process_all(inbox: Inbox, router: Router, **options: Any) -> None:
    """Process until there is nothing left."""
    async with inbox.workers(router, **options) as workers:
        with anyio.fail_after(30):
            await workers.emptied()


async def only_letter(store: InboxStore) -> DeadLetter:
    [letter] = (await store.find_letters()).letters
    return letter
