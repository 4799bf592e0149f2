"""Redis servers of a test's own, with settings of its own, that can be killed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers.servers import free_port
from tests.services import REQUIRED

DURABLE = {"appendonly": "yes", "appendfsync": "always"}


class PrivateServer:
    """A server on a port and in a folder of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self.port = _free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = {"save": "", "bind": "127.0.0.1", "dir": str(self._folder), **self._settings}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        printed = list[str]()
        for line in self._process.stdout:
            printed.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError("".join(printed))

    def kill(self) -> None:
        """Kill it, as it is when its machine fails."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def private_server(folder: Path, **settings: str) -> Generator[PrivateServer]:
    """A server that runs; one that keeps all at once unless the settings say otherwise."""
    if shutil.which("redis-server") is None:
        if REQUIRED:
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed")
    server = PrivateServer(
        folder, DURABLE | {name.replace("_", "-"): text for name, text in settings.items()}
    )
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    """A port that leaves room for that of a cluster's bus, which is 10,000 above."""
    while True:
        port = free_port()
        if port + 10_000 < 2**16:
            return port
