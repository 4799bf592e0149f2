"""How a dead letter is published to JetStream."""

from __future__ import annotations

from attrs import frozen

from eventrouter.integrations.faststream.dead_letters import PREFIX, headers_of
from eventrouter.stores.letters import DeadLetter

_ID = "Nats-Msg-Id"
_FRAME = 16  # bytes around the headers
_PER_HEADER = 4  # bytes between name, value and the next

#: What is left out, the first first, of a letter that would be too large.
_LEAST_NEEDED = ("message", "handlers", "received", "error", "attempts", "status")


@frozen
class Outgoing:
    """What is published."""

    raw: bytes
    headers: dict[str, str]


def fitting(letter: DeadLetter, id: str, room: int) -> Outgoing:
    """
    A dead letter as it is published, small enough that the server takes it.

    Headers that mean something to the server when an event is published are kept by another name.

    Args:
        letter: The letter.
        id: What tells it from others, so that it is kept once.
        room: How many bytes a message may have, with its headers.
    """
    headers = {
        (PREFIX + name if name.lower().startswith("nats-") else name): value
        for name, value in headers_of(letter).items()
    }
    headers[_ID] = id
    for name in (*(PREFIX + told for told in _LEAST_NEEDED), _ID):
        if len(letter.raw) + size_of(headers) <= room:
            break
        headers.pop(name, None)
    return Outgoing(letter.raw, headers)


def size_of(headers: dict[str, str]) -> int:
    """How many bytes the headers of a message take, or a few less."""
    return _FRAME + sum(
        len(name.encode()) + len(value.encode()) + _PER_HEADER for name, value in headers.items()
    )
