"""What is ASGI's own: mounting, messages, cancellation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from eventrouter import Router
from eventrouter.integrations.http import asgi
from tests.events import raw_event
from tests.http.calls import call, post, receiving, scope_of
from tests.http.servers import JSON


@pytest.fixture
def handled(router: Router) -> list[Any]:
    given: list[Any] = []

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        given.append(payload)

    return given


@pytest.mark.anyio
async def test_a_body_may_come_in_several_messages(router: Router, handled: list[Any]) -> None:
    event = raw_event()
    parts = [{"type": "http.request", "body": bytes([b]), "more_body": True} for b in event]

    reply = await call(asgi(router), [*parts, {"type": "http.request"}])

    assert reply is not None
    assert (reply.status, len(handled)) == (200, 1)


@pytest.mark.anyio
async def test_a_sender_who_goes_away_gets_no_answer_and_nothing_is_processed(
    router: Router, handled: list[Any]
) -> None:
    whole = {"type": "http.request", "body": raw_event(), "more_body": True}

    reply = await call(asgi(router), [whole, {"type": "http.disconnect"}])

    assert (reply, handled) == (None, [])


@pytest.mark.anyio
async def test_a_cancellation_while_the_body_is_read_is_not_swallowed(
    router: Router, handled: list[Any]
) -> None:
    whole = {"type": "http.request", "body": raw_event(), "more_body": True}

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, asgi(router), [whole])
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

    assert (scope.cancelled_caught, handled) == (True, [])


@pytest.mark.anyio
async def test_a_cancellation_while_a_handler_runs_is_not_swallowed(router: Router) -> None:
    ended: list[str] = []

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(post, asgi(router), raw_event())
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

    assert (scope.cancelled_caught, ended) == (True, ["cancelled"])


@pytest.mark.anyio
async def test_no_more_messages_are_asked_for_once_the_body_is_too_large(router: Router) -> None:
    asked = 0
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    await asgi(router)(scope_of(JSON.items()), receive, send)

    assert (sent[0]["status"], asked) == (413, 11)


@pytest.mark.anyio
async def test_a_websocket_is_closed(router: Router) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await asgi(router)({"type": "websocket"}, receiving([]), send)

    assert sent == ["websocket.close"]


@pytest.mark.anyio
@pytest.mark.parametrize("mounted", [Route, Mount])
async def test_it_mounts_in_an_application_that_starts_it(
    router: Router, handled: list[Any], mounted: Any
) -> None:
    app = asgi(router, on_accept=202)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with app.running():
            yield

    around = Starlette(routes=[mounted("/", app)], lifespan=lifespan)

    async with around.router.lifespan_context(around):
        reply = await post(around, raw_event())

    assert (reply.status, len(handled)) == (202, 1)


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_it_needs_no_framework() -> None:
    printed = run(
        "import sys, eventrouter.integrations.http\n"
        "print([m for m in sys.modules if m.startswith(('starlette', 'uvicorn'))])"
    )

    assert printed == "[]\n"


def test_importing_the_package_leaves_the_endpoint_alone() -> None:
    printed = run(
        "import sys, eventrouter\n"
        "eventrouter.Router\n"
        "print([m for m in sys.modules if m.startswith('eventrouter.integ')])"
    )

    assert printed == "[]\n"
