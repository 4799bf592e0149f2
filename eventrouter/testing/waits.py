"""Waits that take no time."""

from __future__ import annotations

import anyio
from attrs import define, field


@define(eq=False)
class FakeSleep:
    """
    Waits that take no time: ``Router(sleep=FakeSleep())``.

    To test the handlers of a router that waits, include it in one that does not:
    ``quick = Router(sleep=FakeSleep()); quick.include(router)``.

    Attributes:
        waits: How long each wait would have been, in seconds.
    """

    waits: list[float] = field(init=False, factory=list[float])

    async def __call__(self, seconds: float) -> None:
        """Note how long it should have waited, and let other tasks run."""
        self.waits.append(seconds)
        await anyio.lowlevel.checkpoint()
