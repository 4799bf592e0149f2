"""How times lie in the file."""

from __future__ import annotations

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
