"""Ctrl-C, as a real signal to a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, environment, event, lines, read_line

#: Its handlers say that they have begun, and end when each has read a byte from a named pipe.
WAITING = """
import os
import sys
from typing import Any
import anyio
from eventrouter import Router

router = Router()

def wait_for_test() -> None:
    sys.stdout.write("begun\\n")  # in one go: several do so at once
    sys.stdout.flush()
    os.read(os.open("release", os.O_RDONLY), 1)

@router.on("sync.wait")
def wait(payload: Any) -> None:
    wait_for_test()

@router.on("async.wait")
async def wait_async(payload: Any) -> None:
    await anyio.to_thread.run_sync(wait_for_test)

@router.on("order.paid")
async def settle(payload: Any) -> None:
    print("settled", flush=True)
"""


class Waiting(CommandLine):
    """Its handlers wait for the test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.write("waiting.py", WAITING)
        os.mkfifo(folder / "release")
        self._pipe = os.open(folder / "release", os.O_RDWR)  # so that neither side waits to open

    def release(self, count: int = 1) -> None:
        os.write(self._pipe, b"." * count)

    def close(self) -> None:
        super().close()
        os.close(self._pipe)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    waiting = Waiting(tmp_path)
    yield waiting
    waiting.close()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Send the first one, and wait until it is noticed."""
    process.send_signal(signal.SIGINT)
    assert read_line(process, "stderr") == "finishing what is in flight; Ctrl-C again ends at once"


def rest(process: subprocess.Popen[str]) -> str:
    """What else is printed, without closing the standard input; the process ends by itself."""
    assert process.stdout is not None
    text = process.stdout.read()
    process.wait(60)
    return text


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c_lets_what_is_in_flight_finish(waiting: Waiting, kind: str) -> None:
    waiting.write("events.ndjson", lines(event(f"{kind}.wait"), event()))
    process = waiting.start("dispatch", "waiting:router", "events.ndjson", "--json")
    assert process.stderr is not None
    assert read_line(process, "stderr") == "begun"

    press_ctrl_c(process)
    waiting.release()
    found = json.loads(rest(process))

    assert found["interrupted"] is True
    assert found["event_types"] == [{"event_type": f"{kind}.wait", "status": "handled", "count": 1}]
    assert process.returncode == 130


def test_ctrl_c_lets_all_finish_that_are_in_flight(waiting: Waiting) -> None:
    waiting.write("events.ndjson", lines(*[event("sync.wait")] * 2, event()))
    process = waiting.start("dispatch", "waiting:router", "events.ndjson", "--concurrency", "2")
    assert [read_line(process), read_line(process)] == ["begun", "begun"]

    press_ctrl_c(process)
    waiting.release(2)
    shown = rest(process)

    assert "2 events in " in shown
    assert process.returncode == 130


def test_ctrl_c_ends_it_while_it_waits_for_standard_input(waiting: Waiting) -> None:
    process = waiting.start("dispatch", "waiting:router")
    assert process.stdin is not None
    process.stdin.write(lines(event()))
    process.stdin.flush()
    assert read_line(process) == "settled"

    press_ctrl_c(process)
    shown = rest(process)

    assert "1 event in " in shown
    assert ", then interrupted\n" in shown
    assert process.returncode == 130
    assert not process.stdin.closed


def test_ctrl_c_does_not_take_half_a_line_for_an_event(waiting: Waiting) -> None:
    process = waiting.start("dispatch", "waiting:router")
    assert process.stdin is not None
    process.stdin.write(lines(event()) + event()[:20])
    process.stdin.flush()
    assert read_line(process) == "settled"

    press_ctrl_c(process)

    assert "1 event in " in rest(process)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_second_ctrl_c_ends_it_at_once(waiting: Waiting, kind: str) -> None:
    waiting.write("events.ndjson", lines(event(f"{kind}.wait")))
    process = waiting.start("dispatch", "waiting:router", "events.ndjson")
    assert read_line(process) == "begun"

    press_ctrl_c(process)
    process.send_signal(signal.SIGINT)
    shown = rest(process)

    assert process.returncode == 130
    assert shown == ""


def test_what_failed_before_is_in_the_file_after_a_second_ctrl_c(waiting: Waiting) -> None:
    waiting.write("events.ndjson", lines("{}", event("sync.wait")))
    process = waiting.start(
        "dispatch", "waiting:router", "events.ndjson", "--failed", "failed.ndjson"
    )
    assert read_line(process) == "begun"

    press_ctrl_c(process)
    process.send_signal(signal.SIGINT)
    rest(process)

    failed = (waiting.folder / "failed.ndjson").read_text()
    assert [json.loads(line)["at"] for line in failed.splitlines()] == ["events.ndjson:1"]


def test_a_process_started_to_ignore_ctrl_c_ignores_it(waiting: Waiting) -> None:
    waiting.write("events.ndjson", lines(event("sync.wait"), event()))
    process = waiting.start(
        "dispatch",
        "waiting:router",
        "events.ndjson",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert read_line(process) == "begun"

    process.send_signal(signal.SIGINT)
    waiting.release()

    assert "2 events in " in rest(process)
    assert process.returncode == 0


def test_ctrl_c_ends_other_commands_with_130(command: CommandLine) -> None:
    # Measured, it would hang for ever if it is interrupted where coverage has just taken a lock.
    measuring = "COVERAGE_PROCESS"
    unmeasured = {n: text for n, text in environment().items() if not n.startswith(measuring)}
    process = command.start("explain", "app:router", env=unmeasured)
    assert process.stdin is not None
    process.stdin.write(lines(event()))
    process.stdin.flush()
    assert read_line(process) == "<stdin>:1: order.paid"

    process.send_signal(signal.SIGINT)
    rest(process)

    assert process.returncode == 130
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
