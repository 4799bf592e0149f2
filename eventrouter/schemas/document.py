"""The schemas of all payloads that a router takes, in one document."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from eventrouter.chains import Chains
from eventrouter.patterns import Specificity, specificity
from eventrouter.routing import Route, RouteTable, Tier
from eventrouter.schemas.contract import FORMAT
from eventrouter.schemas.definitions import Definitions
from eventrouter.schemas.keywords import DIALECT, Schema, all_of, any_of
from eventrouter.schemas.types import SchemaReader
from eventrouter.structuring.recursion import remembering
from eventrouter.upcasting import Builder


def schema_document(
    routes: Iterable[Route], chains: Chains, default_version: str | None
) -> dict[str, Any]:
    """
    The schemas of the payloads that routes take, by type or pattern and version.

    Observers take any payload, and fallbacks what nobody planned for: neither has a place here.

    Args:
        routes: All routes.
        chains: The upcasters; what each takes is taken too.
        default_version: The version of events that carry none.
    """
    handlers = _handlers(routes)
    table = RouteTable(handlers, (), (), chains)
    handled = {(route.pattern, route.version or "") for route in handlers}
    upcast = {(upcaster.event_type, upcaster.source) for upcaster in chains.upcasters()}
    document: dict[str, Any] = {
        "format": FORMAT,
        "events": [_entry(table, *key) for key in sorted(handled | upcast)],
    }
    if upcast:
        document["upcasts"] = _upcasts(chains)
    if chains.orders:
        document["versions"] = {of: list(order) for of, order in sorted(chains.orders.items())}
    if default_version is not None:
        document["default_version"] = default_version
    return document


def payload_schema(
    routes: Iterable[Route], chains: Chains, event_type: str, version: str | None
) -> Schema:
    """
    The schema of the payload of events of a type and version.

    Args:
        routes: All routes.
        chains: The upcasters.
        event_type: The type; no pattern.
        version: The version, or None for events without one.

    Raises:
        UnroutedEvent: If no handler takes such events, nor an upcaster.
    """
    table = RouteTable(_handlers(routes), (), (), chains)
    tiers = table.find(event_type, version).tiers
    if not tiers:
        raise table.unrouted(event_type, version)
    return _schema(_title(event_type, version), tiers)


def _handlers(routes: Iterable[Route]) -> list[Route]:
    return [route for route in routes if not route.is_observer and not route.is_fallback]


def _entry(table: RouteTable, pattern: str, named: str) -> dict[str, Any]:
    version = named or None
    tiers = _tiers(table, pattern, version)
    entry: dict[str, Any] = {"type": pattern, "version": version}
    if tiers[0].path is not None:
        entry["upcast"] = list(tiers[0].path.versions)
    if all(route.condition for tier in tiers for route in tier.routes):
        # Events that meet none of these are unrouted.
        entry["where"] = sorted({_asked(route) for tier in tiers for route in tier.routes})
    entry["schema"] = _schema(_title(pattern, version), tiers)
    return entry


def _asked(route: Route) -> str:
    # What has no name shows its address, which is another in each process.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(route.condition))


def _upcasts(chains: Chains) -> list[dict[str, str]]:
    steps = ((u.event_type, u.source, u.target) for u in chains.upcasters())
    return [{"type": of, "from": source, "to": target} for of, source, target in sorted(steps)]


def _tiers(table: RouteTable, pattern: str, version: str | None) -> Sequence[Tier]:
    tiers = table.find(pattern, version).tiers
    if specificity(pattern) is Specificity.EXACT:
        return tiers
    own = (
        tuple(r for r in tier.routes if (r.pattern, r.version) == (pattern, version))
        for tier in tiers
    )
    return [Tier(routes, None) for routes in own if routes]


def _title(event_type: str, version: str | None) -> str:
    return f"{event_type} {version}" if version else event_type


def _schema(title: str, tiers: Sequence[Tier]) -> Schema:
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
    tiers: Iterable[Tier], make: Callable[[], Definitions]
) -> tuple[Schema, Iterable[Definitions]]:
    """The schema, and the definitions that it refers to, those of each converter."""
    definitions: dict[int, Definitions] = defaultdict(make)

    def of_builder(builder: Builder | None) -> Schema:
        if builder is None:
            return {}
        converter = builder.converter
        return SchemaReader(converter, definitions[id(converter)]).schema_of(builder.type)

    return any_of(_alternatives(tiers, of_builder)), definitions.values()


def _alternatives(
    tiers: Iterable[Tier], of_builder: Callable[[Builder | None], Schema]
) -> Iterator[Schema]:
    """What each handler with a condition reads, then what all those read that run else."""
    for tier in tiers:
        if tier.path is not None:
            yield of_builder(tier.path.steps[0].builder)
            if not all(route.condition for route in tier.routes):
                return
            continue
        always = [route for route in tier.routes if route.condition is None]
        if always:
            yield all_of(of_builder(route.builder) for route in always)
            return
        yield from (of_builder(route.builder) for route in tier.routes)
