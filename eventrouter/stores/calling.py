"""Calling a store, so that what it did is known, and what it raises is one error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from eventrouter.contexts import resolved
from eventrouter.errors import StoreError

T = TypeVar("T")

_PATIENCE: Final = 15.0  # seconds; more than a store waits for another process by itself


async def called(store: object, call: Callable[[], Awaitable[T]], has_loop: bool) -> T:
    """
    What a method of a store returns.

    A cancellation waits for it, as nobody could tell otherwise whether it was done.

    Args:
        store: The store.
        call: Calls the method.
        has_loop: Whether it runs in an event loop. If not, a store is given one of its own for the
            call, unless it says by ``needs_loop = False`` that it never waits then.

    Raises:
        StoreError: If the store raises anything, or gives no answer in 15 seconds.
    """
    name = type(store).__qualname__
    try:
        if not has_loop:
            return await resolved(call(), not getattr(store, "needs_loop", True))
        with anyio.move_on_after(_PATIENCE, shield=True):
            return await call()
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(f"{name} failed: {type(error).__name__}: {error}") from error
    raise StoreError(f"{name} gave no answer in {_PATIENCE:g} s")
