"""Dead letters: events that are set aside with what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypedDict, cast, runtime_checkable

from attrs import Attribute, field, frozen
from typing_extensions import Unpack

from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.errors import RegistrationError
from eventrouter.json import Raw
from eventrouter.result import Status
from eventrouter.stores.arguments import checked_time

_LONGEST_MESSAGE = 2_000  # characters
_LONGEST_TRACEBACK = 20_000


def _start_of(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def _end_of(text: str) -> str:
    # The last frames say most: they are nearest to what went wrong.
    return text if len(text) <= _LONGEST_TRACEBACK else "…" + text[1 - _LONGEST_TRACEBACK :]


def _refuse_no_time(_: Any, at: Attribute[Any], time: Any) -> None:
    checked_time(at.name, time)


def _in_utc(time: Any) -> Any:
    is_aware = isinstance(time, datetime) and time.utcoffset() is not None
    return time.astimezone(UTC) if is_aware else time


@frozen
class HandlerOutcome:
    """
    What became of one handler of a dead letter.

    Attributes:
        handler: The handler's name, with its module.
        attempts: How often it was called.
        error: The name of the type of what it raised at last; None if it did what it should, and
            need not run again.
    """

    handler: str
    attempts: int
    error: str | None = None


@frozen(kw_only=True)
class DeadLetter:
    """
    An event that is set aside, and all that is needed to try it again.

    Attributes:
        raw: What arrived, as it arrived; ``bytes_of`` makes bytes of what was none.
        headers: What came with it.
        received: When it arrived, with an offset; kept in UTC.
        status: What became of it.
        error: The name of the type of the error, with its module.
        message: What the error says, without values from the payload; cut after 2,000 characters.
        traceback: Where it was raised, as text; of over 20,000 characters the last.
        type: The event's type, or None if what arrived was no event.
        version: The event's version, if it carried one.
        event_id: The event's id, if it carried one.
        attempts: How often it was tried in all.
        handlers: What became of each handler.
        id: What the store knows it by; empty before it is in one.
    """

    raw: bytes
    received: datetime = field(converter=_in_utc, validator=_refuse_no_time)
    status: Status
    error: str
    message: str = field(converter=_start_of)
    headers: Headers = NO_HEADERS
    traceback: str = field(default="", converter=_end_of, repr=False)
    type: str | None = None
    version: str | None = None
    event_id: str | None = None
    attempts: int = 1
    handlers: tuple[HandlerOutcome, ...] = ()
    id: str = ""


class LetterFilter(TypedDict, total=False):
    """
    Which dead letters: those that fit everything that is given.

    Attributes:
        type: The event's type; None for those that were no event.
        version: The event's version; None for those that carried none.
        status: What became of them.
        error: The name of the type of the error, with its module.
        after: When they arrived: then, or later.
        before: When they arrived: earlier.
    """

    type: str | None
    version: str | None
    status: Status
    error: str
    after: datetime
    before: datetime


@frozen
class LetterPage:
    """
    Some of the dead letters that were asked for.

    Attributes:
        letters: These.
        cursor: What to ask for the next page with, or None if this is the last.
    """

    letters: tuple[DeadLetter, ...]
    cursor: str | None


@runtime_checkable
class DeadLetterStore(Protocol):
    """
    Keeps events that are set aside.

    Every method raises ``StoreError`` if the store fails; it has then done all or nothing.
    """

    async def add_letter(self, letter: DeadLetter) -> str:
        """
        Keep a letter; once this returns, it is on disk, if the store has one.

        Returns:
            Its id, never given to another.
        """
        ...

    async def get_letter(self, id: str) -> DeadLetter | None:
        """Find the letter with that id, or None."""
        ...

    async def find_letters(
        self,
        *,
        limit: int = 100,
        cursor: str | None = None,
        oldest_first: bool = False,
        **which: Unpack[LetterFilter],
    ) -> LetterPage:
        """
        Find letters, page by page, in the order in which they were added.

        Going from page to page finds every letter that is there all the while, and none twice.

        Args:
            limit: How many letters a page has at most.
            cursor: That of the page before.
            oldest_first: Whether the first that were added come first, and not the last.
            which: Which letters; all if nothing is given.
        """
        ...

    async def count_letters(self, **which: Unpack[LetterFilter]) -> int:
        """Say how many letters fit what is given."""
        ...

    async def remove_letters(self, ids: Iterable[str]) -> int:
        """
        Delete the letters with these ids, all at once.

        Returns:
            How many there were of them.
        """
        ...

    async def purge_letters(self, before: datetime, limit: int = 1_000) -> int:
        """
        Delete letters that arrived before then, those that arrived first.

        Args:
            before: A time with an offset.
            limit: How many at most, so that others need not wait long.

        Returns:
            How many it deleted: less than ``limit`` if none is left.
        """
        ...


def checked_filter(which: LetterFilter) -> None:
    """
    Refuse to look for what no letter has.

    Raises:
        RegistrationError: If something is unknown, or a time has no offset.
    """
    for name, value in which.items():
        if name not in LetterFilter.__annotations__:
            known = ", ".join(LetterFilter.__annotations__)
            raise RegistrationError(f"{name}=: letters are found by {known}")
        if name in ("after", "before"):
            checked_time(name, value)


def bytes_of(raw: Raw) -> bytes:
    """
    What to keep of what arrived: its bytes, its text in UTF-8, or the JSON that a mapping is.

    Args:
        raw: What was dispatched. Of a mapping that is no JSON, which was refused then, the text
            that shows it in Python.
    """
    if isinstance(raw, str):
        return raw.encode("utf-8", "surrogatepass")
    if not isinstance(raw, Mapping):
        return bytes(raw)
    try:
        return json.dumps(raw, default=_as_dict).encode()
    except (TypeError, ValueError, RecursionError):
        return _shown(raw).encode("utf-8", "backslashreplace")


def _as_dict(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    raise TypeError(f"{value!r} is no JSON")


def _shown(raw: object) -> str:
    try:
        return repr(raw)
    except RecursionError:
        return f"<{type(raw).__qualname__}, nested too deep to show>"
