"""The endpoints alone, on every server that is named, started as its users start it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import Signals
from time import sleep

import pytest
from attrs import frozen

from tests.documents import ROOT
from tests.events import raw_event
from tests.http.exchanges import EXPECTED, answers
from tests.http.served import DONE
from tests.http.servers import send


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


@frozen
class Running:
    """A server that runs, or has run: then its output is whole."""

    port: int
    output: list[str]


@contextmanager
def running(launch: Launch, prefix: str = "") -> Iterator[Running]:
    """A server as a process of its own, told to stop at the end, and waited for."""
    port = free_port()
    app = f"tests.http.served:{prefix}{launch.interface}_app"
    command = launch.command.format(app=app, port=port)
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    server = Running(port, [])
    with process:
        try:
            wait_until_it_listens(process, port)
            yield server
            process.send_signal(launch.stop)
            output, _ = process.communicate(timeout=20)
            server.output.extend(output.splitlines())
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    """Try until it is there: granian does not say when it is."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            sleep(0.02)
        else:
            return
    pytest.fail(process.communicate()[0])


def test_the_same_requests_get_the_same_answers(launch: Launch) -> None:
    with running(launch) as server:
        assert answers(server.port) == EXPECTED


def test_what_was_accepted_is_processed_before_the_server_ends(launch: Launch) -> None:
    with running(launch, "accepting_") as server:
        statuses = [send(server.port, raw_event()).status for _ in range(20)]

    assert statuses == [202] * 20
    assert server.output.count(DONE) == 20
