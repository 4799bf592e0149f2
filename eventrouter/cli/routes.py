"""``eventrouter routes``: what a router has routes for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from eventrouter.cli.application import load_router
from eventrouter.cli.output import show, until_unread
from eventrouter.routing import Route
from eventrouter.structuring.refusal import type_name


@click.command()
@click.argument("app")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def routes(app: str, as_json: bool) -> None:
    """List the routes of APP, in the order they run."""
    found = load_router(app).routes()
    with until_unread():
        if as_json:
            click.echo(json.dumps([_members(route) for route in found], indent=2))
        else:
            show(_table(found))


def _members(route: Route) -> dict[str, Any]:
    return {
        "role": _role(route),
        "pattern": route.pattern or None,
        "version": route.version,
        "where": str(route.condition) if route.condition else None,
        "handler": route.named.name,
        "payload_type": type_name(route.signature.payload_type),
        "location": route.named.location,
    }


def _role(route: Route) -> str:
    if route.is_observer:
        return "observer"
    return "fallback" if route.is_fallback else "handler"


def _table(found: tuple[Route, ...]) -> Table:
    # column -> whether it has anything to say
    columns = {
        "pattern": True,
        "version": any(route.version for route in found),
        "where": any(route.condition for route in found),
        "handler": True,
        "payload": True,
        "location": True,
    }
    table = Table(box=SIMPLE, pad_edge=False)
    for column, has_content in columns.items():
        if has_content:
            table.add_column(column, overflow="fold")
    for route in found:
        cells = {
            "pattern": _pattern(route),
            "version": route.version or "any",
            "where": str(route.condition or ""),
            "handler": _short_name(route),
            "payload": type_name(route.signature.payload_type),
            "location": _short_location(route.named.location),
        }
        table.add_row(
            *(Text(cells[column]) for column, has_content in columns.items() if has_content)
        )
    return table


def _pattern(route: Route) -> str:
    if not route.is_observer and not route.is_fallback:
        return route.pattern
    which = "(every event)" if route.is_observer else "(no other route)"
    return f"{route.pattern}** {which}" if route.pattern else which


def _short_name(route: Route) -> str:
    """The handler's name without its module, which its location tells too."""
    module = getattr(route.handler, "__module__", None)
    return route.named.name.removeprefix(f"{module}.")


def _short_location(location: str) -> str:
    return location.removeprefix(f"{Path.cwd()}{os.sep}")
