"""The command line, run on an application in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eventrouter.cli.commands import commands

ROOT = Path(__file__).parents[2]

APPLICATION = """
from attrs import frozen

from eventrouter import Router

router = Router()


@frozen
class Order:
    order_id: str


class Declined(Exception):
    pass


@router.on("order.paid")
async def settle(order: Order) -> None:
    if order.order_id == "declined":
        raise Declined("the bank said no")


@router.on("order.shipped", version="v1", where={"carrier": "dhl"})
def announce(order: Order) -> None: ...
"""


class CommandLine:
    """Runs the command in one folder: in this process, or as one of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, *arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(commands, arguments, input=input, prog_name="eventrouter")

    def run_json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start it as a process, its standard input a pipe that stays open."""
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "eventrouter.cli", *arguments],
            cwd=self.folder,
            text=True,
            **{
                "env": environment(),
                # Where the tests run in the background it may be ignored.
                "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "80")
    loaded = set(sys.modules)
    command = CommandLine(tmp_path)
    command.write("app.py", APPLICATION)
    yield command
    command.close()
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(sys.modules[name].__spec__):
            del sys.modules[name]


def environment() -> dict[str, str]:
    """What a process needs, to import what is tested."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def event(type: str = "order.paid", order_id: str = "o-1", **metadata: str) -> str:
    """An event on one line."""
    return json.dumps(
        {
            "event_type": type,
            "timestamp": "2024-08-20T05:21:19Z",
            "payload": {"order_id": order_id},
            "metadata": metadata,
        }
    )


def lines(*events: str) -> str:
    return "".join(f"{line}\n" for line in events)


def read_line(process: subprocess.Popen[str], stream: str = "stdout") -> str:
    pipe = process.stdout if stream == "stdout" else process.stderr
    assert pipe is not None
    return pipe.readline().rstrip("\n")
