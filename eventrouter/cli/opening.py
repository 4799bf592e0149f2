"""The file that a store keeps all in, opened or refused before anything else is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from eventrouter.contexts import in_new_loop
from eventrouter.errors import StoreError
from eventrouter.stores.entries import InboxStore
from eventrouter.stores.sqlite.store import SqliteStore

T = TypeVar("T")


class CannotOpen(click.ClickException):
    """Raised when the file of a store can't be used."""

    exit_code = 2


class StoreFails(click.ClickException):
    """Raised when a store fails while a command uses it."""


def asking(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """
    Call an async function that uses a store.

    Raises:
        StoreFails: If the store fails.
    """
    try:
        return in_new_loop(function, *arguments)
    except StoreError as error:
        raise StoreFails(str(error)) from error


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
