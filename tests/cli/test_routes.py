"""What ``eventrouter routes`` lists."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import CommandLine

EVERY_KIND = """
from typing import Any
from eventrouter import Event, Router

inner = Router()

@inner.on("paid.*", version="v2", where={"carrier": {"dhl"}})
def settle(payload: dict[str, int]) -> None: ...

@inner.on_any
def observe(event: Event[Any]) -> None: ...

router = Router()
router.include(inner, prefix="order.")

@router.fallback
def take_the_rest(event: Event[Any]) -> None: ...
"""


def test_json_lists_everything_about_each_route(command: CommandLine) -> None:
    command.write("every.py", EVERY_KIND)

    found = json.loads(command.run("routes", "every:router", "--json").stdout)

    assert found == [
        {
            "role": "handler",
            "pattern": "order.paid.*",
            "version": "v2",
            "where": "carrier='dhl'",
            "handler": "every.settle",
            "payload_type": "dict[str, int]",
            "location": f"{command.folder}/every.py:7",
        },
        {
            "role": "observer",
            "pattern": "order.",
            "version": None,
            "where": None,
            "handler": "every.observe",
            "payload_type": "Any",
            "location": f"{command.folder}/every.py:10",
        },
        {
            "role": "fallback",
            "pattern": None,
            "version": None,
            "where": None,
            "handler": "every.take_the_rest",
            "payload_type": "Any",
            "location": f"{command.folder}/every.py:16",
        },
    ]


def test_a_wide_table_has_a_row_for_each_route(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("every.py", EVERY_KIND)
    monkeypatch.setenv("COLUMNS", "200")

    shown = command.run("routes", "every:router").stdout

    assert [line.split("  ")[0] for line in shown.splitlines()] == [
        "pattern",
        "─" * len(shown.splitlines()[1]),
        "order.paid.*",
        "order.** (every event)",
        "(no other route)",
    ]
    assert shown.splitlines()[2].split() == [
        "order.paid.*",
        "v2",
        "carrier='dhl'",
        "settle",
        "dict[str,",
        "int]",
        "every.py:7",
    ]


def test_a_narrow_table_puts_the_location_below_the_handler(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("every.py", EVERY_KIND)
    monkeypatch.setenv("COLUMNS", "80")

    shown = command.run("routes", "every:router").stdout.splitlines()

    assert shown[2].split() == ["order.paid.*", "v2", "settle", "dict[str,", "int]"]
    assert shown[3].split() == ["where", "carrier='dhl'", "every.py:7"]


def test_a_router_without_routes_is_no_error(command: CommandLine) -> None:
    command.write("empty.py", "from eventrouter import Router\nrouter = Router()")

    result = command.run("routes", "empty:router")

    assert (result.exit_code, result.stdout) == (0, "no routes\n")
