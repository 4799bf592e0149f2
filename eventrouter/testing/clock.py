"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import define


@define(eq=False)
class FakeClock:
    """
    A clock that goes on when told to: ``MemoryStore(clock=FakeClock())``.

    Args:
        seconds: What it shows, in seconds since 1970.
    """

    seconds: float = 1_700_000_000

    def __call__(self) -> float:
        """What it shows."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass; of a number below 0, be set back."""
        self.seconds += seconds

    def now(self) -> datetime:
        """What it shows, as a time in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC)
