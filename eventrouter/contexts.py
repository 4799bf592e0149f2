"""Running in a copy of the context variables without a task, and without an event loop."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, TypeVar, cast

import anyio

T = TypeVar("T")


@coroutine
def in_own_context(work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """
    Await the coroutine; what it sets in context variables stays in it.

    Not in trio, which gives a task another context while a thread runs something in it.
    """
    context = copy_context()
    try:
        waited_for = context.run(work.send, None)
        while True:
            try:
                answer = yield waited_for
            except BaseException as error:
                waited_for = context.run(work.throw, error)
            else:
                waited_for = context.run(work.send, answer)
    except StopIteration as end:
        value: T = end.value
        return value


def in_trio() -> bool:
    """Whether trio's event loop runs in this thread."""
    trio = sys.modules.get("trio")
    return trio is not None and trio.lowlevel.in_trio_run()


def in_event_loop() -> bool:
    """Whether an event loop runs in this thread."""
    # What is not imported does not run. anyio can tell too, but by raising, at many times the cost.
    asyncio = sys.modules.get("asyncio")
    return (asyncio is not None and asyncio._get_running_loop() is not None) or in_trio()


def calling_in_loop() -> Callable[[Callable[[], object]], object]:
    """
    What has a function called in the event loop of this thread, from any thread.

    It raises a ``RuntimeError`` if that loop is closed by then.
    """
    if in_trio():
        token: Any = sys.modules["trio"].lowlevel.current_trio_token()
        return cast("Callable[[Callable[[], object]], object]", token.run_sync_soon)
    loop: Any = sys.modules["asyncio"].get_running_loop()
    return cast("Callable[[Callable[[], object]], object]", loop.call_soon_threadsafe)


async def resolved(awaitable: Awaitable[T], has_loop: bool) -> T:
    """What is awaited, in an event loop of its own where there is none."""
    if has_loop:
        return await awaitable

    async def wait() -> T:
        return await awaitable

    return in_new_loop(wait)


def in_new_loop(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Call the async function in an event loop of its own, with a copy of the context."""

    def start() -> T:
        # In a thread that a loop started, the copied context still names that loop.
        sniffio = sys.modules.get("sniffio")
        if sniffio is not None:
            sniffio.current_async_library_cvar.set(None)
        return anyio.run(function, *arguments)

    return copy_context().run(start)


def driven(work: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine that never waits, without an event loop, in a copy of the context.

    Raises:
        RuntimeError: If it waits after all.
    """
    try:
        copy_context().run(work.send, None)
    except StopIteration as end:
        value: T = end.value
        return value
    work.close()
    raise RuntimeError("a coroutine that should never wait did")
