"""Running a handler to its end that yields what it has to give."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any, cast

from eventrouter.signature import AnyHandler, may_yield, runs_in_loop


def run_to_end(handler: AnyHandler) -> AnyHandler:
    """
    Make what calls a handler and, if it is a generator function, goes through all that it yields.

    What that returns is the tuple of it. If the generator raises, or is cancelled, nothing is.
    A generator that a decorator has hidden is found as well, as long as that names what it wraps.

    Args:
        handler: The handler; one that does not yield is returned as it is.
    """
    if not may_yield(handler):
        return handler
    if not runs_in_loop(handler):

        def call(*arguments: Any, **further: Any) -> Any:
            value = handler(*arguments, **further)
            return _all_of(value) if isinstance(value, Generator) else value

        return call

    async def call_in_loop(*arguments: Any, **further: Any) -> Any:
        value = handler(*arguments, **further)
        if inspect.isawaitable(value):  # a coroutine function may hand on a generator
            value = await value
        if isinstance(value, AsyncGenerator):
            return await _all_of_async(cast("AsyncGenerator[Any, Any]", value))
        return _all_of(value) if isinstance(value, Generator) else value

    return call_in_loop


def _all_of(generator: Any) -> tuple[Any, ...]:
    with closing(generator):
        return tuple(generator)


async def _all_of_async(generator: AsyncGenerator[Any, Any]) -> tuple[Any, ...]:
    async with aclosing(generator):
        return tuple([value async for value in generator])
