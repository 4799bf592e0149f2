"""Texts and letters as databases keep them, whatever characters they have."""

from __future__ import annotations

import json
from typing import Any

from eventrouter.stores.letters import DeadLetter, HandlerOutcome


def written_text(text: str | None) -> str | None:
    """Any text as a string in JSON, which escapes what is no text to a database."""
    return None if text is None else json.dumps(text)


def read_text(written: str | None) -> str | None:
    """What ``written_text`` was given."""
    return None if written is None else json.loads(written)


def written_details(letter: DeadLetter) -> str:
    """What of a letter nobody looks for, as JSON."""
    details = {
        "message": letter.message,
        "traceback": letter.traceback,
        "event_id": letter.event_id,
        "attempts": letter.attempts,
        "headers": dict(letter.headers),
        "handlers": [[run.handler, run.attempts, run.error] for run in letter.handlers],
    }
    return json.dumps(details)


def read_details(written: str) -> dict[str, Any]:
    """The arguments of the letter that ``written_details`` was given."""
    members: dict[str, Any] = json.loads(written)
    members["handlers"] = tuple(HandlerOutcome(*run) for run in members["handlers"])
    return members
