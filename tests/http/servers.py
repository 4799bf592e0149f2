"""Real servers on real sockets, each for whatever application is set at the time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any, Literal, Protocol
from wsgiref.simple_server import WSGIRequestHandler, make_server

import uvicorn
from attrs import frozen
from waitress.server import create_server

from eventrouter import Router
from eventrouter.integrations.http import asgi, wsgi

JSON = {"Content-Type": "application/json"}


@frozen
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())


class Server(Protocol):
    """A server with an application that can be changed between requests."""

    port: int

    def mount(self, router: Router, **options: Any) -> Any: ...


class ASGIServer:
    """uvicorn, for ``asgi``."""

    def __init__(self) -> None:
        self.port = 0
        self.app: Any = None

    def mount(self, router: Router, **options: Any) -> Any:
        self.app = asgi(router, **options)
        return self.app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    @contextmanager
    def running(self) -> Iterator[None]:
        with uvicorn_server(self, lifespan="off") as self.port:
            yield


class WSGIServer:
    """waitress, for ``wsgi``."""

    def __init__(self) -> None:
        self.port = 0
        self.app: Any = None

    def mount(self, router: Router, **options: Any) -> Any:
        self.app = wsgi(router, **options)
        return self.app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)

    @contextmanager
    def running(self) -> Iterator[None]:
        with waitress_server(self) as self.port:
            yield


@contextmanager
def uvicorn_server(
    app: Any, lifespan: Literal["on", "off"] = "on", root_path: str = ""
) -> Iterator[int]:
    """uvicorn in a thread; its port."""
    config = uvicorn.Config(app, log_config=None, lifespan=lifespan, ws="none", root_path=root_path)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def waitress_server(app: Any) -> Iterator[int]:
    """waitress in a thread; its port."""
    sockets: dict[Any, Any] = {}
    server: Any = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        server.pull_trigger()  # wakes the loop, for it to see that all is closed
        for dispatcher in list(sockets.values()):
            server.trigger.thunks.append(dispatcher.close)
        server.pull_trigger()
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def wsgiref_server(app: Any) -> Iterator[int]:
    """The server of the standard library; its port."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@frozen
class Started:
    """A server in a process of its own; once it has ended, its output is whole."""

    port: int
    output: list[str]


@contextmanager
def started(
    command: str,
    port: int,
    folder: Path,
    stop: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Started]:
    """A server by its command line, told to stop at the end, and waited for."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        start_new_session=True,
    )
    server = Started(port, [])
    with process:
        try:
            _wait_until_it_listens(process, port)
            yield server
            process.send_signal(stop)
            output, _ = process.communicate(timeout=20)
            server.output.extend(output.splitlines())
        finally:
            with suppress(ProcessLookupError):  # with its workers, if any of them is left
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """A port to tell a server that can't choose one itself, or does not say which."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            sleep(0.02)  # granian does not say when it listens
        else:
            return
    raise RuntimeError(process.communicate()[0])


def send(
    port: int,
    body: Any = b"",
    headers: Any = JSON,
    *,
    method: str = "POST",
    chunked: bool = False,
    path: str = "/",
) -> Reply:
    """Send one request over a socket of its own; an iterable body is sent chunk by chunk."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        # One by one, since a header may be repeated.
        given = list(headers.items() if isinstance(headers, dict) else headers)
        names = {name.lower() for name, _ in given}
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in given:
            connection.putheader(name, value)
        if "transfer-encoding" not in names and "content-length" not in names:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body, encode_chunked=chunked)
        response = connection.getresponse()
        return Reply(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
