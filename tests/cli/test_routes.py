"""What ``eventrouter routes`` lists."""

from __future__ import annotations

import json
import sys
from unittest.mock import patch

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

ASKED = ["cattrs:", "a", "where=", "is", "asked", "first"]

EVERY_WAY = """
from typing import Any
from attrs import field, frozen
from eventrouter import Event, Router

router = Router()

@frozen
class Paid:
    cents: int

@frozen
class Converted:
    cents: int = field(converter=int)

@router.on("order.paid")
async def straight(paid: Paid) -> None: ...

@router.on("order.*")
async def pattern(paid: Paid) -> None: ...

@router.on("order.converted")
async def projected(paid: Converted) -> None: ...

@router.on("order.seen")
async def whole(event: Event[Paid]) -> None: ...

@router.on("order.kept")
async def raw(payload: Any) -> None: ...

@router.on("order.waited")
def threaded(paid: Paid) -> None: ...
"""

POLICIES = """
from typing import Any
from eventrouter import Retry, Router

router = Router(retry=Retry(3, on=OSError))

@router.on("order.paid")
async def charge(payload: Any) -> None: ...

@router.on("order.sent", retry=Retry(5, on=TimeoutError), timeout=30, abandon=True)
def send(payload: Any) -> None: ...
"""

UPCASTING = """
from typing import Any
from eventrouter import Router

router = Router()

@router.upcast("order.paid", "v1", "v2")
@router.upcast("order.paid", "v2", "v3")
def add_currency(old: dict[str, Any]) -> dict[str, Any]:
    return old

@router.on("order.paid", version="v3")
def book(payload: dict[str, int]) -> None: ...

@router.on("order.paid", version="v4")
def book_another(payload: dict[str, int]) -> None: ...
"""


def test_json_lists_everything_about_each_route(command: CommandLine) -> None:
    command.write("every.py", EVERY_KIND)

    found = json.loads(command.run("routes", "every:router", "--json").stdout)

    assert found == [
        {
            "role": "handler",
            "pattern": "order.paid.*",
            "version": "v2",
            "upcast_from": [],
            "where": "carrier='dhl'",
            "handler": "every.settle",
            "payload_type": "dict[str, int]",
            "location": f"{command.folder}/every.py:7",
            "read_by": "cattrs",
            "why": "a where= is asked first",
            "retry": None,
            "timeout": None,
            "abandon": False,
            "concurrency": None,
            "ordered_by": None,
            "pause_after": None,
        },
        {
            "role": "observer",
            "pattern": "order.",
            "version": None,
            "upcast_from": [],
            "where": None,
            "handler": "every.observe",
            "payload_type": "Any",
            "location": f"{command.folder}/every.py:10",
            "read_by": "raw",
            "why": None,
            "retry": None,
            "timeout": None,
            "abandon": False,
            "concurrency": None,
            "ordered_by": None,
            "pause_after": None,
        },
        {
            "role": "fallback",
            "pattern": None,
            "version": None,
            "upcast_from": [],
            "where": None,
            "handler": "every.take_the_rest",
            "payload_type": "Any",
            "location": f"{command.folder}/every.py:16",
            "read_by": "raw",
            "why": None,
            "retry": None,
            "timeout": None,
            "abandon": False,
            "concurrency": None,
            "ordered_by": None,
            "pause_after": None,
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
        *ASKED,
        "every.py:7",
    ]


def test_a_narrow_table_puts_the_location_below_the_handler(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("every.py", EVERY_KIND)
    monkeypatch.setenv("COLUMNS", "80")

    shown = command.run("routes", "every:router").stdout.splitlines()

    assert shown[2].split() == ["order.paid.*", "v2", "settle", "dict[str,", "int]"]
    assert shown[3].split() == ["where", "carrier='dhl'", "every.py:7", *ASKED[:4]]
    assert shown[4].split() == ASKED[4:]


def test_it_says_which_versions_are_upcast_for_a_route(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("upcasting.py", UPCASTING)

    assert [route["upcast_from"] for route in command.run_json("routes", "upcasting:router")] == [
        ["v1", "v2"],
        [],
    ]
    for columns in ("200", "60"):
        monkeypatch.setenv("COLUMNS", columns)
        shown = command.run("routes", "upcasting:router").stdout
        assert "(from v1, v2)" in " ".join(shown.split())


def test_it_says_what_is_done_where_a_handler_fails_or_takes_long(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("policies.py", POLICIES)

    found = command.run_json("routes", "policies:router")

    assert [(route["retry"], route["timeout"], route["abandon"]) for route in found] == [
        ("3 attempts on OSError", None, False),
        ("5 attempts on TimeoutError", 30, True),
    ]
    for columns in ("200", "60"):
        monkeypatch.setenv("COLUMNS", columns)
        shown = " ".join(command.run("routes", "policies:router").stdout.split())
        assert "3 attempts on OSError" in shown
        assert "timeout 30 s, then abandoned" in shown or columns == "60"


def test_it_says_what_reads_payloads_and_why(command: CommandLine) -> None:
    pytest.importorskip("msgspec")
    command.write("ways.py", EVERY_WAY)

    found = command.run_json("routes", "ways:router")

    assert [(route["read_by"], route["why"]) for route in found] == [
        ("msgspec", None),
        ("msgspec", None),
        ("msgspec, then cattrs", "Converted.cents has a converter"),
        ("cattrs", "it takes the event"),
        ("raw", None),
        ("cattrs", "the handler runs in a thread"),
    ]


def test_it_says_that_msgspec_is_not_installed(command: CommandLine) -> None:
    command.write("ways.py", EVERY_WAY)

    with patch.dict(sys.modules, {"msgspec": None}):
        found = command.run_json("routes", "ways:router")

    assert {(route["read_by"], route["why"]) for route in found} == {
        ("cattrs", "msgspec is not installed"),
        ("raw", None),
    }


def test_a_router_without_routes_is_no_error(command: CommandLine) -> None:
    command.write("empty.py", "from eventrouter import Router\nrouter = Router()")

    result = command.run("routes", "empty:router")

    assert (result.exit_code, result.stdout) == (0, "no routes\n")
