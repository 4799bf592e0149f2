"""Running in a copy of the context variables, without a task."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


@coroutine
def in_own_context(work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Await the coroutine; what it sets in context variables stays in it."""
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
