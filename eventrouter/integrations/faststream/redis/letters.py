"""What is said of an entry that becomes a dead letter."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from eventrouter.integrations.faststream.dead_letters import PREFIX, headers_of
from eventrouter.stores.entries import Entry
from eventrouter.stores.letters import DeadLetter


def arguments_of(
    entry: Entry, letter: DeadLetter, stream: str, group: str, flaw: str | None
) -> list[str | bytes | int]:
    """
    What the script takes to set an entry aside, which copies its fields itself.

    Args:
        entry: The entry.
        letter: What went wrong.
        stream: The stream that it was in.
        group: Who could not handle it.
        flaw: Why its fields hold no event; None if they do.

    Returns:
        How much of what follows is what was read of it, of use only if somebody deleted it; that;
        and the fields that tell what went wrong.
    """
    told = headers_of(letter if flaw is None else evolve(letter, message=flaw))
    reasons = {name: text for name, text in told.items() if name.startswith(PREFIX)}
    reasons |= {f"{PREFIX}stream": stream, f"{PREFIX}group": group, f"{PREFIX}id": entry.id}
    read = _pairs({"data": entry.raw, **entry.headers})
    return [len(read), *read, *_pairs(reasons)]


def _pairs(fields: Mapping[str, str | bytes]) -> list[str | bytes]:
    return [part for pair in fields.items() for part in pair]
