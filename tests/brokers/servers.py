"""Brokers of one's own, on loopback, that can be restarted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

_PATIENCE = 120.0  # seconds that one may take to start, or to end


@frozen
class Kind:
    """
    How a broker is started.

    Attributes:
        scheme: The scheme of its URL.
        program: What is run.
        user: The user and the password in its URL, if it must have them.
    """

    scheme: str
    program: str
    user: str = ""


KINDS: Final = {
    "nats": Kind("nats", "nats-server"),
    "rabbit": Kind("amqp", "/usr/lib/rabbitmq/bin/rabbitmq-server", "guest:guest@"),
    "redis": Kind("redis", "redis-server"),
}


@define
class Server:
    """A broker with a port and a folder of its own; what it has confirmed is on disk."""

    name: str
    folder: Path
    port: int = field(init=False, factory=lambda: free_port())
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    @property
    def url(self) -> str:
        kind = KINDS[self.name]
        return f"{kind.scheme}://{kind.user}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it answers."""
        arguments, environment = _command(self.name, self.folder, self.port)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # to end all that it starts
            )
        deadline = time.monotonic() + _PATIENCE
        while not _answers(self.name, self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start: {self._log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, and return once it has."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def restart(self) -> None:
        """Stop it, and start it with what it had."""
        self.stop()
        self.start()

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2_000:]


def end_in_order() -> None:
    """Have SIGTERM end this process so that the servers that it started end too."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


@contextmanager
def serving(name: str, folder: Path) -> Generator[Server]:
    """A server that runs while the body does."""
    server = Server(name, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def is_installed(name: str) -> bool:
    return shutil.which(KINDS[name].program) is not None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _command(name: str, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
    program = KINDS[name].program
    if name == "nats":
        return [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)], {}
    if name == "redis":
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        here = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
        return [program, *here, *durable], {}
    return [program], {
        "HOME": str(folder),  # where the cookie is
        "RABBITMQ_NODENAME": f"eventrouter-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none-advanced"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none-environment"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }


def _answers(name: str, port: int) -> bool:
    hello = {"redis": b"PING\r\n", "rabbit": b"AMQP\x00\x00\x09\x01", "nats": b""}[name]
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.settimeout(5)
            connection.sendall(hello)
            answer: Any = connection.recv(64)
    except OSError:
        return False
    return bool(answer) and not answer.startswith(b"-LOADING")
