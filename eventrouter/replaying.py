"""Trying dead letters again."""

from __future__ import annotations

from attrs import evolve, field, frozen

from eventrouter.explanation import Explanation
from eventrouter.json import Raw
from eventrouter.result import Result
from eventrouter.router import Router
from eventrouter.stores.letters import DeadLetter, DeadLetterStore


@frozen(eq=False)
class Replay:
    """
    Processes dead letters again, as they arrived, and deletes those that were handled then.

    All handlers run but those that did what they should, as with ``Router.replay``. Upcasters and
    everything else are those of the router as it is now.

    Args:
        router: What processes them.
        store: Where they are.
        all_handlers: Whether the handlers that did what they should run again, too.
    """

    router: Router
    store: DeadLetterStore
    all_handlers: bool = field(default=False, kw_only=True)

    def explain(self, letter: DeadLetter, *, raw: Raw | None = None) -> Explanation:
        """
        Say which handlers would run, and run none.

        Args:
            letter: A dead letter of the store.
            raw: What is processed in place of what arrived, if that was mended.

        Raises:
            RegistrationError: What ``run`` raises.
        """
        return self.router.explain_replay(self._owed(letter), raw=raw)

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
        result = await self.router.replay(self._owed(letter), raw=raw)
        if result.ok:
            await self.store.remove_letters([letter.id])
        return result

    def _owed(self, letter: DeadLetter) -> DeadLetter:
        return evolve(letter, handlers=()) if self.all_handlers else letter
