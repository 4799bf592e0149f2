"""What ``eventrouter dispatch`` counts, shows and ends with."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, CommandLine, event, lines


def test_exits_with_0_if_all_was_handled(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(), event()))

    assert command.run("dispatch", "app:router", "events.ndjson").exit_code == 0


def test_exits_with_1_if_something_was_not_handled(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(), "no JSON"))

    assert command.run("dispatch", "app:router", "events.ndjson").exit_code == 1


def test_an_event_ignored_by_choice_is_no_failure(command: CommandLine) -> None:
    command.write(
        "lenient.py", "from eventrouter import Router\nrouter = Router(unrouted='ignore')"
    )
    command.write("events.ndjson", lines(event("what.ever")))

    assert command.run("dispatch", "lenient:router", "events.ndjson").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("dispatch",),
        ("dispatch", "app:router", "absent.ndjson"),
        ("dispatch", "app:router", "."),
        ("dispatch", "app:router", "events.ndjson", "--concurrency", "0"),
        ("dispatch", "app:router", "events.ndjson", "--failed", "absent/failed.ndjson"),
        ("dispatch", "app:router", "events.ndjson", "--failed", "-"),
        ("dispatch", "app:router", "events.ndjson", "--unknown"),
        ("unknown",),
    ],
    ids=" ".join,
)
def test_exits_with_2_for_wrong_usage(command: CommandLine, arguments: tuple[str, ...]) -> None:
    command.write("events.ndjson", lines(event()))

    assert command.run(*arguments).exit_code == 2


def test_no_events_are_no_failure(command: CommandLine) -> None:
    command.write("events.ndjson", "")

    result = command.run("dispatch", "app:router", "events.ndjson")

    assert (result.exit_code, result.stdout) == (0, "no events\n")


def test_counts_events_by_type_and_status(command: CommandLine) -> None:
    command.write(
        "events.ndjson",
        lines(event(), event(), event(order_id="declined"), event("order.lost"), "{}", "["),
    )

    found = command.run_json("dispatch", "app:router", "events.ndjson")

    assert found["event_types"] == [
        {"event_type": "order.paid", "status": "handled", "count": 2},
        {"event_type": "order.paid", "status": "failed", "count": 1},
        {"event_type": "order.lost", "status": "unrouted", "count": 1},
        {"event_type": None, "group": "unreadable", "status": "malformed", "count": 2},
    ]


def test_shows_types_and_statuses_as_a_table(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(), event(), event(order_id="declined"), "{}"))

    shown = command.run("dispatch", "app:router", "events.ndjson").stdout.splitlines()

    assert [line.split() for line in shown[:6] if "─" not in line] == [
        ["event", "type", "handled", "malformed", "failed", "all"],
        ["order.paid", "2", "1", "3"],
        ["(unreadable)", "1", "1"],
        ["all", "2", "1", "1", "4"],
    ]


def test_says_what_the_first_of_each_failure_was_and_where(command: CommandLine) -> None:
    declined = event(order_id="declined")
    command.write("events.ndjson", lines(event(), declined, declined))

    shown = command.run("dispatch", "app:router", "events.ndjson").stdout

    assert (
        "2 failed  order.paid  events.ndjson:2\n  Declined: the bank said no\n  in app.settle\n"
        in shown
    )


def test_json_says_what_the_first_of_each_failure_was(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(order_id="declined")))

    found = command.run_json("dispatch", "app:router", "events.ndjson")

    assert found["errors"] == [
        {
            "event_type": "order.paid",
            "status": "failed",
            "count": 1,
            "first": {
                "at": "events.ndjson:1",
                "error": {"type": "Declined", "message": "the bank said no"},
                "handlers": ["app.settle"],
            },
        }
    ]


def test_json_has_totals_rate_and_slowest_handler(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(), "{}"))

    found = command.run_json("dispatch", "app:router", "events.ndjson")

    assert (found["events"], found["ok"], found["not_ok"]) == (2, 1, 1)
    assert found["statuses"] == {"handled": 1, "malformed": 1}
    assert found["events_per_second"] > 0
    assert found["slowest_handler"]["handler"] == "app.settle"
    assert found["slowest_handler"]["at"] == "events.ndjson:1"


def test_what_handlers_print_is_not_in_the_json(command: CommandLine) -> None:
    command.write(
        "chatty.py",
        """
