"""The store in memory keeps what every store must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventrouter import MemoryStore
from eventrouter.testing import (
    DeadLetterStoreContract,
    FakeClock,
    IdempotencyStoreContract,
    InboxStoreContract,
    OutboxStoreContract,
)

pytestmark = pytest.mark.anyio


class InMemory:
    @asynccontextmanager
    async def open_store(self, clock: FakeClock) -> AsyncIterator[MemoryStore]:
        yield MemoryStore(clock=clock)


class TestKeys(InMemory, IdempotencyStoreContract):
    """Keys."""


class TestLetters(InMemory, DeadLetterStoreContract):
    """Dead letters."""


class TestEntries(InMemory, InboxStoreContract):
    """Entries."""


class TestOutgoing(InMemory, OutboxStoreContract):
    """Events to be published."""
