"""Documents of schemas to compare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventrouter import Router
from eventrouter.schemas.compatibility import Finding, Mode, compatibility
from eventrouter.schemas.rules import Level


def taking(target: Any) -> Any:
    """A handler of payloads of that type."""

    def handle(payload: Any) -> None: ...

    handle.__annotations__["payload"] = target
    return handle


def router_of(target: Any, **options: Any) -> Router:
    """A router for one event with a payload of that type."""
    router = Router(**options)
    router.add_route("order.paid", taking(target), version="v1")
    return router


def document_of(target: Any, **options: Any) -> dict[str, Any]:
    """The document of a router for one event with a payload of that type."""
    return router_of(target, **options).schema()


def written_of(schema: Any) -> dict[str, Any]:
    """A document with one event, its schema written by hand."""
    return {"format": 1, "events": [{"type": "order.paid", "version": "v1", "schema": schema}]}


def errors(findings: Iterable[Finding]) -> list[str]:
    """The rules that findings say are broken."""
    return [finding.rule for finding in findings if finding.level is Level.ERROR]


def broken(old: Any, new: Any, mode: Mode = Mode.BACKWARD) -> list[str]:
    """The rules that a change from one document to another breaks."""
    return errors(compatibility(old, new, mode))
