"""Telling the relays of this process that a store has something for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final
from weakref import WeakSet

LOGGER: Final = logging.getLogger("eventrouter.outbox")

# By the id of the store, which whoever listens keeps alive.
_listeners: dict[int, tuple[Callable[[], None], ...]] = {}
_warned: WeakSet[object] = WeakSet()


@contextmanager
def listening(store: object, wake: Callable[[], None]) -> Generator[None]:
    """Call a function whenever something was put into the store, from any thread."""
    _listeners[id(store)] = (*_listeners.get(id(store), ()), wake)
    try:
        yield
    finally:
        left = tuple(other for other in _listeners[id(store)] if other != wake)
        if left:
            _listeners[id(store)] = left
        else:
            del _listeners[id(store)]


def announce(store: object) -> None:
    """Tell who listens that something was put into the store, and warn once if nobody does."""
    listeners = _listeners.get(id(store), ())
    for wake in listeners:
        wake()
    if not listeners and _is_first_time(store):
        LOGGER.warning(
            "what handlers gave waits in the outbox of %s until Outbox(...).relaying() publishes "
            "it, which does not run in this process",
            type(store).__qualname__,
        )


def _is_first_time(store: object) -> bool:
    try:
        is_first = store not in _warned
        _warned.add(store)
    except TypeError:  # it has no hash, or takes no weak reference
        return True
    return is_first
