"""A deadline around an async handler."""

from __future__ import annotations

from typing import Any

import anyio

from eventrouter.errors import HandlerTimeout
from eventrouter.signature import AnyHandler


def within(seconds: float, handler: AnyHandler, name: str) -> AnyHandler:
    """
    Make what calls an async handler, and cancels it when its time is over.

    What it raises then is ``HandlerTimeout``. A cancellation from outside stays one, and what the
    handler raises or returns although it was cancelled counts as that.

    Args:
        seconds: How long a call may take.
        handler: The handler.
        name: Its name.
    """

    async def call(*arguments: Any, **further: Any) -> Any:
        with anyio.move_on_after(seconds):
            return await handler(*arguments, **further)
        raise HandlerTimeout(name, seconds)

    return call
