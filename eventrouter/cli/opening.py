"""The store that a command uses, opened or refused before anything else is done."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click

from eventrouter import stores
from eventrouter.contexts import in_new_loop
from eventrouter.errors import RegistrationError, StoreError
from eventrouter.stores.entries import InboxStore
from eventrouter.stores.sqlite.store import SqliteStore

T = TypeVar("T")

_SCHEMES: Final = ("postgresql://", "postgres://")
_SCHEMA: Final = re.compile(r"(?<=[?&])schema=([^&]*)&?")


class CannotOpen(click.ClickException):
    """Raised when a store can't be used."""

    exit_code = 2


class StoreFails(click.ClickException):
    """Raised when a store fails while a command uses it."""


class StoreAddress(click.Path):
    """
    The file of a store, or the URL of its database.

    Args:
        exists: Whether the file must be there.
    """

    name = "store"

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(exists=exists, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Leave a URL as it is, and check a file."""
        if isinstance(value, str) and value.startswith(_SCHEMES):
            return value
        return str(super().convert(value, param, ctx))


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


def open_store(address: str) -> InboxStore:
    """
    Open a file or a database, or make what is not there of it.

    Args:
        address: What ``StoreAddress`` gave. A URL may end in ``?schema=``, and the name of that.

    Raises:
        CannotOpen: If it can't be used.
    """
    store = _postgres(address) if address.startswith(_SCHEMES) else SqliteStore(address)
    count_entries(store)
    return store


def _postgres(url: str) -> InboxStore:
    named = _SCHEMA.search(url)
    try:
        if named is None:
            return stores.PostgresStore(url)
        url = _SCHEMA.sub("", url, count=1).rstrip("?&")
        return stores.PostgresStore(url, schema=named[1])
    except (ImportError, RegistrationError) as error:
        raise CannotOpen(str(error)) from error


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
