"""What ``eventrouter explain`` says."""

from __future__ import annotations

import os

import pytest

from tests.cli.conftest import CommandLine, event, lines

UPCASTING = """
from typing import Any
from eventrouter import Router

router = Router()

@router.upcast("order.paid", "v1", "v2")
def keep(old: dict[str, Any]) -> dict[str, Any]:
    return old

@router.on("order.paid", version="v2")
def book(payload: dict[str, Any]) -> None: ...
"""


def test_says_which_routes_each_event_takes_and_why(command: CommandLine) -> None:
    pytest.importorskip("msgspec")
    command.write("events.ndjson", lines(event(), event("order.lost")))

    result = command.run("explain", "app:router", "events.ndjson")

    application = command.folder / "app.py"
    assert result.stdout.splitlines() == [
        "events.ndjson:1: order.paid",
        f"  runs: app.settle on order.paid at {application}:18: it takes this event, "
        "its payload read by msgspec",
        "  passed over: app.announce on order.shipped v1 where carrier='dhl' at "
        f"{application}:24: the type does not match",
        'events.ndjson:2: order.lost: UnknownType: no route for the event type "order.lost"',
        f"  passed over: app.settle on order.paid at {application}:18: the type does not match",
        "  passed over: app.announce on order.shipped v1 where carrier='dhl' at "
        f"{application}:24: the type does not match",
    ]
    assert result.exit_code == 0


def test_reads_standard_input_line_by_line(command: CommandLine) -> None:
    process = command.start("explain", "app:router")

    shown, _ = process.communicate(lines("", "{}"), timeout=60)

    assert shown == "<stdin>:2: unreadable: MalformedEvent: event_type is missing\n"


def test_a_failed_event_is_explained_as_its_original(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event("order.lost")))
    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    shown = command.run("explain", "app:router", "failed.ndjson").stdout

    assert shown.startswith("failed.ndjson:1: order.lost: UnknownType: ")


def test_control_characters_do_not_reach_the_terminal(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event("\x1b[2Jgone")))

    assert "\x1b" not in command.run("explain", "app:router", "events.ndjson").stdout


def test_a_reader_that_goes_away_ends_it_quietly(command: CommandLine) -> None:
    command.write("events.ndjson", lines(*[event()] * 2_000))
    reading, writing = os.pipe()
    os.close(reading)

    process = command.start("explain", "app:router", "events.ndjson", stdout=writing)
    os.close(writing)

    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_says_through_which_versions_an_event_would_go(command: CommandLine) -> None:
    command.write("upcasting.py", UPCASTING)
    command.write("events.ndjson", lines(event(version="v1")))

    shown = command.run("explain", "upcasting:router", "events.ndjson").stdout

    assert "it takes this event, upcast v1 -> v2, its payload read by" in shown
