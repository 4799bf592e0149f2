"""What ``eventrouter schema`` and ``eventrouter example`` write."""

from __future__ import annotations

import json
import sys
from unittest.mock import patch

import pytest

from tests.cli.conftest import CommandLine

VERSIONS = """
from attrs import frozen
from eventrouter import Header, MappedEnvelope, Router

router = Router()
mapped = Router(envelope=MappedEnvelope(type=Header("X-Event"), payload="$"))


@frozen
class Order:
    order_id: str


@router.on("order.paid", version="v1")
@router.on("order/é", version=None)
@router.on("order.*", version="v1@2")
@mapped.on("order.paid")
def settle(order: Order) -> None: ...
"""


def test_it_writes_one_document(command: CommandLine) -> None:
    result = command.run("schema", "app:router")

    document = json.loads(result.stdout)
    assert document["format"] == 1
    assert [(event["type"], event["version"]) for event in document["events"]] == [
        ("order.paid", None),
        ("order.shipped", "v1"),
    ]
    assert result.exit_code == 0
    assert command.run("schema", "app:router").stdout == result.stdout


def test_it_writes_a_file_for_each_type_and_version(command: CommandLine) -> None:
    command.write("versions.py", VERSIONS)

    result = command.run("schema", "versions:router", "--out", "schemas/all")

    folder = command.folder / "schemas" / "all"
    assert sorted(path.name for path in folder.iterdir()) == [
        "order%2F%C3%A9.json",
        "order.%2A@v1%402.json",
        "order.paid@v1.json",
    ]
    schema = json.loads((folder / "order.paid@v1.json").read_text())
    assert schema["title"] == "order.paid v1"
    assert result.stdout == ""
    assert result.stderr == "wrote 3 schemas to schemas/all\n"


def test_a_folder_that_can_not_be_written_to_is_an_error(command: CommandLine) -> None:
    command.write("taken", "")

    result = command.run("schema", "app:router", "--out", "taken/below")

    assert result.exit_code == 1
    assert "can't write to taken/below" in result.stderr


def test_an_example_is_an_event_on_one_line_that_is_taken(command: CommandLine) -> None:
    pytest.importorskip("polyfactory")
    command.write("versions.py", VERSIONS)
    arguments = ("example", "versions:router", "order.paid", "--version", "v1")

    result = command.run(*arguments)
    other = command.run(*arguments, "--seed", "1")
    command.write("events.ndjson", result.stdout + other.stdout)

    assert result.stdout.count("\n") == other.stdout.count("\n") == 1
    assert result.stdout != other.stdout
    assert result.stderr == ""
    assert command.run("dispatch", "versions:router", "events.ndjson").exit_code == 0


def test_headers_that_an_event_needs_are_told_beside_it(command: CommandLine) -> None:
    pytest.importorskip("polyfactory")
    command.write("versions.py", VERSIONS)

    result = command.run("example", "versions:mapped", "order.paid")

    assert result.stderr == "X-Event: order.paid\n"
    assert "order_id" in json.loads(result.stdout)


def test_an_unknown_type_is_said_to_be_one(command: CommandLine) -> None:
    pytest.importorskip("polyfactory")

    result = command.run("example", "app:router", "order.piad")

    assert result.exit_code == 1
    assert 'did you mean "order.paid"?' in result.stderr


def test_without_the_extra_one_line_says_what_to_install(command: CommandLine) -> None:
    with patch.dict(sys.modules, {"faker": None}):
        result = command.run("example", "app:router", "order.paid")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: examples need the extra: pip install 'eventrouter[examples]'\n"
    )