from typing import Any
from eventrouter import Router

router = Router()

@router.on("order.paid")
async def chat(payload: Any) -> None:
    print("hello")
""",
    )
    command.write("events.ndjson", lines(event()))

    result = command.run("dispatch", "chatty:router", "events.ndjson", "--json")

    assert "hello" not in result.stdout
    assert result.stderr == "hello\n"


def test_reads_files_one_after_the_other(command: CommandLine) -> None:
    command.write("one.ndjson", lines(event()))
    command.write("two.ndjson", lines(event(), "{}"))

    found = command.run_json("dispatch", "app:router", "one.ndjson", "two.ndjson")

    assert found["events"] == 3
    assert found["errors"][0]["first"]["at"] == "two.ndjson:2"


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["nothing", "-"])
def test_reads_standard_input_for(command: CommandLine, arguments: tuple[str, ...]) -> None:
    process = command.start("dispatch", "app:router", *arguments)

    shown, errors = process.communicate(lines(event(), "{}"), timeout=60)

    assert "malformed  (unreadable)  <stdin>:2" in shown
    assert (process.returncode, errors) == (1, "")


def test_a_standard_input_that_does_not_wait_is_read_to_its_end(command: CommandLine) -> None:
    command.write(
        "chatty.py",
        """
from typing import Any
from eventrouter import Router

router = Router()

@router.on("order.paid")
async def chat(payload: Any) -> None:
    print("hello", flush=True)
""",
    )
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    process = command.start("dispatch", "chatty:router", stdin=reading)
    os.close(reading)
    assert process.stdout is not None
    os.write(writing, lines(event()).encode())
    assert process.stdout.readline() == "hello\n"
    os.write(writing, lines(event()).encode())
    assert process.stdout.readline() == "hello\n"
    os.close(writing)

    assert "2 events in " in process.stdout.read()


def test_a_closed_standard_input_is_an_error(command: CommandLine) -> None:
    process = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m eventrouter.cli dispatch app:router <&-'],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert process.returncode == 1
    assert process.stderr == "Error: can't read <stdin>: it is closed\n"


def test_a_result_that_comes_late_keeps_its_place(command: CommandLine) -> None:
    command.write(
        "late.py",
        """
from typing import Any
import anyio
from eventrouter import Router

router = Router()
second_ran = anyio.Event()

@router.on("first")
async def wait(payload: Any) -> None:
    await second_ran.wait()
    raise ValueError("late")

@router.on("second")
async def run(payload: Any) -> None:
    second_ran.set()
