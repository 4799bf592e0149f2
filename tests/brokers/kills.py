"""Killing workers of a broker, restarting the broker, and counting what became of the events."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
from attrs import define, field, frozen

from eventrouter.integrations.faststream.queues import BrokerQueue, connection_of
from tests.inbox.killed import lines

ROOT = Path(__file__).parents[2]
GROUP = "counting"
PATIENCE = 300.0  # seconds that anything may take
_STARTS = 20  # of one worker, until it does

_PROGRAM = [sys.executable, "-m", "eventrouter.cli"]


@frozen
class Outcome:
    """
    What became of the events of one run.

    Attributes:
        kills: How often a worker was killed.
        restarts: How often the broker was restarted.
        left: How many events were not handled yet after the last kill.
        handled: How many events left an effect.
        duplicates: How many effects there are besides.
        statuses: The exit statuses of the workers that were not killed.
        seconds: How long it took, from the first worker to the last effect.
    """

    kills: int
    restarts: int
    left: int
    handled: int
    duplicates: int
    statuses: list[int]
    seconds: float


@define
class Run:
    """
    Workers of one group, that are killed.

    Args:
        folder: An empty one.
        connection: The arguments of ``connection_of``.
        environment: What the application is told.
        app: The application.

    Attributes:
        effects: Gives the effects that there are; by default those in the file of the folder.
    """

    folder: Path
    connection: Mapping[str, Any]
    environment: Mapping[str, str] = field(factory=dict[str, str])
    app: str = "tests.brokers.counting:router"
    _started: set[int] = field(factory=set[int], init=False)
    effects: Callable[[], Iterable[Any]] = field(init=False)
    _stack: ExitStack = field(factory=ExitStack, init=False)

    def __attrs_post_init__(self) -> None:
        self.effects = lambda: lines(self.folder / "effects")

    def declare(self) -> None:
        """Make on the broker what is missing, so that what is published is kept for the group."""

        async def declare() -> None:
            queue = self._queue()
            await queue.prepare()
            await queue.close()

        anyio.run(declare)

    def publish(self, events: int) -> None:
        """Publish numbers, with the command."""
        path = self.folder / "events.ndjson"
        with path.open("w") as file:
            for number in range(events):
                metadata = {"id": f"e-{number}", "source": "kills"}
                event = {"event_type": "counted", "payload": number, "metadata": metadata}
                file.write(json.dumps(event) + "\n")
        arguments = ["publish", str(path), *publish_options(self.connection)]
        finished = subprocess.run(
            [*_PROGRAM, *arguments], cwd=ROOT, env=self._environment(), timeout=PATIENCE,
            stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.returncode
        assert finished.stdout.startswith(f"{events:,} events are confirmed".encode())

    def kill(
        self,
        *,
        events: int,
        processes: int,
        kills: int,
        every: float,
        restart: Callable[[], None] | None = None,
    ) -> Outcome:
        """
        Have workers handle what was published, while one after the other is killed.

        Args:
            events: How many events were published.
            processes: How many workers run at the same time.
            kills: How often one of them is killed, and started again.
            every: The seconds from one kill to the next.
            restart: Restarts the broker, after half of the kills.
        """
        with self._stack:
            started = time.monotonic()
            running = [self._start() for _ in range(processes)]
            for number in range(kills):
                if restart is not None and number == kills // 2:
                    restart()
                due = time.monotonic() + every
                one = random.randrange(processes)
                self._wait_for(running, one)
                time.sleep(max(0.0, due - time.monotonic()))
                running[one].kill()
                assert running[one].wait() == -signal.SIGKILL
                running[one] = self._start()
            left = events - len(set(self.effects()))
            for one in range(processes):
                self._wait_for(running, one)
            anyio.run(self._until_empty)
            seconds = time.monotonic() - started
            statuses = self._end(running)
        effects = Counter(self.effects())
        return Outcome(
            kills,
            int(restart is not None),
            left,
            len(effects),
            effects.total() - len(effects),
            statuses,
            seconds,
        )

    def process_all(self, processes: int, *options: str) -> None:
        """Have workers handle all that was published, undisturbed."""
        with self._stack:
            running = [self._start(*options) for _ in range(processes)]
            for one in range(processes):
                self._wait_for(running, one)
            anyio.run(self._until_empty)
            self._end(running)

    def _end(self, running: Iterable[subprocess.Popen[bytes]]) -> list[int]:
        for process in running:
            process.send_signal(signal.SIGTERM)
        return [process.wait(PATIENCE) for process in running]

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        arguments = ["worker", self.app, *worker_options(self.connection), *options]
        log = self._stack.enter_context((self.folder / "log").open("ab"))
        process = subprocess.Popen(
            [*_PROGRAM, *arguments],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=log,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "EVENTROUTER_BROKER": self.connection["url"],
            "COUNTING_FOLDER": str(self.folder),
            **self.environment,
        }

    def _queue(self) -> BrokerQueue:
        settings = {name: value for name, value in self.connection.items() if name != "lease"}
        return connection_of(**settings).queue

    def _wait_for(self, running: list[subprocess.Popen[bytes]], one: int) -> None:
        """Wait until a worker says that it has started; start it again if the broker was down."""
        for _ in range(_STARTS):
            process = running[one]
            assert process.stdout is not None
            if process.pid in self._started:
                return
            if process.stdout.readline().startswith(b"processing "):
                self._started.add(process.pid)
            else:
                assert process.wait() == 1, (self.folder / "log").read_text()[-2_000:]
                running[one] = self._start()
        raise AssertionError((self.folder / "log").read_text()[-2_000:])

    async def _until_empty(self) -> None:
        queue = self._queue()
        try:
            with anyio.fail_after(PATIENCE):
                await queue.prepare()
                while True:
                    counts = await queue.count_entries()
                    if counts.ready == counts.waiting == counts.taken == 0:
                        return
                    await anyio.sleep(0.5)
        finally:
            await queue.close()


def worker_options(connection: Mapping[str, Any]) -> list[str]:
    """The arguments of ``connection_of``, but the URL, as those of ``eventrouter worker``."""
    options = list[str]()
    for name, value in connection.items():
        if name in ("declare", "volatile"):
            options += [f"--{name}"] if value else []
        elif name not in ("url", "lease"):
            options += [f"--{name.replace('_', '-')}", str(value)]
    return options


def publish_options(connection: Mapping[str, Any]) -> list[str]:
    """The same as those of ``eventrouter publish``."""
    options = ["--to", str(connection.get("publish_to") or connection["subject"])]
    if "stream" in connection and connection["url"].startswith("amqp"):
        options += ["--stream", str(connection["stream"])]
    return options
