"""``eventrouter routes``: what a router has routes for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import click
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from eventrouter.cli.application import load_router
from eventrouter.cli.options import json_option
from eventrouter.cli.output import fits, show, until_unread
from eventrouter.routing import Route
from eventrouter.signature import named
from eventrouter.straight import Way
from eventrouter.structuring.refusal import type_name


class Listed(NamedTuple):
    """A route with what the router tells of it."""

    route: Route
    way: Way
    upcast_from: tuple[str, ...]


Found: TypeAlias = list[Listed]


@click.command()
@click.argument("app")
@json_option
def routes(app: str, as_json: bool) -> None:
    """List the routes of APP, in the order they run."""
    router = load_router(app)
    found = [
        Listed(route, router.way_of(route), router.upcast_from(route)) for route in router.routes()
    ]
    with until_unread():
        if as_json:
            click.echo(json.dumps([_members(*listed) for listed in found], indent=2))
        else:
            show(_table(found) if found else "no routes")


def _members(route: Route, way: Way, upcast_from: tuple[str, ...]) -> dict[str, Any]:
    ordered_by = route.policy.ordered_by
    return {
        "role": _role(route),
        "pattern": route.pattern or None,
        "version": route.version,
        "upcast_from": list(upcast_from),
        "where": str(route.condition) if route.condition else None,
        "handler": route.named.name,
        "payload_type": type_name(route.signature.payload_type),
        "location": route.named.location,
        "read_by": way.reader,
        "why": way.why or None,
        "retry": str(route.policy.retry) if route.policy.retry else None,
        "timeout": route.policy.timeout,
        "abandon": route.policy.abandon,
        "concurrency": route.policy.concurrency,
        "ordered_by": named(ordered_by).name if ordered_by else None,
        "pause_after": route.policy.pause_after,
    }


def _role(route: Route) -> str:
    if route.is_observer:
        return "observer"
    return "fallback" if route.is_fallback else "handler"


def _table(found: Found) -> Table:
    in_columns = _table_in_columns(found)
    return in_columns if fits(in_columns) else _stacked_table(found)


def _table_in_columns(found: Found) -> Table:
    table = _empty_table(
        "pattern", "version", "where", "handler", "payload", "read by", "policy", "location"
    )
    table.columns[2].header = "where" if any(listed.route.condition for listed in found) else ""
    has_policies = any(str(listed.route.policy) for listed in found)
    table.columns[6].header = "policy" if has_policies else ""
    for route, way, upcast_from in found:
        table.add_row(
            Text(_pattern(route)),
            Text(" ".join([_version(route), *_upcast(upcast_from)])),
            Text(str(route.condition or "")),
            Text(_short_name(route)),
            Text(type_name(route.signature.payload_type)),
            Text(str(way)),
            Text(str(route.policy)),
            Text(_short_location(route), style="dim"),
        )
    return table


def _stacked_table(found: Found) -> Table:
    """The same for a narrow terminal: what is long lies below what it belongs to."""
    table = _empty_table("pattern", "version", "handler and location", "payload and read by")
    for route, way, upcast_from in found:
        where = f"\nwhere {route.condition}" if route.condition else ""
        policy = f"\n{route.policy}" if str(route.policy) else ""
        table.add_row(
            Text.assemble(_pattern(route), (where, "dim")),
            Text.assemble(
                _version(route), *((f"\n{text}", "dim") for text in _upcast(upcast_from))
            ),
            Text.assemble(_short_name(route), (f"\n{_short_location(route)}{policy}", "dim")),
            Text.assemble(type_name(route.signature.payload_type), (f"\n{way}", "dim")),
        )
    return table


def _empty_table(*columns: str) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _pattern(route: Route) -> str:
    if not route.is_observer and not route.is_fallback:
        return route.pattern
    which = "(every event)" if route.is_observer else "(no other route)"
    return f"{route.pattern}** {which}" if route.pattern else which


def _version(route: Route) -> str:
    return route.version or "any"


def _upcast(upcast_from: tuple[str, ...]) -> list[str]:
    return [f"(from {', '.join(upcast_from)})"] if upcast_from else []


def _short_name(route: Route) -> str:
    """The handler's name without its module, which its location tells too."""
    module = getattr(route.handler, "__module__", None)
    return route.named.name.removeprefix(f"{module}.")


def _short_location(route: Route) -> str:
    return route.named.location.removeprefix(f"{Path.cwd()}{os.sep}")
