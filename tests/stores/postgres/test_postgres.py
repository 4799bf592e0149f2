"""The store in a database keeps what every store must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventrouter.stores import PostgresStore
from eventrouter.testing import (
    DeadLetterStoreContract,
    FakeClock,
    IdempotencyStoreContract,
    InboxStoreContract,
    OutboxStoreContract,
)
from tests.postgres import postgres_store

pytestmark = pytest.mark.anyio


class InDatabase:
    @asynccontextmanager
    async def open_store(self, clock: FakeClock) -> AsyncIterator[PostgresStore]:
        with postgres_store(clock=clock) as store:
            yield store


class TestKeys(InDatabase, IdempotencyStoreContract):
    """Keys."""


class TestLetters(InDatabase, DeadLetterStoreContract):
    """Dead letters."""


class TestEntries(InDatabase, InboxStoreContract):
    """Entries."""


class TestOutbox(InDatabase, OutboxStoreContract):
    """Events to be published."""
