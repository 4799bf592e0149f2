"""Looking at dead letters, trying them again, and deleting them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from eventrouter import DeadLetter, SqliteStore, Status, StoreError
from eventrouter.stores import HandlerOutcome
from tests.cli.conftest import CommandLine, event

AWAY = "the bank is away"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

TWO_HANDLERS = """
from pathlib import Path
from typing import Any
from eventrouter import Router

router = Router()

@router.on("order.paid")
async def audit(payload: Any) -> None:
    print("audited")

@router.on("order.paid")
async def settle(payload: dict[str, str]) -> None:
    print(f"settling {payload['order_id']}")
    if not Path("bank-is-back").exists():
        raise ConnectionError("the bank is away")
"""


def letter(minute: int = 0, **parts: Any) -> DeadLetter:
    given: dict[str, Any] = {
        "raw": event().encode(),
        "status": Status.FAILED,
        "error": "builtins.OSError",
        "message": AWAY,
        "type": "order.paid",
    }
    return DeadLetter(**{**given, "received": NOON + timedelta(minutes=minute), **parts})


class Letters(CommandLine):
    """The command line, and a file with dead letters."""

    def add(self, *letters: DeadLetter) -> None:
        store = SqliteStore(self.folder / "events.db")

        async def add() -> None:
            await store.count_letters()
            for one in letters:
                await store.add_letter(one)

        anyio.run(add)
        store.close()

    def left(self) -> list[str]:
        store = SqliteStore(self.folder / "events.db")
        page = anyio.run(store.find_letters)
        return sorted(one.id for one in page.letters)

    def command(self, name: str, *arguments: str, **how: Any) -> Any:
        return self.run("dead-letters", name, *arguments, "--store", "events.db", **how)


@pytest.fixture
def letters(command: CommandLine) -> Letters:
    letters = Letters(command.folder)
    letters.write("shop.py", TWO_HANDLERS)
    return letters


# list


def test_dead_letters_are_listed_the_last_first(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    letters.add(
        letter(attempts=5, version="v1"),
        letter(1, status=Status.MALFORMED, type=None, error="eventrouter.errors.MalformedEvent"),
    )

    result = letters.command("list")

    assert result.exit_code == 0, result.output
    assert [line.split("  ") for line in squeezed(result.stdout)] == [
        ["id", "received", "event", "outcome", "error"],
        ["2", "2026-05-04 12:01:00Z", "(no event)", "malformed", f"MalformedEvent: {AWAY}"],
        ["1", "2026-05-04 12:00:00Z", "order.paid v1", "failed (5 attempts)", f"OSError: {AWAY}"],
    ]


def squeezed(table: str) -> list[str]:
    """The rows of a table, two spaces between cells, and without the line under the head."""
    head, _, *rows = table.splitlines()
    return [re.sub("  +", "  ", row) for row in (head, *rows)]


def test_a_narrow_terminal_loses_no_id(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    letters.add(*[letter(message="m" * 200) for _ in range(12)])

    shown = letters.command("list").stdout

    assert all(f"\n{number} " in f"\n{shown}" for number in range(1, 13))


def test_no_more_are_listed_than_asked_for(letters: Letters) -> None:
    letters.add(*[letter(minute) for minute in range(150)])

    shown = letters.command("list", "--limit", "101").stdout

    assert "\n150 " in shown
    assert "\n50 " in shown
    assert "\n49 " not in shown
    assert shown.endswith("\nthese are 101 of 150 dead letters; see --limit\n")


def test_no_dead_letters_are_said_to_be_none(letters: Letters) -> None:
    letters.add()

    assert letters.command("list").stdout == "no dead letters\n"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--type", "order.sent"), ["2"]),
        (("--version", "v2"), ["3"]),
        (("--status", "invalid"), ["4"]),
        (("--error", "shop.Lost"), ["5"]),
        (("--since", "2026-05-04T12:10:00Z"), ["6"]),
        (("--until", "2026-05-04T14:00:01+02:00"), ["1", "2", "3", "4", "5"]),
        (("--since", "2w"), []),
        (("--type", "order.paid", "--version", "v2"), ["3"]),
    ],
    ids=str,
)
def test_dead_letters_are_found_by_what_they_have_in_common(
    letters: Letters, options: tuple[str, ...], found: list[str]
) -> None:
    letters.add(
        letter(),
        letter(type="order.sent"),
        letter(version="v2"),
        letter(status=Status.INVALID),
        letter(error="shop.Lost"),
        letter(10),
    )

    listed = json.loads(letters.command("list", "--json", *options).stdout)

    assert sorted(one["id"] for one in listed) == found


@pytest.mark.parametrize("time", ["yesterday", "2026-05-04", "12", "999999w", "-1d"])
def test_what_is_no_time_is_refused(letters: Letters, time: str) -> None:
    letters.add()

    result = letters.command("list", f"--since={time}")

    assert result.exit_code == 2
    assert "is neither a time such as" in " ".join(result.stderr.split())


def test_as_json_a_list_tells_all_but_the_event(letters: Letters) -> None:
    letters.add(letter(handlers=(HandlerOutcome("shop.settle", 3, "shop.Lost"),), event_id="e-1"))

    [listed] = json.loads(letters.command("list", "--json").stdout)

    assert listed == {
        "id": "1",
        "received": "2026-05-04T12:00:00+00:00",
        "type": "order.paid",
        "version": None,
        "event_id": "e-1",
        "status": "failed",
        "error": "builtins.OSError",
        "message": AWAY,
        "attempts": 1,
        "handlers": [{"handler": "shop.settle", "attempts": 3, "error": "shop.Lost"}],
    }


def test_what_strangers_wrote_rules_no_terminal(letters: Letters) -> None:
    letters.add(letter(message="\x1b[2J[red]gone", type="a\x1b]0;b", headers={"x": "\x1b[1m"}))

    shown = letters.command("list").stdout + letters.command("show", "1").stdout

    assert "\x1b" not in shown
    assert "[red]gone" in shown


def test_a_file_that_is_not_there_is_not_made(letters: Letters) -> None:
    result = letters.command("list")

    assert result.exit_code == 2
    assert not (letters.folder / "events.db").exists()


def test_a_store_that_fails_is_told_of_in_a_line(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.add(letter())

    async def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("events.db: the disk is full")

    for method in ("find_letters", "get_letter", "remove_letters", "purge_letters"):
        monkeypatch.setattr(SqliteStore, method, fail)
    results = [
        letters.command("list"),
        letters.command("show", "1"),
        letters.command("replay", "shop:router", "1"),
        letters.command("discard", "--all", "--yes"),
        letters.command("purge", "--before", "0s", "--yes"),
    ]

    assert {(r.exit_code, r.stderr) for r in results} == {
        (1, "Error: events.db: the disk is full\n")
    }


# show


def test_all_that_is_kept_of_a_dead_letter_is_shown(letters: Letters) -> None:
    letters.add(
        letter(
            raw=b'{"x": "\xff"}',
            headers={"X-Id": "7"},
            attempts=2,
            traceback='Traceback:\n  File "shop.py", line 3\n',
            handlers=(
                HandlerOutcome("shop.audit", 1),
                HandlerOutcome("shop.settle", 2, "builtins.ConnectionError"),
            ),
        )
    )

    assert letters.command("show", "1").stdout == (
        "event     order.paid\n"
        "event id  (none)\n"
        "received  2026-05-04 12:00:00Z\n"
        "outcome   failed after 2 attempts\n"
        "error     builtins.OSError\n"
        "message   the bank is away\n"
        "\n"
        "handlers\n"
        "  shop.audit: done\n"
        "  shop.settle: failed with builtins.ConnectionError\n"
        "\n"
        "headers\n"
        "  X-Id: 7\n"
        "\n"
        "traceback\n"
        "  Traceback:\n"
        '    File "shop.py", line 3\n'
        "\n"
        "raw\n"
        '  {"x": "\\xff"}\n'
    )


def test_a_dead_letter_without_more_is_shown_without_more(letters: Letters) -> None:
    letters.add(letter(type=None, event_id="e-1"))

    shown = letters.command("show", "1").stdout

    assert shown.startswith("event     (no event)\nevent id  e-1\n")
    assert "headers" not in shown


def test_the_event_alone_is_printed_byte_for_byte(letters: Letters) -> None:
    letters.add(letter(raw=b'\xff\x00{"a":\r\n1}'))

    assert letters.command("show", "1", "--raw").stdout_bytes == b'\xff\x00{"a":\r\n1}'


@pytest.mark.parametrize(
    ("raw", "member"),
    [(b'{"a": 1}', ("raw", '{"a": 1}')), (b"\xff", ("raw_base64", "/w=="))],
)
def test_as_json_the_event_is_text_if_it_is_any(
    letters: Letters, raw: bytes, member: tuple[str, str]
) -> None:
    letters.add(letter(raw=raw, headers={"X-Id": "7"}))

    shown = json.loads(letters.command("show", "1", "--json").stdout)

    assert shown[member[0]] == member[1]
    assert shown["headers"] == {"X-Id": "7"}


def test_two_ways_to_show_it_at_once_are_refused(letters: Letters) -> None:
    letters.add(letter())

    assert letters.command("show", "1", "--raw", "--json").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "7"),
        ("discard", "7", "--yes"),
        ("discard", "1", "7", "--yes"),
        ("replay", "shop:router", "1", "7", "--run"),
    ],
    ids=str,
)
def test_an_id_that_is_not_there_is_an_error_before_anything_is_done(
    letters: Letters, arguments: tuple[str, ...]
) -> None:
    letters.write("bank-is-back", "")
    letters.add(letter())

    result = letters.command(*arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert 'there is no dead letter with the id "7"' in result.stderr
    assert letters.left() == ["1"]


# replay


def test_what_would_run_is_said_and_nothing_is_run(letters: Letters) -> None:
    letters.add(letter(), letter(raw=b"{"))

    result = letters.command("replay", "shop:router", "--all")

    assert result.exit_code == 1
    assert "would run" in result.stdout
    assert "shop.audit, shop.settle" in result.stdout
    assert "would not run" in result.stdout
    assert "nothing was run; --run replays 2 dead letters" in result.stdout
    assert "settling" not in result.stdout
    assert letters.left() == ["1", "2"]


def test_what_is_handled_is_gone_and_what_fails_again_stays(letters: Letters) -> None:
    letters.write("bank-is-back", "")
    letters.add(letter(), letter(raw=event("order.lost").encode(), type="order.lost"))

    result = letters.command("replay", "shop:router", "1", "2", "--run")

    assert result.exit_code == 1
    assert "audited\nsettling o-1\n" in result.stdout
    assert "UnknownType" in result.stdout
    assert "1 dead letter handled and gone; 1 stays" in result.stdout
    assert letters.left() == ["2"]


def failed_in_settle(**parts: Any) -> DeadLetter:
    outcomes = (
        HandlerOutcome("shop.audit", 1),
        HandlerOutcome("shop.settle", 1, "builtins.ConnectionError"),
    )
    return letter(handlers=outcomes, **parts)


def test_only_the_handlers_that_failed_are_run(letters: Letters) -> None:
    letters.write("bank-is-back", "")
    letters.add(failed_in_settle())

    result = letters.command("replay", "shop:router", "1", "--run")

    assert (result.exit_code, letters.left()) == (0, [])
    assert result.stdout.startswith("settling o-1\n")


def test_all_handlers_are_run_if_asked_for(letters: Letters) -> None:
    letters.write("bank-is-back", "")
    letters.add(failed_in_settle())

    result = letters.command("replay", "shop:router", "1", "--run", "--all-handlers")

    assert result.stdout.startswith("audited\nsettling o-1\n")


def test_a_handler_that_failed_and_is_gone_is_no_success(letters: Letters) -> None:
    letters.add(letter(handlers=(HandlerOutcome("shop.renamed", 1, "builtins.OSError"),)))

    result = letters.command("replay", "shop:router", "1", "--run", "--json")

    [line] = json.loads(result.stdout)
    assert (result.exit_code, line["ok"], line["outcome"]) == (1, False, "not run")
    assert line["text"].startswith('no handler "shop.renamed" takes the event now')
    assert line["text"].endswith("; see --all-handlers")
    assert letters.left() == ["1"]


def test_an_edited_event_takes_the_place_of_what_arrived(letters: Letters) -> None:
    letters.write("bank-is-back", "")
    letters.write("mended.json", event(order_id="mended"))
    letters.add(letter(raw=b'{"event_type": "order.paid", "payload": 7}'))

    result = letters.command(
        "replay", "shop:router", "1", "--edited", "mended.json", "--run", "--json"
    )

    assert result.stderr == "audited\nsettling mended\n"
    assert json.loads(result.stdout) == [
        {"id": "1", "type": "order.paid", "ok": True, "outcome": "handled", "text": ""}
    ]
    assert letters.left() == []


def test_an_edited_event_takes_the_place_of_one_alone(letters: Letters) -> None:
    letters.write("mended.json", event())
    letters.add(letter(), letter())

    result = letters.command("replay", "shop:router", "1", "2", "--edited", "mended.json")

    assert result.exit_code == 2
    assert "name one id" in result.stderr


def test_dead_letters_are_replayed_by_what_they_have_in_common(letters: Letters) -> None:
    letters.write("bank-is-back", "")
    letters.add(*[letter(minute, type=f"order.{minute % 2}") for minute in range(230)])

    result = letters.command("replay", "shop:router", "--type", "order.1", "--run")

    assert "115 dead letters handled and gone\n" in result.stdout
    assert len(letters.left()) == 100  # a page of those that are left, which are 115


def test_nothing_to_replay_is_no_error(letters: Letters) -> None:
    letters.add()

    result = letters.command("replay", "shop:router", "--all")

    assert (result.exit_code, result.stdout) == (0, "no dead letters\n")


@pytest.mark.parametrize("arguments", [(), ("1", "--all"), ("1", "--type", "a")], ids=str)
@pytest.mark.parametrize("name", [("replay", "shop:router"), ("discard",)], ids=str)
def test_dead_letters_are_named_in_one_way(
    letters: Letters, name: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    letters.add(letter())

    assert letters.command(*name, *arguments).exit_code == 2
    assert letters.left() == ["1"]


# discard and purge


def test_nothing_is_deleted_unless_that_is_meant(letters: Letters) -> None:
    letters.add(letter(), letter())

    for answer in ("n\n", "", "maybe\nn\n"):
        for command in (("discard", "1"), ("purge", "--before", "2027-01-01T00:00:00Z")):
            result = letters.command(*command, input=answer)
            assert result.exit_code == 1
            assert "nothing was deleted" in result.stderr

    assert letters.left() == ["1", "2"]


def test_what_is_discarded_is_gone(letters: Letters) -> None:
    letters.add(letter(), letter(), letter(type="order.sent"))

    asked = letters.command("discard", "1", "1", input="y\n")
    by_type = letters.command("discard", "--type", "order.sent", "--yes")

    assert "delete 1 dead letter for good? [y/N]: " in asked.stdout
    assert "discarded 1 dead letter\n" in asked.stdout
    assert by_type.stdout == "discarded 1 dead letter\n"
    assert letters.left() == ["2"]


def test_many_are_discarded_in_steps(letters: Letters) -> None:
    letters.add(*[letter()] * 1_003)

    assert letters.command("discard", "--all", "--yes").stdout == "discarded 1,003 dead letters\n"
    assert letters.left() == []


def test_what_arrived_before_a_time_is_purged(letters: Letters) -> None:
    letters.add(letter(0), letter(1), letter(2))

    result = letters.command("purge", "--before", "2026-05-04T12:02:00Z", "--yes")

    assert result.stdout == "purged 2 dead letters\n"
    assert letters.left() == ["3"]


def test_nothing_to_delete_is_not_asked_about(letters: Letters) -> None:
    letters.add()

    assert letters.command("purge", "--before", "30d").stdout == "no dead letters\n"
    assert letters.command("discard", "--all").stdout == "no dead letters\n"
