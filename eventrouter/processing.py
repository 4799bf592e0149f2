"""Processing entries of a queue, and saying what became of each."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import anyio
from anyio import get_cancelled_exc_class
from attrs import frozen

from eventrouter.errors import MalformedEvent, NeverEnded, StoreError, printable
from eventrouter.event import Event
from eventrouter.letters import letter_about, letter_of
from eventrouter.outcome import spoken_of
from eventrouter.result import Result, Status
from eventrouter.retry import exponential
from eventrouter.router import Router
from eventrouter.stores.entries import Entry, EventQueue, Receives
from eventrouter.stores.letters import DeadLetter

LOGGER: Final = logging.getLogger("eventrouter.inbox")

T = TypeVar("T")

_PATIENCE = 15.0  # seconds that one call of a queue may take
_JITTER = 0.1

#: How often an event never ended when it is processed alone from then on: once is what befalls all
#: that run when a machine fails.
SUSPICIOUS: Final = 2

#: The seconds to wait after a queue failed so often.
pause_after: Final = exponential(0.1, longest=30.0)


@frozen(kw_only=True)
class Terms:
    """
    How often events are tried, and when, as the arguments of ``Inbox`` say.

    ``poll`` is 0 for a queue that waits by itself for events to come.
    """

    attempts: int
    deaths: int
    wait: float
    longest_wait: float
    lease: float
    poll: float

    def wait_after(self, failed: int) -> float:
        """The seconds before an event that failed so often is tried again."""
        wait = exponential(self.wait, longest=self.longest_wait)
        return _with_jitter(wait(failed))

    def is_over(self, entry: Entry) -> bool:
        """Whether the entry is not to be begun again, since it never ended too often."""
        return self._left(entry) <= 0

    def is_just_over(self, entry: Entry) -> bool:
        """Whether that is so for the first time."""
        return self._left(entry) == 0

    def _left(self, entry: Entry) -> int:
        if entry.failed is None:
            return self.attempts + 1 - entry.attempts
        return self.deaths - deaths_of(entry)


class Processing:
    """
    Processes entries, each once, and says what became of it as often as the queue needs to hear.

    Args:
        queue: Where the entries were taken from.
        router: What processes them.
        terms: How often they are tried.
        let_go: Called with an entry once nothing more is done with it.

    Attributes:
        results: How many events there were of each status; one that is tried three times counts
            three times.
        set_aside: How many became dead letters.
        cut_off: How many were cancelled and given back.
    """

    def __init__(
        self, queue: EventQueue, router: Router, terms: Terms, let_go: Callable[[Entry], None]
    ) -> None:
        self.results: Counter[Status] = Counter()
        self.set_aside = 0
        self.cut_off = 0
        self._queue = queue
        self._router = router
        self._terms = terms
        self._let_go = let_go

    async def process(self, entry: Entry) -> None:
        """Process the entry; what was cancelled is given back."""
        try:
            result = await self._router.process(entry.raw, entry.headers)
        except get_cancelled_exc_class():
            self.cut_off += 1
            await self.give_back(entry)
            raise
        except Exception as error:  # not of a handler, whose errors are in the result
            result = Result(Status.FAILED, None, (), error, entry.raw)
        self.results[result.status] += 1
        if result.ok or result.dead_letter is not None:  # which the router set aside itself
            await self._settle(entry, lambda: self._queue.done(entry))
        elif result.status is Status.IN_PROGRESS:
            delay = _with_jitter(self._terms.wait)
            await self._settle(entry, lambda: self._queue.give_back(entry, delay))
        elif result.is_paused:  # which is not the event's fault
            delay = _with_jitter(result.retry_after or self._terms.wait)
            await self._settle(entry, lambda: self._queue.give_back(entry, delay))
        elif result.retryable and _failures_of(entry) + 1 < self._terms.attempts:
            await self._try_again(entry, result)
        else:
            _log_set_aside(result)
            await self._set_aside(
                entry,
                letter_of(result, entry.raw, entry.headers, entry.received, entry.attempts),
            )

    async def process_alone(self, entry: Entry) -> None:
        """Process an entry that may end the process, while no other is processed."""
        if await self._has_suspected(entry):
            await self.process(entry)
        else:
            await self.give_back(entry)

    async def end(self, entry: Entry) -> None:
        """Set an entry aside that never ended too often, without processing it."""
        attempts = entry.attempts - 1
        # Reading it may be what ends the process; if so, the next time it is not read.
        is_read = self._terms.is_just_over(entry) and await self._has_suspected(entry)
        event = self._read(entry) if is_read else None
        error = NeverEnded(deaths_of(entry) or attempts)
        LOGGER.error("%s is set aside: %s", spoken_of(event), error)
        self.results[Status.FAILED] += 1
        await self._set_aside(
            entry,
            letter_about(
                error,
                Status.FAILED,
                event,
                entry.raw,
                entry.headers,
                entry.received,
                attempts,
            ),
        )

    async def give_back(self, entry: Entry) -> None:
        """Give it back as if it had not been taken; once, since the lease runs out anyway."""
        try:
            await undisturbed(lambda: self._queue.give_back(entry))
        except Exception as error:
            log_failure("an event that is to be processed later could not be given back", error)
        self._let_go(entry)

    async def _try_again(self, entry: Entry, result: Result) -> None:
        failed = _failures_of(entry) + 1
        asked = result.retry_after
        delay = self._terms.wait_after(failed) if asked is None else _with_jitter(asked)
        LOGGER.warning(
            "%s failed, attempt %d of %d, and is tried again in %.1f s",
            spoken_of(result.event),
            failed,
            self._terms.attempts,
            delay,
            exc_info=result.error,
        )
        await self._settle(entry, lambda: self._queue.give_back(entry, delay, charge=True))

    async def _has_suspected(self, entry: Entry) -> bool:
        """Whether the queue knows whom to blame if the process ends now."""
        if isinstance(self._queue, Receives):
            queue = self._queue
            try:
                await undisturbed(lambda: queue.suspect(entry))
            except Exception as error:
                log_failure("an event that may end the process can't be begun", error)
                return False
        return True

    async def _set_aside(self, entry: Entry, letter: DeadLetter) -> None:
        if await self._settle(entry, lambda: self._queue.set_aside(entry, letter)):
            self.set_aside += 1

    def _read(self, entry: Entry) -> Event[Any] | None:
        try:
            return self._router.read(entry.raw, entry.headers)
        except MalformedEvent:
            return None

    async def _settle(self, entry: Entry, settle: Callable[[], Awaitable[T]]) -> T | None:
        """Say what became of an event, as often as it takes for the queue to hear it."""
        failures = 0
        try:
            while True:
                try:
                    settled = await undisturbed(settle)
                except Exception as error:
                    failures += 1
                    if failures == 1:
                        log_failure("what became of an event can't be kept", error)
                    await anyio.sleep(pause_after(failures))
                else:
                    break
        finally:
            self._let_go(entry)
        if not settled:
            LOGGER.warning(
                "entry %s was processed by another worker too: its lease of %g s ran out; it is "
                "too short, or the event loop was kept busy",
                entry.id,
                self._terms.lease,
            )
        return settled


def deaths_of(entry: Entry) -> int:
    """How often it was taken before and never ended, as far as the queue can tell."""
    return 0 if entry.failed is None else entry.attempts - 1 - entry.failed


def _failures_of(entry: Entry) -> int:
    return entry.attempts - 1 if entry.failed is None else entry.failed


async def undisturbed(call: Callable[[], Awaitable[T]]) -> T:
    """Call the queue; a cancellation waits, so that what it did is known."""
    # As anyio.fail_after does it, at half the cost.
    with anyio.CancelScope(deadline=anyio.current_time() + _PATIENCE, shield=True):
        return await call()
    raise TimeoutError


def log_failure(what: str, error: Exception) -> None:
    """Log that something could not be done, with a traceback if it is no usual failure."""
    LOGGER.error("%s for now: %s", what, error, exc_info=None if _is_expected(error) else error)


def _with_jitter(seconds: float) -> float:
    return seconds * (1 + _JITTER * random.random())


def _is_expected(error: Exception) -> bool:
    return isinstance(error, (StoreError, TimeoutError))


def _log_set_aside(result: Result) -> None:
    named, error = spoken_of(result.event), result.error
    if result.status is Status.FAILED:
        LOGGER.error("%s failed and is set aside", named, exc_info=error)
    else:
        LOGGER.error("%s is %s and is set aside: %s", named, result.status, _shown(error))


def _shown(error: Exception | None) -> str:
    return printable(str(error), 500)
