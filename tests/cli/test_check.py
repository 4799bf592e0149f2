"""What ``eventrouter schema --lock`` writes and ``eventrouter check`` compares."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result

from eventrouter.schemas.rules import RULES
from tests.cli.conftest import CommandLine

BEFORE = """
from attrs import frozen
from eventrouter import Router

router = Router()

@frozen
class Order:
    order_id: str

@router.on("order.paid", version="v1")
def settle(order: Order) -> None: ...
"""
AFTER = BEFORE.replace("order_id: str", "order_id: str\n    vat: int")
WARNED = BEFORE.replace("order_id: str", "order_id: str\n    vat: int = 1")
LINE = (
    "order.paid v1 $.vat: error field-missing (backward): old producers don't send it, new code "
    "requires it; give the field a default, or handle it as a new version, with an upcaster from "
    "the old\n"
)


def checked(command: CommandLine, before: str, after: str, *arguments: str) -> Result:
    command.write("before.py", before)
    command.write("after.py", after)
    command.run("schema", "before:router", "--lock", "schemas.json")
    return command.run("check", "after:router", "--against", "schemas.json", *arguments)


def test_a_break_is_one_line_and_a_status_of_1(command: CommandLine) -> None:
    result = checked(command, BEFORE, AFTER)

    assert (result.exit_code, result.stdout) == (1, LINE)


def test_a_process_ends_with_that_status(command: CommandLine) -> None:
    checked(command, BEFORE, AFTER)

    process = command.start("check", "after:router", "--against", "schemas.json")

    assert process.communicate(timeout=60)[0] == LINE
    assert process.returncode == 1


def test_what_is_compatible_says_so(command: CommandLine) -> None:
    result = checked(command, BEFORE, BEFORE)

    assert result.exit_code == 0
    assert result.stdout == "nothing found: backward compatible with schemas.json\n"


def test_a_warning_is_shown_and_breaks_nothing(command: CommandLine) -> None:
    result = checked(command, WARNED, WARNED.replace("= 1", "= 2"))

    assert result.exit_code == 0
    assert "$.vat: warning default-changed" in result.stdout


@pytest.mark.parametrize(("mode", "status"), [("backward", 0), ("forward", 1), ("full", 1)])
def test_the_mode_says_who_must_understand_whom(
    command: CommandLine, mode: str, status: int
) -> None:
    assert checked(command, AFTER, BEFORE, "--mode", mode).exit_code == status


def test_the_lock_is_the_same_each_time_and_ends_with_a_line_break(command: CommandLine) -> None:
    first = command.run("schema", "app:router", "--lock", "one.json")
    command.run("schema", "app:router", "--lock", "two.json")

    written = (command.folder / "one.json").read_text()
    assert written == (command.folder / "two.json").read_text()
    assert written.endswith("}\n")
    assert first.stdout == ""
    assert first.stderr == "wrote 2 schemas to one.json\n"


def test_a_lock_and_files_may_be_written_at_once(command: CommandLine) -> None:
    command.run("schema", "app:router", "--lock", "lock.json", "--out", "schemas")

    assert (command.folder / "lock.json").exists()
    assert len(list((command.folder / "schemas").iterdir())) == 2


def test_a_lock_that_can_t_be_written_is_one_error(command: CommandLine) -> None:
    result = command.run("schema", "app:router", "--lock", "missing/lock.json")

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: can't write missing/lock.json: No such file or directory\n",
    )


def test_json_tells_all_of_a_finding(command: CommandLine) -> None:
    result = checked(command, BEFORE, AFTER, "--json")

    assert json.loads(result.stdout) == {
        "mode": "backward",
        "against": "schemas.json",
        "errors": 1,
        "warnings": 0,
        "findings": [
            {
                "rule": "field-missing",
                "level": "error",
                "direction": "backward",
                "event_type": "order.paid",
                "version": "v1",
                "path": "$.vat",
                "what": "old producers don't send it, new code requires it",
                "fix": "give the field a default, or handle it as a new version, with an upcaster "
                "from the old",
            }
        ],
    }
    assert result.exit_code == 1


# SARIF 2.1.0: the properties that its clauses say shall be there.


def test_sarif_has_what_the_standard_asks_for(command: CommandLine) -> None:
    log: dict[str, Any] = json.loads(checked(command, BEFORE, AFTER, "--sarif").stdout)

    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "eventrouter"
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    [result] = run["results"]
    assert result["message"] == {"text": LINE.rstrip()}
    assert result["level"] == "error"
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "field-missing"


def test_sarif_points_to_the_event_in_the_lock(command: CommandLine) -> None:
    log = json.loads(checked(command, BEFORE, AFTER, "--sarif").stdout)

    [location] = log["runs"][0]["results"][0]["locations"]
    line = location["physicalLocation"]["region"]["startLine"]
    lock = (command.folder / "schemas.json").read_text().splitlines()
    assert lock[line - 1].strip() == '"type": "order.paid",'
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "schemas.json"}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "order.paid v1 $.vat"}]


def test_sarif_of_an_event_that_the_lock_does_not_have_points_to_its_first_line(
    command: CommandLine,
) -> None:
    added = f'{BEFORE}\n@router.on("order.sent")\ndef ship(order: Order) -> None: ...\n'

    log = json.loads(checked(command, BEFORE, added, "--sarif", "--mode", "forward").stdout)

    [result] = log["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_sarif_without_findings_is_a_run_without_results(command: CommandLine) -> None:
    result = checked(command, BEFORE, BEFORE, "--sarif")

    assert json.loads(result.stdout)["runs"][0]["results"] == []
    assert result.exit_code == 0


# Wrong use


def test_one_form_of_output_is_to_be_chosen(command: CommandLine) -> None:
    result = checked(command, BEFORE, BEFORE, "--sarif", "--json")

    assert result.exit_code == 2
    assert "choose one" in result.stderr


def test_a_lock_that_is_not_there_is_wrong_use(command: CommandLine) -> None:
    result = command.run("check", "app:router", "--against", "nothing.json")

    assert result.exit_code == 2
    assert "'nothing.json' does not exist" in result.stderr


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (b"{", "it is no JSON: "),
        (b"\xff", "it is not UTF-8: "),
        (b'{"format": 2, "events": []}', "it is of format 2, and this eventrouter reads 1"),
    ],
)
def test_a_lock_that_can_t_be_read_is_one_error(
    command: CommandLine, lock: bytes, said: str
) -> None:
    command.write("schemas.json", lock)

    result = command.run("check", "app:router", "--against", "schemas.json")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: schemas.json can't be compared with: {said}")
