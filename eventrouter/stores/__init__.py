"""Where keys, dead letters and accepted events are kept, so that nothing is lost."""

import importlib
from typing import TYPE_CHECKING, Any

from eventrouter.stores.claims import Claim, IdempotencyStore, make_key
from eventrouter.stores.entries import Entry, EntryCounts, EventQueue, InboxStore
from eventrouter.stores.letters import (
    DeadLetter,
    DeadLetterStore,
    HandlerOutcome,
    LetterFilter,
    LetterPage,
    bytes_of,
)
from eventrouter.stores.outgoing import OutboxStore, Outgoing, OutgoingCounts
from eventrouter.stores.transactions import TransactionalStore

if TYPE_CHECKING:
    from eventrouter.stores.memory.store import MemoryStore
    from eventrouter.stores.postgres import PostgresStore as PostgresStore
    from eventrouter.stores.redis.store import RedisStore as RedisStore
    from eventrouter.stores.sqlite.store import SqliteStore

# Those that need an extra are not in it: without that, nothing could be imported by a star.
__all__ = [
    "Claim",
    "DeadLetter",
    "DeadLetterStore",
    "Entry",
    "EntryCounts",
    "EventQueue",
    "HandlerOutcome",
    "IdempotencyStore",
    "InboxStore",
    "LetterFilter",
    "LetterPage",
    "MemoryStore",
    "OutboxStore",
    "Outgoing",
    "OutgoingCounts",
    "SqliteStore",
    "TransactionalStore",
    "bytes_of",
    "make_key",
]

# A program that keeps nothing, or in another database, need not wait for that of SQLite.
_HOMES = {
    "MemoryStore": "memory.store",
    "PostgresStore": "postgres",
    "RedisStore": "redis.store",  # of an extra, so that "import *" leaves it alone
    "SqliteStore": "sqlite.store",
}

if not TYPE_CHECKING:  # or any name would pass as one it has

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'eventrouter.stores' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"eventrouter.stores.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
