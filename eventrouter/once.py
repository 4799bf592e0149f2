"""Running each handler of an event once, under a claim."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar, cast

import anyio
from attrs import evolve, frozen

from eventrouter.contexts import resolved
from eventrouter.errors import ClaimLost, RegistrationError, StoreError
from eventrouter.event import Event
from eventrouter.idempotency import Idempotency
from eventrouter.interruption import Interruption
from eventrouter.news import announce
from eventrouter.outcome import annotate, besides, note
from eventrouter.recovery import Sleep
from eventrouter.result import HandlerResult, Status
from eventrouter.stores.calling import called
from eventrouter.stores.claims import Claim, make_key
from eventrouter.stores.outgoing import OutboxStore, Outgoing
from eventrouter.stores.transactions import TransactionalStore

T = TypeVar("T")

#: Writes what a handler gave: its result, which says so if that failed, and what is to be kept.
Prepare: TypeAlias = Callable[[HandlerResult], tuple[HandlerResult, Sequence[Outgoing]]]

_FIRST_PAUSE: Final = 0.05  # seconds between two looks at a claim that another has
_LONGEST_PAUSE: Final = 1.0


@frozen
class Skipped:
    """
    What a handler is said to have returned that was not called, as its transaction was refused.

    Attributes:
        status: Why.
    """

    status: Status


@frozen(eq=False)
class Once:
    """
    Runs the handlers of one event that have not run for it.

    Attributes:
        idempotency: The terms.
        event: The event as it came.
        parts: What it is known by.
        sleep: What waits for another delivery.
        has_loop: Whether it runs in an event loop.
    """

    idempotency: Idempotency
    event: Event[Any]
    parts: tuple[str | None, ...]
    sleep: Sleep
    has_loop: bool

    async def run(
        self,
        handler: str,
        work: Callable[[], Awaitable[HandlerResult]],
        prepare: Prepare | None = None,
    ) -> HandlerResult:
        """
        Do a handler's work, unless it was done, or is being done.

        Args:
            handler: The handler's name, with its module.
            work: Calls it, as often as its policy says.
            prepare: Writes what it gave, which the store then keeps as it completes the claim. None
                if that is not for the store.
        """
        try:
            claim = await self._claim(make_key(*self.parts, handler))
        except StoreError as error:
            annotate(error, self.event, handler)
            return HandlerResult(handler, None, error, 0, 0.0)
        if claim.refused is not None:
            return HandlerResult(handler, None, None, 0, 0.0, (), claim.refused)
        results: list[HandlerResult] = []
        try:
            await self._hold(claim, work, results)
        finally:  # also if it was cancelled, or ends the program
            result = await self._settled(claim, prepare, *results)
        assert result is not None
        return result

    async def run_in_transactions(
        self, handler: str, work: Callable[[], Awaitable[HandlerResult]]
    ) -> HandlerResult:
        """
        Do a handler's work, each attempt of which claims the event in a transaction of its own.

        Args:
            handler: The handler's name, with its module.
            work: Calls it by ``in_transaction``, as often as its policy says.
        """

        async def attempt() -> HandlerResult:
            result = await work()
            if not isinstance(result.value, Skipped):
                return result
            attempts, earlier = result.attempts - 1, result.earlier
            return HandlerResult(
                handler, None, None, attempts, result.elapsed, earlier, result.value.status
            )

        return await self._waited_for(attempt, lambda result: result.skipped)

    def in_transaction(
        self,
        handler: str,
        call: Callable[..., Any],
        parameters: tuple[str, ...],
        prepare: Prepare | None,
    ) -> Any:
        """
        Call a sync handler in a transaction that remembers it; this thread waits.

        Args:
            handler: The handler's name, with its module.
            call: Calls it.
            parameters: Those that are given the connection.
            prepare: Writes what it gave, which the store keeps in the same transaction.

        Returns:
            What it returned, events as they are published; ``Skipped`` if it was not called.

        Raises:
            RegistrationError: If it is async, though it did not look so.
            StoreError: If the store fails.
            Exception: What it raised.
        """
        store = cast(TransactionalStore, self.idempotency.store)
        kept: Sequence[Outgoing] = ()

        def work(connection: Any) -> tuple[Any, Sequence[Outgoing]]:
            nonlocal kept
            value = call(**dict.fromkeys(parameters, connection))
            if inspect.iscoroutine(value):
                value.close()
            if inspect.isawaitable(value):
                raise RegistrationError(
                    f"{handler} returned what is to be awaited, which would be after its "
                    "transaction; make it a plain function"
                )
            if prepare is None:
                return value, ()
            result, kept = prepare(HandlerResult(handler, value, None, 1, 0.0))
            if result.error is not None:
                raise result.error
            return result.value, kept

        key = make_key(*self.parts, handler)
        claim, value = store.transact(key, self.idempotency.ttl, work)
        if kept:
            announce(store)
        return value if claim.refused is None else Skipped(claim.refused)

    async def _claim(self, key: str) -> Claim:
        terms = self.idempotency
        return await self._waited_for(
            lambda: self._ask(lambda: terms.store.claim(key, terms.lease)),
            lambda claim: claim.refused,
        )

    async def _waited_for(
        self, attempt: Callable[[], Awaitable[T]], refused: Callable[[T], Status | None]
    ) -> T:
        """Try again for as long as the event is in progress elsewhere, and this may wait."""
        outcome = await attempt()
        waited, pause = 0.0, _FIRST_PAUSE
        while refused(outcome) is Status.IN_PROGRESS and waited < self.idempotency.wait:
            pause = min(pause, self.idempotency.wait - waited)
            await resolved(self.sleep(pause), self.has_loop)
            waited += pause
            pause = min(pause * 2, _LONGEST_PAUSE)
            outcome = await attempt()
        return outcome

    async def _settled(
        self, claim: Claim, prepare: Prepare | None, result: HandlerResult | None = None
    ) -> HandlerResult | None:
        """Complete the claim if the work was done, and else give it up."""
        terms = self.idempotency
        outgoing: Sequence[Outgoing] = ()
        if prepare is not None and result is not None:
            result, outgoing = prepare(result)
        if result is None or result.error is not None:
            try:
                await self._ask(lambda: terms.store.release(claim))
            except StoreError as failure:  # then its lease runs out
                if result is not None and result.error is not None:
                    note(result.error, besides(failure))
            return result
        error: Exception
        try:
            if await self._ask(lambda: self._complete(claim, outgoing)):
                if outgoing:
                    announce(terms.store)
                return result
            error = ClaimLost(result.handler, terms.lease)
        except StoreError as failure:
            error = failure
        annotate(error, self.event, result.handler)
        return evolve(result, error=error)

    def _complete(self, claim: Claim, outgoing: Sequence[Outgoing]) -> Awaitable[bool]:
        store, ttl = self.idempotency.store, self.idempotency.ttl
        if not outgoing:
            return store.complete(claim, ttl)
        return cast("OutboxStore", store).complete(claim, ttl, outgoing)

    async def _hold(
        self,
        claim: Claim,
        work: Callable[[], Awaitable[HandlerResult]],
        results: list[HandlerResult],
    ) -> None:
        """Do the work, and add its result, which is there even if a cancellation comes then."""
        if not self.has_loop:
            results.append(await work())
            return
        interruption = Interruption()

        async def do_work() -> None:
            results.append(await work())
            tasks.cancel_scope.cancel()

        # The work stays in this task, so that what it sets in context variables is seen after it.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._renew, claim)
            await interruption.stopping(tasks, do_work())
        interruption.raise_again()

    async def _renew(self, claim: Claim) -> None:
        terms = self.idempotency
        is_held = True
        while is_held:
            await anyio.sleep(terms.lease / 3)
            with suppress(StoreError):  # it may answer in time when it is asked again
                is_held = await self._ask(lambda: terms.store.renew(claim, terms.lease))

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        return await called(self.idempotency.store, call, self.has_loop)
