"""The cases that the Go original's own tests assert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from eventrouter import Event, InvalidPayload, MalformedEvent, Router
from eventrouter.timestamps import format_datetime

CASES = [
    "valid message",
    "invalid JSON",
    "truncated JSON",
    "invalid timestamp",
    "payload of the wrong type is refused, never coerced",
    "extra fields are ignored, extra metadata is kept",
]


@frozen
class SamplePayload:
    data: str


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, dict[str, Any]]:
    seed = json.loads((shared_data / "go-seed-cases.json").read_text())
    return {case["name"]: case for case in seed["decode"]}


def test_every_case_of_the_original_is_tried(cases: dict[str, dict[str, Any]]) -> None:
    assert list(cases) == CASES


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_original_ends_as_it_does_there(
    name: str, cases: dict[str, dict[str, Any]]
) -> None:
    case = cases[name]
    router = Router()
    seen: list[Event[SamplePayload]] = []

    @router.on("test_event")
    def handle(event: Event[SamplePayload]) -> None:
        seen.append(event)

    result = router.process_sync(case["raw"])

    if case["ok"]:
        _assert_read_as(seen[0], case["event"])
    elif case["error"] == "malformed":
        assert isinstance(result.error, MalformedEvent)
    else:
        assert isinstance(result.error, InvalidPayload)
        assert result.error.errors[0].path == f"$.{case['path']}"


def _assert_read_as(event: Event[SamplePayload], expected: dict[str, Any]) -> None:
    assert event.payload == SamplePayload(**expected["payload"])
    read = {
        "type": event.type,
        "version": event.version,
        "source": event.source,
        "metadata": dict(event.metadata),
        "timestamp": format_datetime(event.timestamp),
    }
    for part, value in expected.items():
        if part != "payload":
            assert read[part] == value
