"""What ends tasks early, beside results and errors."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import anyio


class Interruption:
    """
    What ended one of several tasks, if that was no result: a cancellation, or ``SystemExit``.

    A task group would wrap it in a group, or ignore it if it is a cancellation not its own.
    """

    def __init__(self) -> None:
        self._error: BaseException | None = None

    async def stopping(self, tasks: anyio.abc.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, and cancel the tasks if it is interrupted."""
        try:
            await work
        except BaseException as error:
            is_cancellation = isinstance(error, anyio.get_cancelled_exc_class())
            if self._error is None or not is_cancellation:
                self._error = error
            tasks.cancel_scope.cancel()
            if is_cancellation:
                raise

    def raise_again(self) -> None:
        """Raise what interrupted a task, once all have ended."""
        if self._error is not None:
            raise self._error
