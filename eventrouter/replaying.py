"""Trying dead letters again."""

from __future__ import annotations

from attrs import define, field

from eventrouter.explanation import Explanation
from eventrouter.json import Raw
from eventrouter.result import Result
from eventrouter.router import Router
from eventrouter.stores.letters import DeadLetter, DeadLetterStore


@define(eq=False)
class Replay:
    """
    Processes dead letters again, as they arrived.

    Only the handlers that failed run; all of them where none is known to have failed. Upcasters
    and everything else are those of the router as it is now.

    Args:
        router: What processes them.
        store: Where they are.
        all_handlers: Whether the handlers that did what they should run again, too.
    """

    router: Router
    store: DeadLetterStore
    all_handlers: bool = field(default=False, kw_only=True)
    _narrowed: dict[frozenset[str], Router] = field(
        factory=dict[frozenset[str], Router], init=False, repr=False
    )

    def explain(self, letter: DeadLetter, *, raw: Raw | None = None) -> Explanation:
        """
        Say which handlers would run, and run none.

        Args:
            letter: A dead letter of the store.
            raw: What is processed in place of what arrived, if that was mended.

        Raises:
            RegistrationError: What ``run`` raises.
        """
        return self._router_for(letter).explain(letter.raw if raw is None else raw, letter.headers)

    async def run(self, letter: DeadLetter, *, raw: Raw | None = None) -> Result:
        """
        Process a dead letter, and delete it if nothing is left to do.

        If the process ends in between, the letter stays, and may be processed again.

        Args:
            letter: A dead letter of the store.
            raw: What is processed in place of what arrived, if that was mended.

        Raises:
            RegistrationError: If a handler that failed is not there any more, under that name; or
                the router can't work.
            StoreError: If it was processed and could not be deleted.
        """
        router = self._router_for(letter)
        result = await router.process(letter.raw if raw is None else raw, letter.headers)
        if result.ok:
            await self.store.remove_letters([letter.id])
        return result

    def _router_for(self, letter: DeadLetter) -> Router:
        failed = frozenset(run.handler for run in letter.handlers if run.error is not None)
        if self.all_handlers or not failed:
            return self.router
        router = self._narrowed.get(failed)
        if router is None:
            router = self._narrowed[failed] = self.router.only(failed)
        return router