""",
    )
    command.write("events.ndjson", lines(event("first"), event("second")))

    found = command.run_json("dispatch", "late:router", "events.ndjson", "--concurrency", "2")

    assert found["errors"][0]["first"]["at"] == "events.ndjson:1"


def test_made_up_types_share_a_row_past_the_first_50(command: CommandLine) -> None:
    made_up = (event(f"made.up.{number}") for number in range(60))
    command.write("events.ndjson", lines(*made_up, event()))

    found = command.run_json("dispatch", "app:router", "events.ndjson")

    assert len(found["event_types"]) == 50 + 2
    assert {
        "event_type": None,
        "group": "other types",
        "status": "unrouted",
        "count": 10,
    } in found["event_types"]


def test_made_up_types_leave_known_ones_their_row(command: CommandLine) -> None:
    made_up = (event(f"made.up.{number}") for number in range(60))
    command.write("events.ndjson", lines(*made_up, event()))

    shown = command.run("dispatch", "app:router", "events.ndjson").stdout

    assert "\norder.paid " in shown
    assert "\n(other types) " in shown


def test_control_characters_of_events_do_not_reach_the_terminal(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event("\x1b[2Jgone\x07"), event(order_id="declined")))

    shown = command.run("dispatch", "app:router", "events.ndjson").stdout

    assert "\\x1b[2Jgone\\x07" in shown
    assert "\x1b[2J" not in shown


def test_no_markup_is_seen_in_what_events_say(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event("[red]order[/red]")))

    assert "[red]order[/red]" in command.run("dispatch", "app:router", "events.ndjson").stdout


def test_long_types_and_errors_fit_into_80_columns(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event("long." * 40 + "type"), event(order_id="declined")))

    shown = command.run("dispatch", "app:router", "events.ndjson").stdout

    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        (
            "ExceptionGroup('two', [KeyError('a'), ValueError('b')])",
            "two: KeyError: 'a'; ValueError: b",
        ),
        ("Unspeakable()", "Unspeakable: (its __str__ raised RuntimeError)"),
        ("ValueError('lone \\udc80')", "ValueError: lone \\udc80"),
        ("ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
def test_an_error_of_any_kind_is_shown(command: CommandLine, raised: str, shown: str) -> None:
    command.write(
        "broken.py",
        f"""
from typing import Any
from eventrouter import Router

router = Router()

class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError

@router.on("order.paid")
async def fail(payload: Any) -> None:
    raise {raised}
""",
    )
    command.write("events.ndjson", lines(event()))

    assert shown in command.run("dispatch", "broken:router", "events.ndjson").stdout


def test_a_reader_that_goes_away_ends_it_quietly(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event()))
    reading, writing = os.pipe()
    os.close(reading)

    process = command.start("dispatch", "app:router", "events.ndjson", stdout=writing)
    os.close(writing)

    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_under_standard_output_is_said(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event()))

    with open("/dev/full", "wb") as full:
        process = command.start("dispatch", "app:router", "events.ndjson", stdout=full)

    assert process.wait(60) == 1
    assert process.stderr is not None
    assert process.stderr.read().startswith("Error: can't write to standard output: ")


def terminal_output(process: subprocess.Popen[str], terminal: int) -> bytes:
    output = b""
    try:
        while chunk := os.read(terminal, 65_536):
            output += chunk
    except OSError:  # Linux says EIO where the other side is closed
        pass
    os.close(terminal)
    process.wait(60)
    return output


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_shows_progress_on_a_terminal(command: CommandLine, source: str) -> None:
    command.write("events.ndjson", lines(event()))
    terminal, side_of_process = pty.openpty()

    arguments = ["events.ndjson"] if source == "file" else []
    process = command.start("dispatch", "app:router", *arguments, stderr=side_of_process)
    os.close(side_of_process)
    assert process.stdin is not None
    process.stdin.close()
    shown = terminal_output(process, terminal)

    assert ("━" if source == "file" else "⠋").encode() in shown


def test_progress_counts_the_events_that_are_done(command: CommandLine) -> None:
    command.write(
        "slow.py",
        """
import time
from typing import Any
from eventrouter import Router

router = Router()

@router.on("order.paid")
def work(payload: Any) -> None:
    time.sleep(0.15)  # longer than progress stays as it was
""",
    )
    command.write("events.ndjson", lines(event(), event()))
    terminal, side_of_process = pty.openpty()

    process = command.start("dispatch", "slow:router", "events.ndjson", stderr=side_of_process)
    os.close(side_of_process)

    assert b" 2 events " in terminal_output(process, terminal)


def test_shows_no_progress_elsewhere(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event()))

    assert command.run("dispatch", "app:router", "events.ndjson").stderr == ""


def test_the_shop_handles_its_events_but_those_that_are_bad(command: CommandLine) -> None:
    os.chdir(ROOT)

    found = command.run_json("dispatch", "examples.shop:router", "examples/events.ndjson")

    assert found["statuses"] == {
        "handled": 210,
        "malformed": 6,
        "unrouted": 4,
        "invalid": 5,
        "failed": 3,
    }
