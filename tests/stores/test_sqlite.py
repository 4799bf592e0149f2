"""The store in a file keeps what every store must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from eventrouter import SqliteStore
from eventrouter.testing import (
    DeadLetterStoreContract,
    FakeClock,
    IdempotencyStoreContract,
    InboxStoreContract,
    OutboxStoreContract,
)

pytestmark = pytest.mark.anyio


class InFile:
    @asynccontextmanager
    async def open_store(self, clock: FakeClock) -> AsyncIterator[SqliteStore]:
        with TemporaryDirectory() as folder:
            store = SqliteStore(Path(folder) / "events.db", clock=clock)
            try:
                yield store
            finally:
                store.close()


class TestKeys(InFile, IdempotencyStoreContract):
    """Keys."""


class TestLetters(InFile, DeadLetterStoreContract):
    """Dead letters."""


class TestEntries(InFile, InboxStoreContract):
    """Entries."""


class TestOutgoing(InFile, OutboxStoreContract):
    """Events to be published."""
