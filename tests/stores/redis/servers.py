"""Redis servers for tests: the shared one, and some of a test's own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from attrs import define, field

from eventrouter.stores import RedisStore
from tests.services import REDIS, require


def require_redis() -> None:
    """Skip the test if the shared server is absent."""
    require(REDIS)


@contextmanager
def emptied(prefix: str) -> Generator[Any]:
    """A client of the shared server, which deletes the keys of a prefix at the end."""
    with cast("Any", redis.Redis).from_url(REDIS) as client:
        try:
            yield client
        finally:
            for key in client.scan_iter(match=f"{prefix}*", count=1_000):
                client.delete(key)


@define
class OwnServer:
    """A Redis server that only one test knows."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(factory=lambda: free_port())
    process: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "dir": self.folder}
        given = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            ["redis-server", *given, *self.options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return
        raise AssertionError(f"redis-server ended with {self.process.wait()}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def pause(self) -> None:
        """It runs, and answers nobody."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def client(self, **options: Any) -> Any:
        return redis.Redis(port=self.port, **options)

    def store(self) -> RedisStore:
        return RedisStore(self.url)

    def _send(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@contextmanager
def own_server(folder: Path, *options: str) -> Generator[OwnServer]:
    if shutil.which("redis-server") is None:
        if os.environ.get("EVENTROUTER_REQUIRE_SERVICES") == "1":
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed")
    server = OwnServer(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
