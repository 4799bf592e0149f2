"""The endpoints alone, on every server that is named, started as its users start it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from signal import Signals

import pytest
from attrs import frozen

from tests.documents import ROOT
from tests.events import raw_event
from tests.http.exchanges import EXPECTED, answers
from tests.http.served import DONE
from tests.http.servers import Started, free_port, send, started


@frozen
class Launch:
    """How a server is started, and how it is told to finish what it has begun."""

    command: str
    interface: str = "asgi"
    stop: Signals = signal.SIGTERM


SERVERS = {
    "uvicorn": Launch("uvicorn {app} --port {port}"),
    "hypercorn": Launch("hypercorn {app} --bind 127.0.0.1:{port}"),
    "hypercorn on trio": Launch("hypercorn {app} --bind 127.0.0.1:{port} --worker-class trio"),
    "granian": Launch("granian {app} --interface asgi --port {port}"),
    "granian for WSGI": Launch(
        "granian {app} --interface wsgi --port {port} --blocking-threads 4", "wsgi"
    ),
    "gunicorn": Launch("gunicorn {app} --bind 127.0.0.1:{port} --no-control-socket", "wsgi"),
    # It knows no other signal.
    "waitress": Launch("waitress --listen 127.0.0.1:{port} {app}", "wsgi", signal.SIGINT),
}


@pytest.fixture(params=list(SERVERS))
def launch(request: pytest.FixtureRequest) -> Launch:
    return SERVERS[request.param]


@contextmanager
def running(launch: Launch, prefix: str = "") -> Iterator[Started]:
    app = f"tests.http.served:{prefix}{launch.interface}_app"
    port = free_port()
    command = launch.command.format(app=app, port=port)
    with started(command, port, folder=ROOT, stop=launch.stop) as server:
        yield server


def test_the_same_requests_get_the_same_answers(launch: Launch) -> None:
    with running(launch) as server:
        assert answers(server.port) == EXPECTED


def test_what_was_accepted_is_processed_before_the_server_ends(launch: Launch) -> None:
    with running(launch, "accepting_") as server:
        statuses = [send(server.port, raw_event()).status for _ in range(20)]

    assert statuses == [202] * 20
    # Not line by line: the server's own lines may begin in the middle of one.
    assert "".join(server.output).count(DONE) == 20
