"""A dead letter as JSON, and what lines and tables show of it."""

from __future__ import annotations

import base64
from typing import Any

from eventrouter.stores.letters import DeadLetter


def members_of(letter: DeadLetter) -> dict[str, Any]:
    """What a list tells of a dead letter."""
    return {
        "id": letter.id,
        "received": letter.received.isoformat(),
        "type": letter.type,
        "version": letter.version,
        "event_id": letter.event_id,
        "status": letter.status,
        "error": letter.error,
        "message": letter.message,
        "attempts": letter.attempts,
        "handlers": [
            {"handler": run.handler, "attempts": run.attempts, "error": run.error}
            for run in letter.handlers
        ],
    }


def all_members_of(letter: DeadLetter) -> dict[str, Any]:
    """All that there is of a dead letter."""
    members = {
        **members_of(letter),
        "traceback": letter.traceback,
        "headers": dict(letter.headers),
    }
    try:
        members["raw"] = letter.raw.decode()
    except UnicodeDecodeError:
        members["raw_base64"] = base64.b64encode(letter.raw).decode()
    return members


def event_of(letter: DeadLetter) -> str:
    """The type and version of the event."""
    if letter.type is None:
        return "(no event)"
    return letter.type if letter.version is None else f"{letter.type} {letter.version}"


def received_of(letter: DeadLetter) -> str:
    """When it arrived, to the second."""
    return f"{letter.received:%Y-%m-%d %H:%M:%SZ}"


def error_of(letter: DeadLetter) -> str:
    """The error in one line."""
    name = letter.error.rpartition(".")[2]
    return f"{name}: {letter.message}" if letter.message else name


def number_of(count: int) -> str:
    """So many dead letters, in words."""
    return f"{count:,} dead {'letter' if count == 1 else 'letters'}"
