"""What is to become of an event after its handlers ran, or could not."""

from __future__ import annotations

import logging
from typing import Final

from attrs import frozen

from eventrouter.contexts import driven
from eventrouter.errors import StoreError
from eventrouter.event import now
from eventrouter.integrations.aws_lambda.invocations import Item
from eventrouter.letters import letter_of
from eventrouter.outcome import spoken_of
from eventrouter.result import Result, Status
from eventrouter.stores.calling import called
from eventrouter.stores.letters import DeadLetterStore, bytes_of

LOGGER: Final = logging.getLogger("eventrouter.aws_lambda")


@frozen
class Verdict:
    """
    Whether an event is done with.

    Attributes:
        is_done: Whether Lambda need not deliver it again.
        error: Why it must; None if another delivery has it.
    """

    is_done: bool
    error: Exception | None = None


@frozen(eq=False)
class Settling:
    """
    Tells what becomes of events, and sets aside those that no delivery can help.

    Attributes:
        dead_letters: Where; None if that is not for us.
        attempts: How often an event is delivered at most, where that is told.
    """

    dead_letters: DeadLetterStore | None
    attempts: int

    def settled_sync(self, item: Item, result: Result) -> Verdict:
        """What ``settled`` says, without an event loop."""
        return driven(self.settled(item, result, has_loop=False))

    async def settled(self, item: Item, result: Result, *, has_loop: bool = True) -> Verdict:
        """Whether an event is done with, as it is once it is handled, or set aside."""
        if result.ok or result.dead_letter is not None:
            return Verdict(True)
        if self.dead_letters is None or not self._is_hopeless(item, result):
            _log(item, result, "is to be delivered again")
            return Verdict(False, result.error)
        tried = max((handler.attempts for handler in result.handlers), default=1)
        letter = letter_of(
            result, bytes_of(item.raw), dict(item.headers), now(), item.deliveries or max(tried, 1)
        )
        store = self.dead_letters
        try:
            await called(store, lambda: store.add_letter(letter), has_loop)
        except StoreError as failure:
            LOGGER.error("%s could not be set aside: %s", spoken_of(result.event), failure)
            return Verdict(False, failure)
        _log(item, result, "is set aside")
        return Verdict(True)

    def _is_hopeless(self, item: Item, result: Result) -> bool:
        if not result.retryable:
            return True
        is_last = item.deliveries is not None and item.deliveries >= self.attempts
        return is_last and result.status is Status.FAILED and not result.is_open


def _log(item: Item, result: Result, what: str) -> None:
    of = "" if item.deliveries is None else f" at delivery {item.deliveries}"
    if result.status is Status.FAILED:
        LOGGER.error("%s failed%s and %s", spoken_of(result.event), of, what, exc_info=result.error)
    else:
        # Without its text, which has values of the payload.
        name = "" if result.error is None else f" ({type(result.error).__name__})"
        LOGGER.error("%s is %s%s%s and %s", spoken_of(result.event), result.status, name, of, what)
