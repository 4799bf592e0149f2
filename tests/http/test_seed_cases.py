"""The cases that the Go original's tests of its HTTP handler assert."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from eventrouter import Event, Router
from tests.http.conftest import Endpoint

CASES = [
    "success",
    "unreadable event",
    "business error",
    "before hook error",
    "after hook error",
]


@frozen
class SamplePayload:
    data: str


class BusinessError(Exception):
    pass


@define
class Seen:
    """What was called, and what the after hook was told."""

    handler_called: bool = False
    after: list[BaseException | None] = field(factory=list)


@pytest.fixture(scope="module")
def seed(shared_data: Path) -> dict[str, Any]:
    cases: dict[str, Any] = json.loads((shared_data / "go-seed-cases.json").read_text())
    return cases


def test_every_case_of_the_original_is_tried(seed: dict[str, Any]) -> None:
    assert [case["name"] for case in seed["http"]] == CASES


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_original_is_answered_as_there(
    endpoint: Endpoint, seed: dict[str, Any], name: str
) -> None:
    case = next(case for case in seed["http"] if case["name"] == name)
    valid = next(case["raw"] for case in seed["decode"] if case["name"] == "valid message")
    seen = Seen()
    endpoint.mount(router_of(case["given"], seen))

    event = case["given"] if case["given"].startswith("{") else valid
    reply = endpoint.send(event.encode())

    assert reply.status == case["status"]
    if "handler_called" in case:
        assert seen.handler_called is case["handler_called"]
    if case.get("after_hook_sees") == "that error":
        assert [type(error) for error in seen.after] == [BusinessError]


def router_of(given: str, seen: Seen) -> Router:
    router = Router()

    def raising_if(place: str) -> Callable[[], None]:
        def check() -> None:
            if given == f"the {place} raises":
                raise BusinessError

        return check

    in_handler = raising_if("handler")
    in_before, in_after = raising_if("before hook"), raising_if("after hook")

    @router.on("test_event")
    async def handle(payload: SamplePayload) -> None:
        seen.handler_called = True
        in_handler()

    @router.before
    async def before(event: Event[Any]) -> None:
        in_before()

    @router.after
    async def after(event: Event[Any], error: BaseException | None) -> None:
        seen.after.append(error)
        in_after()

    return router
