"""Handlers for tests."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from eventrouter.event import Event


@define(eq=False)
class Recorder:
    """
    An observer that keeps what it sees: ``router.on_any(recorder)``.

    Attributes:
        events: The events, in the order they came, their payloads raw.
    """

    events: list[Event[Any]] = field(init=False, factory=list[Event[Any]])

    async def __call__(self, event: Event[Any]) -> None:
        """Keep the event."""
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        """The types of the events."""
        return [event.type for event in self.events]

    @property
    def payloads(self) -> list[Any]:
        """The payloads of the events, raw."""
        return [event.payload for event in self.events]


@define(eq=False)
class FailTimes:
    """
    A handler that fails so many times, and then no more.

    It is called with an event: ``router.on("order.paid", retry=...)(FailTimes(2, OSError))``.

    Args:
        times: How many times it fails.
        error: What it raises then: an exception, or a type of which each time one is made.

    Attributes:
        events: The events it was called with, those it failed for among them.
    """

    times: int
    error: Exception | type[Exception]
    events: list[Event[Any]] = field(init=False, factory=list[Event[Any]])

    async def __call__(self, event: Event[Any]) -> Event[Any]:
        """
        Return the event.

        Raises:
            Exception: The error, the first times.
        """
        self.events.append(event)
        if len(self.events) <= self.times:
            raise self.error
        return event
