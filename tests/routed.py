"""Events and handlers that only tell which handler an event went to, and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def an_event(
    type: str, payload: Any = None, *, version: str | None = None, **metadata: str
) -> dict[str, Any]:
    if version is not None:
        metadata["version"] = version
    return {"event_type": type, "payload": payload, "metadata": metadata}


def noting(name: str, ran: list[str]) -> Callable[[Any], None]:
    """A handler that notes its name."""

    def handle(payload: Any) -> None:
        ran.append(name)

    return handle


def naively_matches(pattern: str, event_type: str) -> bool:
    return _naively_matches(pattern.split("."), event_type.split("."))


def _naively_matches(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    if not pattern:
        return not segments
    first, *rest = pattern
    if first == "**":
        return any(_naively_matches(rest, segments[n:]) for n in range(len(segments) + 1))
    if not segments or first not in ("*", segments[0]):
        return False
    return _naively_matches(rest, segments[1:])
