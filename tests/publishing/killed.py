"""A handler that gives two events, and a receiver, both of which note what they did in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eventrouter import Event, Idempotency, Publisher, Router, SqliteStore
from tests.events import raw_event
from tests.inbox.killed import append

ASKED = raw_event("asked", ["a", "b"], id="e-1")


def router_of(
    store: SqliteStore,
    publisher: Publisher,
    folder: Path,
    die: Callable[[], None] | None = None,
    moment: str = "",
    lease: float = 60,
) -> Router:
    """A router whose handler notes that it ran, and may die before it does or after."""
    router = Router(idempotency=Idempotency(store, lease=lease), publisher=publisher)

    @router.on("asked")
    async def give(types: list[str]) -> list[Event[None]]:
        append(folder / "ran", "ran")
        if die is not None and moment == "before":
            die()
        given = [Event.new(type, None) for type in types]
        if die is not None:
            die()
        return given

    return router


def receive(folder: Path, event: Event[None]) -> None:
    """Note an event, by its type, its id and what it was given for."""
    append(folder / "received", f"{event.type} {event.id} {event.metadata['causation_id']}")
