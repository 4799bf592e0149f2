"""How a dead letter lies in a broker: the event as it came, and headers that tell why."""

from __future__ import annotations

from eventrouter.stores.letters import DeadLetter

PREFIX = "eventrouter-"


def headers_of(letter: DeadLetter) -> dict[str, str]:
    """
    The headers of a dead letter: those that the event had, and what went wrong.

    Args:
        letter: The letter.

    Returns:
        Text that any broker takes: ASCII, without line breaks.
    """
    told = {
        "status": str(letter.status),
        "error": letter.error,
        "message": letter.message,
        "attempts": str(letter.attempts),
        "received": letter.received.isoformat(),
        "handlers": ", ".join(h.handler for h in letter.handlers if h.error is not None),
    }
    return {
        **letter.headers,
        **{PREFIX + name: _plain(value) for name, value in told.items() if value},
    }


def _plain(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
