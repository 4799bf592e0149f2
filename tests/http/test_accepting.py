"""``on_accept=202``: answered at once, processed later, and none accepted is lost."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event as ThreadEvent
from typing import Any

import anyio
import pytest

from eventrouter import RegistrationError, Router
from eventrouter.integrations.http import NotRunning, asgi, wsgi
from eventrouter.signatures import GitHub
from tests.events import raw_event
from tests.http.calls import post, receiving
from tests.http.conftest import Endpoint
from tests.http.servers import JSON, Reply, WSGIServer, send

LINES = {"Content-Type": "application/x-ndjson"}


class Gate:
    """A handler that waits at a gate, and notes what passed."""

    def __init__(self, router: Router) -> None:
        self.open = anyio.Event()
        self.arrived = anyio.Event()
        self.passed: list[int] = []
        router.add_route("counted", self.handle)

    async def handle(self, number: int) -> None:
        self.arrived.set()
        await self.open.wait()
        self.passed.append(number)


def counted(number: int) -> bytes:
    return raw_event("counted", number)


# ASGI


@pytest.mark.anyio
async def test_an_event_is_answered_before_it_is_processed(router: Router) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202)

    async with app.running():
        reply = await post(app, counted(1))
        assert (reply.status, reply.body, gate.passed) == (202, b'{"outcome":"accepted"}', [])
        gate.open.set()

    assert gate.passed == [1]


@pytest.mark.anyio
async def test_what_was_accepted_is_processed_before_it_stops(router: Router) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202, workers=2)

    async with app.running():
        replies = [await post(app, counted(number)) for number in range(50)]
        gate.open.set()

    assert {reply.status for reply in replies} == {202}
    assert sorted(gate.passed) == list(range(50))


@pytest.mark.anyio
async def test_no_more_are_accepted_than_there_is_room_for(router: Router) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202, queue=2, workers=1)

    async with app.running():
        statuses = [(await post(app, counted(0))).status]
        await gate.arrived.wait()
        statuses += [(await post(app, counted(number))).status for number in (1, 2)]
        refused = await post(app, counted(3))
        gate.open.set()

    assert statuses == [202, 202, 202]
    assert (refused.status, refused.header("Retry-After")) == (503, "1")
    assert json.loads(refused.body)["title"] == "Service Unavailable"
    assert gate.passed == [0, 1, 2]


@pytest.mark.anyio
async def test_an_event_that_comes_while_it_stops_is_503(router: Router) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202)
    replies: list[Reply] = []

    async def send_late() -> None:
        await gate.arrived.wait()
        await anyio.wait_all_tasks_blocked()
        replies.append(await post(app, counted(2)))
        gate.open.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send_late)
        async with app.running():
            await post(app, counted(1))

    assert ([reply.status for reply in replies], gate.passed) == ([503], [1])


@pytest.mark.anyio
async def test_it_can_run_again(router: Router) -> None:
    gate = Gate(router)
    gate.open.set()
    app = asgi(router, on_accept=202)

    for number in (1, 2):
        async with app.running():
            await post(app, counted(number))

    assert gate.passed == [1, 2]


@pytest.mark.anyio
async def test_what_was_not_started_says_how(router: Router) -> None:
    Gate(router)
    app = asgi(router, on_accept=202)

    with pytest.raises(NotRunning, match=r"enter `async with app\.running\(\):` in the lifespan"):
        await post(app, counted(1))


@pytest.mark.anyio
async def test_events_lost_to_a_cancellation_are_counted_in_the_log(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    Gate(router)
    app = asgi(router, on_accept=202, workers=1)

    with anyio.CancelScope() as scope:
        async with app.running():
            for number in range(3):
                await post(app, counted(number))
            scope.cancel()

    assert caplog.messages == ["stopped before 3 accepted events were processed"]


@pytest.mark.anyio
async def test_an_error_of_the_application_around_it_loses_nothing(router: Router) -> None:
    gate = Gate(router)
    gate.open.set()
    app = asgi(router, on_accept=202)

    async def fail() -> None:
        async with app.running():
            await post(app, counted(1))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert gate.passed == [1]


@pytest.mark.anyio
async def test_each_event_of_a_batch_is_accepted_or_not(router: Router) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202, queue=2, workers=1)

    async with app.running():
        await anyio.wait_all_tasks_blocked()
        body = b"\n".join([b"{", *map(counted, range(4))])
        reply = await post(app, body, LINES)
        gate.open.set()

    items = json.loads(reply.body)
    assert (reply.status, reply.header("Retry-After")) == (503, "1")
    assert [item.get("status", item.get("outcome")) for item in items] == [
        400,
        *["accepted"] * 3,
        503,
    ]
    assert gate.passed == [0, 1, 2]


@pytest.mark.anyio
async def test_a_registration_error_that_shows_late_is_logged(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(router)
    app = asgi(router, on_accept=202, workers=1)

    async with app.running():
        await post(app, counted(1))
        await gate.arrived.wait()
        await post(app, counted(2))
        _break(router)
        gate.open.set()

    assert "an accepted event could not be processed" in caplog.messages
    assert gate.passed == [1]


def _break(router: Router) -> None:
    def handle(payload: "Undefined") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037

    router.add_route("late", handle)


# Lifespan


@asynccontextmanager
async def lived(app: Any) -> AsyncIterator[list[str]]:
    """The messages that an application sends, from its start to its stop."""
    sent: list[str] = []
    told: dict[str, anyio.Event] = {"started": anyio.Event(), "stopping": anyio.Event()}

    async def receive() -> dict[str, Any]:
        if sent:
            await told["stopping"].wait()
            return {"type": "lifespan.shutdown"}
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message["type"])
        told["started"].set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app, {"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
        await told["started"].wait()
        yield sent
        told["stopping"].set()


@pytest.mark.anyio
async def test_a_server_starts_and_stops_it(router: Router) -> None:
    gate = Gate(router)
    gate.open.set()
    app = asgi(router, on_accept=202)

    async with lived(app) as sent:
        await post(app, counted(1))

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert gate.passed == [1]


@pytest.mark.anyio
async def test_a_server_starts_one_that_accepts_nothing(router: Router) -> None:
    async with lived(asgi(router)) as sent:
        pass

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.anyio
async def test_a_server_does_not_start_with_a_router_that_cannot_work(router: Router) -> None:
    _break(router)
    app = asgi(router)
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    with pytest.raises(RegistrationError):
        await app({"type": "lifespan"}, receiving([{"type": "lifespan.startup"}]), send)

    assert sent == ["lifespan.startup.failed"]


# WSGI


class ThreadGate:
    """The same for threads."""

    def __init__(self, router: Router) -> None:
        self.open = ThreadEvent()
        self.arrived = ThreadEvent()
        self.passed: list[int] = []
        router.add_route("counted", self.handle)

    def handle(self, number: int) -> None:
        self.arrived.set()
        self.open.wait(30)
        self.passed.append(number)


def test_threads_accept_what_there_is_room_for(wsgi_server: WSGIServer, router: Router) -> None:
    gate = ThreadGate(router)
    app = wsgi_server.mount(router, on_accept=202, queue=1, workers=1)

    replies = [send(wsgi_server.port, counted(number)) for number in range(3)]
    assert gate.arrived.wait(30)
    assert gate.passed == []
    gate.open.set()
    app.close()

    assert [reply.status for reply in replies] == [202, 202, 503]
    assert replies[-1].header("Retry-After") == "1"
    assert gate.passed == [0, 1]


def test_a_closed_application_accepts_no_more(wsgi_server: WSGIServer, router: Router) -> None:
    ThreadGate(router)
    app = wsgi_server.mount(router, on_accept=202)

    app.close()

    assert send(wsgi_server.port, counted(1)).status == 503


def test_closing_what_accepts_nothing_does_nothing(router: Router) -> None:
    wsgi(router).close()


def test_the_program_ends_when_all_that_was_accepted_is_processed() -> None:
    program = """if True:
        import io, time
        from eventrouter import Router
        from eventrouter.integrations.http import wsgi

        router = Router()

        @router.on("counted")
        def handle(number: int) -> None:
            time.sleep(0.05)
            print(number)

        app = wsgi(router, on_accept=202, workers=1)
        for number in range(3):
            body = b'{"event_type":"counted","payload":%d}' % number
            app({"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json",
                 "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)},
                lambda status, headers: None)
        print("end")
    """

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (finished.stdout, finished.stderr) == ("end\n0\n1\n2\n", "")


def test_a_registration_error_in_a_thread_is_logged(
    wsgi_server: WSGIServer, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate = ThreadGate(router)
    app = wsgi_server.mount(router, on_accept=202, workers=1)

    send(wsgi_server.port, counted(1))
    assert gate.arrived.wait(30)
    send(wsgi_server.port, counted(2))
    _break(router)
    gate.open.set()
    app.close()

    assert "an accepted event could not be processed" in caplog.messages


# Both


@pytest.fixture
def accepting(
    request: pytest.FixtureRequest, endpoint: Endpoint, router: Router
) -> Callable[..., Reply]:
    """
    Sends one request to an endpoint that is running, and stops it.

    What runs in the event loop of a server can't be started from here, so that is done by a
    server of its own.
    """

    def send_one(body: bytes, headers: Any = JSON, **options: Any) -> Reply:
        if isinstance(endpoint.server, WSGIServer):
            app = endpoint.mount(router, on_accept=202, **options)
            reply = endpoint.send(body, headers)
            app.close()
            return reply

        async def run() -> Reply:
            app = asgi(router, on_accept=202, **options)
            async with app.running():
                return await post(app, body, headers)

        return anyio.run(run)

    return send_one


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"{}", JSON, 400),
        (b"x" * 2_000_000, JSON, 413),
        (raw_event(), {"Content-Type": "text/plain"}, 415),
    ],
)
def test_what_is_no_event_is_refused_at_once(
    accepting: Callable[..., Reply], body: bytes, headers: dict[str, str], status: int
) -> None:
    assert accepting(body, headers).status == status


def test_what_is_not_signed_is_refused_at_once(accepting: Callable[..., Reply]) -> None:
    assert accepting(raw_event(), signature=GitHub("secret")).status == 401


@pytest.mark.parametrize(
    ("event", "level", "start"),
    [
        (raw_event("nobody"), "WARNING", 'the event "nobody" is unrouted: '),
        (raw_event("picky", "x"), "WARNING", 'the event "picky" is invalid: '),
        (raw_event("picky", 1), "ERROR", 'the event "picky" failed'),
    ],
)
def test_what_goes_wrong_later_is_logged(
    accepting: Callable[..., Reply],
    router: Router,
    caplog: pytest.LogCaptureFixture,
    event: bytes,
    level: str,
    start: str,
) -> None:
    @router.on("picky")
    async def handle(payload: int) -> None:
        raise ConnectionError

    with caplog.at_level(logging.INFO, "eventrouter.http"):
        reply = accepting(event)

    assert reply.status == 202
    [record] = [record for record in caplog.records if record.name == "eventrouter.http"]
    assert record.levelname == level
    assert record.getMessage().startswith(start)
