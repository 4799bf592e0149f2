"""The file of what was not handled, written and read again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine, event, lines

NOT_UTF_8 = b'{"event_type": "order.\xff\xfe"}'


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_what_was_not_handled_is_written_with_its_error(command: CommandLine) -> None:
    declined = event(order_id="declined")
    command.write("events.ndjson", lines(event(), "", declined))

    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    assert records(command.folder / "failed.ndjson") == [
        {
            "failed_event": declined,
            "status": "failed",
            "error": {"type": "Declined", "message": "the bank said no"},
            "at": "events.ndjson:3",
        }
    ]


def test_bytes_that_are_not_utf_8_are_written_as_base64(command: CommandLine) -> None:
    command.write("events.ndjson", NOT_UTF_8)

    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    [record] = records(command.folder / "failed.ndjson")
    assert record["failed_event_base64"] == "eyJldmVudF90eXBlIjogIm9yZGVyLv/+In0="
    assert "failed_event" not in record


def test_reading_it_dispatches_the_originals(command: CommandLine) -> None:
    command.write(
        "mended.py",
        "from app import *\nfrom app import router\n@router.fallback\n"
        "async def take(payload: object) -> None: ...\n",
    )
    command.write("events.ndjson", lines(event("order.lost"), event("order.found")))
    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    found = command.run_json("dispatch", "mended:router", "failed.ndjson")

    assert [row["event_type"] for row in found["event_types"]] == ["order.lost", "order.found"]
    assert found["ok"] == 2


def test_writing_it_again_gives_the_same_file(command: CommandLine) -> None:
    bad = [
        event(order_id="declined").encode(),
        "not JSON: grüße \u2028 \U0001f680".encode(),
        b"[1, NaN]\r",
        b'\t{"event_type": 7}  ',
        NOT_UTF_8,
        b"\x00\x1b",
        b'"\\ud800"',
    ]
    command.write("events.ndjson", b"\n".join(bad))

    command.run("dispatch", "app:router", "events.ndjson", "--failed", "one.ndjson")
    command.run("dispatch", "app:router", "one.ndjson", "--failed", "two.ndjson")

    one, two = ((command.folder / name).read_bytes() for name in ("one.ndjson", "two.ndjson"))
    assert len(one.splitlines()) == len(bad)
    assert two == one


def test_a_failure_read_again_is_shown_at_its_line_there(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event(), event(), "{}"))
    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    found = command.run_json("dispatch", "app:router", "failed.ndjson")

    assert found["errors"][0]["first"]["at"] == "failed.ndjson:1"


def test_what_was_in_the_file_is_replaced(command: CommandLine) -> None:
    command.write("events.ndjson", lines(event()))
    path = command.write("failed.ndjson", "old")

    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    assert path.read_bytes() == b""


def test_a_wrong_application_leaves_the_file_as_it_was(command: CommandLine) -> None:
    path = command.write("failed.ndjson", "old")

    command.run("dispatch", "app:absent", "--failed", "failed.ndjson")

    assert path.read_text() == "old"


@pytest.mark.parametrize("way", ["same", "symbolic link", "hard link"])
def test_the_file_being_read_is_refused(command: CommandLine, way: str) -> None:
    read = command.write("events.ndjson", lines(event()))
    written = command.folder / {"same": "events.ndjson"}.get(way, "link")
    if way == "symbolic link":
        written.symlink_to(read)
    elif way == "hard link":
        written.hardlink_to(read)

    result = command.run("dispatch", "app:router", "events.ndjson", "--failed", str(written))

    assert result.exit_code == 2
    assert "is being read, and would be emptied first" in result.stderr
    assert read.read_text() == lines(event())


def test_the_file_that_standard_input_comes_from_is_refused(command: CommandLine) -> None:
    read = command.write("events.ndjson", lines(event()))

    with read.open() as standard_input:
        process = command.start(
            "dispatch", "app:router", "--failed", "events.ndjson", stdin=standard_input
        )

    assert process.wait(60) == 2
    assert read.read_text() == lines(event())


def test_says_how_many_events_it_has_written(command: CommandLine) -> None:
    command.write("events.ndjson", lines("{}", "[]", event()))

    result = command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    assert result.stdout.endswith("\n2 events written to failed.ndjson\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_stops_the_reading_and_is_said(command: CommandLine) -> None:
    command.write("events.ndjson", lines("{}", event(), event()))

    result = command.run("dispatch", "app:router", "events.ndjson", "--failed", "/dev/full")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: can't write /dev/full: ")
    assert "1 event in " in result.stdout


@pytest.mark.parametrize(
    "line",
    [
        '{"event_type": "order.paid", "payload": {"order_id": "o"}, "failed_event": "{}"}',
        '{"failed_event": 1, "status": "failed"}',
        '{"failed_event": "a", "failed_event_base64": "YQ=="}',
        '{"failed_event_base64": "not base64!"}',
        '{"failed_event": "\\ud800"}',
        '["failed_event"]',
        '"failed_event',
        '{"failed_event": ' + "[" * 100_000,
    ],
)
def test_a_line_that_only_resembles_one_of_the_file_is_an_event(
    command: CommandLine, line: str
) -> None:
    command.write("events.ndjson", line)

    command.run("dispatch", "app:router", "events.ndjson", "--failed", "failed.ndjson")

    failed = records(command.folder / "failed.ndjson")
    assert [record["failed_event"] for record in failed] in ([line], [])


def test_an_event_that_only_mentions_it_is_handled(command: CommandLine) -> None:
    command.write("events.ndjson", event(order_id='"failed_event"'))

    assert command.run("dispatch", "app:router", "events.ndjson").exit_code == 0


def test_an_error_with_half_a_surrogate_pair_is_written(command: CommandLine) -> None:
    command.write(
        "broken.py",
        """
from typing import Any
from eventrouter import Router

router = Router()

@router.on("order.paid")
async def fail(payload: Any) -> None:
    raise ValueError("\\udc80")
""",
    )
    command.write("events.ndjson", event())

    command.run("dispatch", "broken:router", "events.ndjson", "--failed", "failed.ndjson")

    [record] = records(command.folder / "failed.ndjson")
    assert record["error"]["message"] == "\udc80"


def test_a_file_whose_name_is_not_utf_8_is_named_all_the_same(command: CommandLine) -> None:
    name = os.fsdecode(b"\xff.ndjson")
    try:
        (command.folder / name).write_text("{}")
    except OSError:
        pytest.skip("this file system has no such names")

    command.run("dispatch", "app:router", name, "--failed", "failed.ndjson")

    [record] = records(command.folder / "failed.ndjson")
    assert record["at"] == "\ufffd.ndjson:1"
