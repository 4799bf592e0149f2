"""The schemas of all payloads that a router takes, in one document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from eventrouter.patterns import Specificity, specificity
from eventrouter.routing import Route, RouteTable
from eventrouter.schemas.definitions import Definitions
from eventrouter.schemas.keywords import DIALECT, Schema, all_of, any_of
from eventrouter.schemas.types import SchemaReader
from eventrouter.structuring.recursion import remembering

#: The number of the document's form; another where what reads the one can't read the other.
FORMAT: Final = 1


def schema_document(routes: Iterable[Route]) -> dict[str, Any]:
    """
    The schemas of the payloads that routes take, by type or pattern and version.

    Observers take any payload, and fallbacks what nobody planned for: neither has a place here.

    Args:
        routes: All routes.
    """
    handlers = _handlers(routes)
    table = RouteTable(handlers, (), ())
    keys = sorted({(route.pattern, route.version or "") for route in handlers})
    entries = [(pattern, version or None) for pattern, version in keys]
    return {
        "format": FORMAT,
        "events": [
            {
                "type": pattern,
                "version": version,
                "schema": _schema(_title(pattern, version), _tiers(table, pattern, version)),
            }
            for pattern, version in entries
        ],
    }


def payload_schema(routes: Iterable[Route], event_type: str, version: str | None) -> Schema:
    """
    The schema of the payload of events of a type and version.

    Args:
        routes: All routes.
        event_type: The type; no pattern.
        version: The version, or None for events without one.

    Raises:
        UnroutedEvent: If no handler takes such events.
    """
    table = RouteTable(_handlers(routes), (), ())
    tiers = table.find(event_type, version).tiers
    if not tiers:
        raise table.unrouted(event_type, version)
    return _schema(_title(event_type, version), tiers)


def _handlers(routes: Iterable[Route]) -> list[Route]:
    return [route for route in routes if not route.is_observer and not route.is_fallback]


def _tiers(table: RouteTable, pattern: str, version: str | None) -> Sequence[Sequence[Route]]:
    if specificity(pattern) is Specificity.EXACT:
        return table.find(pattern, version).tiers
    matching = table.find(pattern, version).tiers
    return [
        tuple(r for r in tier if (r.pattern, r.version) == (pattern, version)) for tier in matching
    ]


def _title(event_type: str, version: str | None) -> str:
    return f"{event_type} {version}" if version else event_type


def _schema(title: str, tiers: Sequence[Sequence[Route]]) -> Schema:
    with remembering():
        schema, definitions = _read(tiers, Definitions)
        merged: dict[str, Schema] = {}
        if any(merged.setdefault(n, s) != s for of in definitions for n, s in of.sorted().items()):
            # Included routers may build one class in two ways.
            taken: set[str] = set()
            schema, definitions = _read(tiers, lambda: Definitions(taken))
    found = {name: of_class for of in definitions for name, of_class in of.sorted().items()}
    defs = {"$defs": dict(sorted(found.items()))} if found else {}
    return {"$schema": DIALECT, "title": title, **schema, **defs}


def _read(
    tiers: Iterable[Sequence[Route]], make: Callable[[], Definitions]
) -> tuple[Schema, Iterable[Definitions]]:
    """The schema, and the definitions that it refers to, those of each converter."""
    definitions: dict[int, Definitions] = defaultdict(make)

    def of_route(route: Route) -> Schema:
        if route.builder is None:
            return {}
        converter = route.builder.converter
        reader = SchemaReader(converter, definitions[id(converter)])
        return reader.schema_of(route.builder.type)

    return any_of(_alternatives(tiers, of_route)), definitions.values()


def _alternatives(
    tiers: Iterable[Sequence[Route]], of_route: Callable[[Route], Schema]
) -> Iterator[Schema]:
    """What each handler with a condition reads, then what all those read that run else."""
    for tier in tiers:
        always = [route for route in tier if route.condition is None]
        if always:
            yield all_of(map(of_route, always))
            return
        yield from map(of_route, tier)
