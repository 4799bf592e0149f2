"""The file that a store keeps all in, opened or refused before anything else is done."""

from __future__ import annotations

import click

from eventrouter.contexts import in_new_loop
from eventrouter.errors import StoreError
from eventrouter.stores.entries import InboxStore
from eventrouter.stores.sqlite.store import SqliteStore


class CannotOpen(click.ClickException):
    """Raised when the file of a store can't be used."""

    exit_code = 2


def open_store(path: str) -> SqliteStore:
    """
    Open a file, or make it.

    Raises:
        CannotOpen: If it can't be used.
    """
    store = SqliteStore(path)
    count_entries(store)
    return store


def count_entries(store: InboxStore) -> int:
    """
    Say how many events wait in a store or are being processed.

    Raises:
        CannotOpen: If it can't be used.
    """
    try:
        counts = in_new_loop(store.count_entries)
    except StoreError as error:
        raise CannotOpen(str(error)) from error
    return counts.ready + counts.waiting + counts.taken
