"""What one router wraps around its own handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from attrs import frozen

from eventrouter.event import Event
from eventrouter.result import Result

#: Runs what a middleware wraps; never raises for what an event or a handler did.
CallNext: TypeAlias = Callable[[Event[Any]], Awaitable[Result]]

Before: TypeAlias = Callable[[Event[Any]], Any]
After: TypeAlias = Callable[[Event[Any], BaseException | None], Any]


class Middleware(Protocol):
    """Runs around a router's handlers."""

    async def __call__(self, event: Event[Any], call_next: CallNext, /) -> Result:
        """
        Run around what ``call_next(event)`` runs, and return its result or another.

        Args:
            event: The event, its payload raw.
            call_next: Runs the rest.
        """
        ...


@frozen(eq=False)
class Scope:
    """
    What one router wraps around its own handlers, in registration order.

    Attributes:
        before: Called before the handlers; if one raises, the handlers don't run.
        after: Called after them with the event and the error or None, whatever happened.
        middleware: The first is the outermost.
    """

    before: tuple[Before, ...]
    after: tuple[After, ...]
    middleware: tuple[Middleware, ...]
    is_sync: bool

    @property
    def is_empty(self) -> bool:
        """Whether it wraps nothing around anything."""
        return not (self.before or self.after or self.middleware)
