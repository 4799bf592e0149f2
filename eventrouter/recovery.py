"""Calling a handler again that failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeAlias

from attrs import frozen

from eventrouter.contexts import resolved
from eventrouter.event import Event
from eventrouter.outcome import annotate, besides, note
from eventrouter.result import FailedAttempt, HandlerResult
from eventrouter.retry import Retry

#: Waits so many seconds.
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@frozen(eq=False)
class Recovery:
    """
    What is done once a handler's first attempt has failed; before that it costs nothing.

    Attributes:
        retry: When the handler is called again.
        sleep: What waits until then.
    """

    retry: Retry
    sleep: Sleep

    async def recovered(
        self,
        name: str,
        error: Exception,
        elapsed: float,
        call: Callable[[], Awaitable[Any]],
        event: Event[Any],
        has_loop: bool,
    ) -> HandlerResult:
        """
        What becomes of a handler in the end.

        Args:
            name: Its name.
            error: What it raised at its first attempt.
            elapsed: How long that took, in seconds.
            call: Calls it again.
            event: The event.
            has_loop: Whether it runs in an event loop; else a wait blocks the thread.
        """
        earlier: list[FailedAttempt] = []
        while (wait := self._next_wait(len(earlier) + 1, error, elapsed)) is not None:
            started = perf_counter()
            await resolved(self.sleep(wait), has_loop)
            elapsed += max(wait, perf_counter() - started)  # a test's wait takes no time
            earlier.append(FailedAttempt(error, wait))
            started = perf_counter()
            try:
                value = await call()
            except Exception as raised:
                error = raised
            else:
                elapsed += perf_counter() - started
                return HandlerResult(name, value, None, len(earlier) + 1, elapsed, tuple(earlier))
            elapsed += perf_counter() - started
            annotate(error, event, name)
        return HandlerResult(name, None, error, len(earlier) + 1, elapsed, tuple(earlier))

    def _next_wait(self, attempts: int, error: Exception, elapsed: float) -> float | None:
        try:
            return self.retry.next_wait(attempts, error, elapsed)
        except Exception as failure:  # of the user's on= or wait=
            note(error, f"its Retry could not tell whether to try again; {besides(failure)}")
            return None
