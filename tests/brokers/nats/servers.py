"""NATS servers of a test's own: other settings, restarts."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

import pytest
from attrs import define, field

_PATIENCE = 30.0


@define
class Server:
    """A nats-server with JetStream in a folder, that can be stopped and started again."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.port = _free_port()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), *self.options]
        if "-js" in self.options:
            arguments += ["-sd", str(self.folder)]
        self._process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + _PATIENCE
        while True:
            assert self._process.poll() is None, "the server ended: its port may be taken"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < give_up, "the server does not start"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def serving(folder: Path, *options: str) -> Generator[Server]:
    """A server that runs; the test is skipped, or fails, where there is no nats-server."""
    if which("nats-server") is None:
        require_program()
    server = Server(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    """One that no client is given while the server is down, since those are above 32768."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def require_program() -> None:
    """Skip the test, or fail it where services must run."""
    if os.environ.get("EVENTROUTER_REQUIRE_SERVICES"):
        pytest.fail("there is no nats-server")
    pytest.skip("there is no nats-server")
