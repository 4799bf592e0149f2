"""How times and texts lie in the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 1e12
_MICROSECOND = timedelta(microseconds=1)


def micros(seconds: float) -> int:
    """Seconds as microseconds, if many as those that SQLite can count."""
    return round(min(seconds, _MOST_SECONDS) * 1_000_000)


def written_time(time: datetime) -> int:
    """A time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def read_time(written: int) -> datetime:
    """What ``written_time`` was given."""
    return _EPOCH + written * _MICROSECOND


def written_text(text: str | None) -> str | None:
    """Any text as a string in JSON, which escapes what is no text to SQLite."""
    return None if text is None else json.dumps(text)


def read_text(written: str | None) -> str | None:
    """What ``written_text`` was given."""
    return None if written is None else json.loads(written)
