"""Publishers that keep what they are given, until they are told to fail."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import anyio.lowlevel
from attrs import define, field

from eventrouter import Event, Headers


@define(eq=False)
class Recording:
    """
    A publisher that never waits.

    Attributes:
        error: What it raises; None for as long as it works.
        refused: The types of the events that it raises for; None for all.
        tried: The types of all events that it was given.
    """

    needs_loop: ClassVar[bool] = False

    error: Exception | None = None
    refused: set[str] | None = None
    events: list[Event[Any]] = field(factory=list[Event[Any]], init=False)
    raw: list[bytes] = field(factory=list[bytes], init=False)
    headers: list[Headers] = field(factory=list[Headers], init=False)
    tried: list[str] = field(factory=list[str], init=False)

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        self.tried.append(event.type)
        if self.error is not None and (self.refused is None or event.type in self.refused):
            raise self.error
        self.events.append(event)
        self.raw.append(raw)
        self.headers.append(headers)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def ids(self) -> list[str | None]:
        return [event.id for event in self.events]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(raw) for raw in self.raw]


class Waiting(Recording):
    """A publisher that needs an event loop, as that of a broker does."""

    needs_loop = True

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        await anyio.lowlevel.checkpoint()
        await super().publish(event, raw, headers)
