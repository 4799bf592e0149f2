"""The tables, by name: what measures each, and what shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from benchmarks.tables import (
    brokers,
    dispatching,
    http,
    imports,
    memory,
    poison,
    policies,
    routes,
    sleeping,
    stores,
    upcasts,
)
from benchmarks.tables.effort import FULL, QUICK, Effort


@frozen
class Table:
    """
    One table.

    Args:
        results: Measures it; what it gives can be written as JSON.
        lines: Shows what was measured.
    """

    results: Callable[[Effort], dict[str, Any]]
    lines: Callable[[dict[str, Any]], list[str]]


TABLES: Final = {
    "dispatch": Table(dispatching.results, dispatching.lines),
    "routes": Table(routes.results, routes.lines),
    "http": Table(http.results, http.lines),
    "upcasts": Table(upcasts.results, upcasts.lines),
    "policies": Table(policies.results, policies.lines),
    "imports": Table(imports.results, imports.lines),
    "sleeping": Table(sleeping.results, sleeping.lines),
    "memory": Table(memory.results, memory.lines),
    "stores": Table(stores.results, stores.lines),
    "poison": Table(poison.results, poison.lines),
    "brokers": Table(brokers.results, brokers.lines),
}

__all__ = ["FULL", "QUICK", "TABLES", "Effort", "Table"]
