"""The benchmarks run, check what they time, and work out the targets from what was measured."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.contenders import PEERS, load
from benchmarks.contenders.contender import Contender, Seen, at_once
from benchmarks.endpoints import NotHandled, called
from benchmarks.events import SAMPLES, Sample, fields_of
from benchmarks.payloads.classes import Repository, User, UserCreated
from benchmarks.rounds import Run, measure, repeated
from benchmarks.tables import QUICK, TABLES
from benchmarks.tables.dispatching import ContenderFailed, check
from benchmarks.tables.memory import held_while
from benchmarks.targets import Target, targets
from tests.documents import ROOT

SMALL = SAMPLES[0]


def table(**microseconds: float) -> dict[str, Any]:
    """A table of dispatching with one framework that does the same work, and one that does not."""
    names = {
        "floor": "msgspec, one pass",
        "router": "eventrouter",
        "middleware": "eventrouter, middleware",
        "lato": "lato",
        "blinker": "blinker + msgspec",
    }
    return {
        "seconds": {"small": {names[name]: taken / 1e6 for name, taken in microseconds.items()}},
        "contenders": {
            "lato": {"kind": "framework", "does_the_same_work": True},
            "blinker + msgspec": {"kind": "framework", "does_the_same_work": False},
        },
    }


def target(tables: dict[str, Any], name: str) -> Target:
    return next(found for found in targets(tables) if found.name.startswith(name))


# Targets


def test_a_ratio_at_its_limit_is_met_and_one_above_it_is_not() -> None:
    name = "small: eventrouter / msgspec, one pass"

    assert target({"dispatch": table(floor=1, router=2)}, name).is_met is True
    assert target({"dispatch": table(floor=1, router=2.1)}, name).is_met is False


def test_a_ratio_that_must_be_high_is_not_met_below_its_limit() -> None:
    name = "small: blinker + msgspec / eventrouter"

    assert target({"dispatch": table(blinker=2, router=2)}, name).is_met is True
    assert target({"dispatch": table(blinker=1.9, router=2)}, name).is_met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {found.is_met for found in targets({})} == {None}


def test_the_nearest_framework_is_one_that_does_the_same_work() -> None:
    found = target(
        {"dispatch": table(router=1, blinker=2, lato=30)}, "small: the nearest framework"
    )

    assert found.name == "small: the nearest framework (lato) / eventrouter"
    assert found.measured == pytest.approx(30)


def test_the_limit_of_a_middleware_is_half_a_microsecond_as_a_part_of_one_dispatch() -> None:
    found = target({"dispatch": table(router=2, middleware=2.3)}, "small: what a middleware adds")

    assert found.measured == pytest.approx(0.15)
    assert found.limit == pytest.approx(0.25)
    assert found.is_met


def test_memory_is_held_to_the_difference_between_the_most_and_the_least() -> None:
    held = {"10 %": 30 * 2**20, "50 %": 41 * 2**20, "100 %": 35 * 2**20}
    found = target({"memory": {"events": 1_000, "bytes": held}}, "1,000 events")

    assert (found.measured, found.is_met) == (11, False)


def test_over_http_each_way_is_held_to_the_one_written_by_hand() -> None:
    seconds = {"eventrouter, in Starlette": 2.0, "by hand, in Starlette": 1.0}
    found = target({"http": {"seconds": {"small": seconds}}}, "small: eventrouter, in Starlette")

    assert (found.measured, found.limit, found.is_met) == (2.0, 1.0, False)


def test_upcasting_is_held_to_the_calls_it_makes_and_other_events_to_what_they_cost() -> None:
    seconds = {"v5, no upcasters": 1.0, "v5": 1.06, "v1, then four calls": 2.0}
    seconds["v1 to v5, upcast"] = 2.08
    found = targets({"upcasts": {"msgspec": seconds}})

    met = {target.name: target.is_met for target in found if target.name.startswith("msgspec: v")}

    assert met == {
        "msgspec: v1 to v5, upcast / v1, then four calls": True,
        "msgspec: v5 / v5, no upcasters": False,
    }


def test_a_policy_is_held_to_none_and_to_the_same_by_hand() -> None:
    seconds = {"no policy": 1.0, "retry=": 1.06}
    seconds |= {"anyio.fail_after in the handler": 4.0, "timeout=": 4.0}
    found = targets({"policies": seconds})

    met = {target.name: target.is_met for target in found if target.measured is not None}

    assert met == {
        "retry= / no policy": False,
        "timeout= / anyio.fail_after in the handler": True,
    }


def test_others_may_take_twice_as_long_where_there_are_poison_events() -> None:
    seconds = {"memory": {"without": 1.0, "with": 2.0}, "SQLite": {"without": 1.0, "with": 2.1}}
    found = targets({"poison": {"seconds": seconds}})

    met = {target.name: target.is_met for target in found if target.measured is not None}

    assert met == {
        "memory: others' 95th percentile, with poison events / without": True,
        "SQLite: others' 95th percentile, with poison events / without": False,
    }


# Contenders


def opens(payload: object, count: int) -> Contender:
    def make(sample: Sample, seen: Seen) -> Run:
        async def dispatch(raw: object) -> None:
            seen.count, seen.last = count, payload

        return repeated(dispatch, sample.raw)

    return Contender("faulty", "framework", at_once(make))


async def checked(contender: Contender) -> None:
    seen = Seen()
    async with contender.open(SMALL, seen) as run:
        await check(contender, SMALL, seen, run)


@pytest.mark.parametrize(
    ("payload", "count", "message"),
    [
        (SMALL.expected, 1, "a dict is no typed payload"),
        (UserCreated("12345", "johndoe", 43), 1, "the payload is"),
        (UserCreated("12345", "johndoe", 42), 0, "0 handlers ran, not 1"),
    ],
)
def test_a_contender_that_does_not_do_the_work_fails_loudly(
    payload: object, count: int, message: str
) -> None:
    with pytest.raises(ContenderFailed, match=message):
        asyncio.run(checked(opens(payload, count)))


def test_what_is_not_installed_is_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "benchmarks.contenders.orjson_cattrs"
    monkeypatch.setattr("benchmarks.contenders.PEERS", PEERS[2:5:2])
    monkeypatch.delitem(sys.modules, absent, raising=False)
    monkeypatch.setitem(sys.modules, "orjson", None)

    loaded = load()

    assert loaded.missing == {"orjson": "not installed (no module orjson)"}
    assert {contender.kind for contender in loaded.contenders} == {"eventrouter"}


def test_the_large_event_is_a_real_delivery_of_about_20_kb() -> None:
    assert 18_000 < len(SAMPLES[2].payload) < 26_000


def test_the_fields_of_a_typed_payload_are_dicts_all_the_way_down() -> None:
    owner = User("ada", 1, "User")

    assert fields_of([Repository("ada/tea", True, owner)]) == [
        {
            "full_name": "ada/tea",
            "private": True,
            "owner": {"login": "ada", "id": 1, "type": "User"},
        }
    ]


# Running


def test_the_median_is_of_one_event_whatever_a_turn_takes() -> None:
    async def sleep(raw: object) -> None:
        await asyncio.sleep(0.002)

    found = asyncio.run(measure({"sleeps": repeated(sleep, b"")}, rounds=2, turn=0.01))

    assert 0.002 <= found["sleeps"] < 0.02


def test_memory_is_told_along_the_way() -> None:
    assert asyncio.run(held_while(20)).keys() == {"10 %", "50 %", "100 %", "peak"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the command has run once, quickly."""
    folder = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "dispatch", "memory"]
    finished = subprocess.run(
        [*command, "--json", "results.json", "--svg", "pictures/benchmarks.svg"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (folder / "printed.txt").write_text(finished.stdout)
    return folder


@pytest.fixture
def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


def test_the_command_measures_each_contender_for_each_size(results: dict[str, Any]) -> None:
    dispatch = results["tables"]["dispatch"]

    assert set(dispatch["seconds"]) == {"small", "medium", "large"}
    for seconds in dispatch["seconds"].values():
        assert seconds.keys() == dispatch["contenders"].keys()
        assert all(taken > 0 for taken in seconds.values())


def test_the_command_keeps_where_and_when_it_ran(results: dict[str, Any]) -> None:
    machine = results["machine"]

    assert machine["date"]
    assert machine["cpu"]
    assert machine["versions"].keys() == {peer.distribution for peer in PEERS}


def test_the_command_keeps_the_targets_it_prints(folder: Path, results: dict[str, Any]) -> None:
    printed = (folder / "printed.txt").read_text()

    assert [found["name"] for found in results["targets"]] == [
        found.name for found in targets(results["tables"])
    ]
    assert all(found["name"] in printed for found in results["targets"])


def test_each_peer_is_measured_or_said_not_to_be_installed(
    folder: Path, results: dict[str, Any]
) -> None:
    printed = (folder / "printed.txt").read_text()

    for peer, version in results["machine"]["versions"].items():
        assert (version is None) == (f"{peer}: not installed" in printed), peer


def test_the_picture_is_small_and_its_text_is_text(folder: Path, results: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'benchmarks' is not installed")
    picture = (folder / "pictures" / "benchmarks.svg").read_text()

    assert len(picture.encode()) < 100_000
    assert "eventrouter, three handlers</text>" in picture
    assert results["machine"]["date"] in picture
    assert results["machine"]["cpu"] in picture


def test_the_table_of_upcasts_compares_each_kind_with_its_own_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("msgspec")
    written = tmp_path / "upcasts.json"

    main(["--quick", "--only", "upcasts", "--json", str(written)])

    kinds = json.loads(written.read_text())["tables"]["upcasts"]
    assert kinds.keys() == {"msgspec", "standard library"}
    assert all(taken > 0 for seconds in kinds.values() for taken in seconds.values())
    assert "x v1, then four calls" in capsys.readouterr().out


def test_the_table_of_policies_compares_each_with_its_own_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "policies.json"

    main(["--quick", "--only", "policies", "--json", str(written)])

    assert all(
        taken > 0 for taken in json.loads(written.read_text())["tables"]["policies"].values()
    )
    assert "x anyio.fail_after in the handler" in capsys.readouterr().out


def test_the_table_of_poison_times_the_others_with_each_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It fails unless each poison event had its attempts, and left its bytes."""
    written = tmp_path / "poison.json"

    main(["--quick", "--only", "poison", "--json", str(written)])

    table = json.loads(written.read_text())["tables"]["poison"]
    assert table["events"] == {"good": 20, "poison": 2, "attempts": 6}
    for store in ("memory", "SQLite", "SQLite, the disk not waited for"):
        assert all(taken > 0 for taken in table["seconds"][store].values())
    assert "SQLite, with poison events" in capsys.readouterr().out


def test_every_table_can_be_asked_for_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "sleeping.json"

    main(["--quick", "--only", "sleeping", "--json", str(written)])

    assert json.loads(written.read_text())["tables"].keys() == {"sleeping"}
    assert "dispatch_many, 1,000 at a time" in capsys.readouterr().out


def test_the_table_of_http_times_both_endpoints_each_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "http.json"

    main(["--quick", "--only", "http", "--json", str(written)])

    seconds = json.loads(written.read_text())["tables"]["http"]["seconds"]
    ways = ("the endpoint", "in Starlette", "under uvicorn")
    for size in ("small", "medium", "large"):
        assert seconds[size].keys() == {
            f"{by}, {w}" for by in ("by hand", "eventrouter") for w in ways
        }
        assert all(taken > 0 for taken in seconds[size].values())
    assert "by hand, under uvicorn" in capsys.readouterr().out


def test_without_starlette_the_table_of_http_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "benchmarks.endpoints", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    found = TABLES["http"].results(QUICK)

    assert TABLES["http"].lines(found) == ["endpoints: not installed (no module uvicorn)"]


def test_an_endpoint_that_does_not_answer_200_is_not_timed() -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 422, "headers": []})

    async def call_once() -> None:
        async with called(lambda sample, seen: refuse)(SMALL, Seen()) as run:
            await run(1)

    with pytest.raises(NotHandled, match="422"):
        asyncio.run(call_once())
