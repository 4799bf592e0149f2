"""Setting an event aside that was not handled, and what of it runs when it is replayed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from attrs import Attribute, evolve, field, frozen

from eventrouter.envelope import Headers
from eventrouter.errors import NotSetAside, RegistrationError, StoreError, listed
from eventrouter.json import Raw
from eventrouter.letters import letter_of
from eventrouter.outcome import note
from eventrouter.result import Result, Status
from eventrouter.stores.calling import called
from eventrouter.stores.letters import DeadLetter, DeadLetterStore, bytes_of


def _refuse_no_store(_: Any, __: Attribute[Any], store: Any) -> None:
    if not isinstance(store, DeadLetterStore):
        raise RegistrationError(
            f"dead_letters={store!r}: it is a DeadLetterStore, such as SqliteStore('events.db')"
        )


@frozen(eq=False)
class DeadLetters:
    """
    Sets events aside in a store.

    Args:
        store: The store.

    Raises:
        RegistrationError: If it is none.
    """

    store: DeadLetterStore = field(validator=_refuse_no_store)

    async def keep(
        self, result: Result, raw: Raw, headers: Headers, received: datetime, has_loop: bool
    ) -> Result:
        """
        Set an event aside, if nothing is left to try.

        Args:
            result: What became of it.
            raw: What arrived.
            headers: What came beside it.
            received: When.
            has_loop: Whether it runs in an event loop.

        Returns:
            The result with the id of the letter; or if the store failed, one that says so.
        """
        error = result.error
        if error is None or result.is_open or result.dead_letter is not None:
            return result
        attempts = max((handler.attempts for handler in result.handlers), default=1)
        letter = letter_of(result, bytes_of(raw), dict(headers), received, max(attempts, 1))
        try:
            id = await called(self.store, lambda: self.store.add_letter(letter), has_loop)
        except StoreError as failure:
            both = NotSetAside("the event is neither handled nor set aside", [error, failure])
            return evolve(result, status=Status.FAILED, error=both)
        note(error, f"it is set aside as dead letter {id}")
        return evolve(result, dead_letter=id)


@frozen
class Selection:
    """
    Which handlers of an event run, by name.

    Attributes:
        only: Those that do; None for all.
        but: Of these, those that don't.
        failed: Those among them that failed, each of which must be there.
    """

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    def of(self, handlers: Iterable[str]) -> frozenset[str]:
        """
        The names of those that run, of all that take the event.

        Raises:
            RegistrationError: If less would run than was asked for.
        """
        known = frozenset(handlers)
        missing = (self.failed if self.only is None else self.only) - known
        if missing:
            raise RegistrationError(
                f"no handler {listed(sorted(missing))} takes the event now; those that do, to be "
                f"named with only=: {listed(sorted(known)) or 'none'}"
            )
        return (known if self.only is None else known & self.only) - self.but


def selected(letter: DeadLetter, only: Iterable[str] | None) -> Selection:
    """
    What runs when a letter is replayed.

    Args:
        letter: The letter.
        only: The names of the handlers that are to run. None for all but those that did what they
            should: those that failed, and those that the event never got to.
    """
    if only is not None:
        return Selection(only=frozenset([only] if isinstance(only, str) else only))
    failed = frozenset(h.handler for h in letter.handlers if h.error is not None)
    return Selection(but=frozenset(h.handler for h in letter.handlers) - failed, failed=failed)
