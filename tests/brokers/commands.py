"""What the commands do with every broker, as real processes that get real signals."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.brokers.kills import Run, publish_options, worker_options
from tests.brokers.rig import Rig
from tests.brokers.scenarios import declare
from tests.cli.conftest import CommandLine, environment, read_line
from tests.events import raw_event
from tests.inbox.killed import lines

APPLICATION = """
import os
from typing import Any

import anyio
from eventrouter import Event, Router

router = Router()


def note(done: str, number: int) -> None:
    file = os.open("notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{done} {number}\\n".encode())  # in one go
    os.close(file)
    os.write(1, f"{done} {number}\\n".encode())


@router.on("counted")
async def count(number: int) -> None:
    note("begun", number)
    await anyio.sleep(0.05)
    note("done", number)


@router.on("waiting")
async def wait(number: int) -> None:
    note("begun", number)
    await anyio.sleep_forever()


@router.on("asked")
async def answer(number: int) -> Event[int]:
    return Event.new("answered", number)


@router.on("answered")
async def hear(number: int) -> None:
    note("heard", number)
"""


class Commands:
    """``eventrouter worker`` and ``publish``; a broker's ``class TestX(Commands)`` runs them."""

    pytestmark = pytest.mark.anyio

    async def test_what_is_published_is_processed(self, rig: Rig, command: CommandLine) -> None:
        await declare(rig, "g")
        events = command.write("events.ndjson", ndjson(range(100)))

        sent = await run(command, rig, str(events))
        process = await start(command, rig)
        await until(process, "done", 100)
        output, errors = await end(process)

        assert sent.returncode == 0, sent.stderr
        assert sent.stdout.startswith("100 events are confirmed, in ")
        assert sorted(notes(command.folder, "done")) == list(range(100))
        assert process.returncode == 0, errors
        assert re.search(r"handled +100", output)

    async def test_standard_input_is_published(self, rig: Rig, command: CommandLine) -> None:
        await declare(rig, "g")

        sent = await run(command, rig, "-", input=ndjson(range(3)))
        process = await start(command, rig)
        await until(process, "done", 3)
        await end(process)

        assert sent.stdout.startswith("3 events are confirmed, in ")

    async def test_after_sigterm_what_is_in_flight_is_finished_and_no_more_is_taken(
        self, rig: Rig, command: CommandLine
    ) -> None:
        await declare(rig, "g")
        await publish(rig, range(200))
        process = await start(command, rig, "--concurrency", "5")
        await until(process, "begun", 1)
        _, errors = await end(process)
        first = sorted(notes(command.folder, "done"))
        other = await start(command, rig)
        await until(other, "done", 200 - len(first))
        await end(other)

        assert process.returncode == 0, errors
        assert 0 < len(first) < 200
        assert sorted(notes(command.folder, "begun")) == list(range(200))  # each once

    async def test_what_the_end_of_the_grace_cuts_off_is_for_another_worker(
        self, rig: Rig, command: CommandLine
    ) -> None:
        await declare(rig, "g")
        await publish(rig, range(3), "waiting")
        process = await start(command, rig, "--grace", "0")
        await until(process, "begun", 3)
        _, errors = await end(process)
        other = await start(command, rig, "--grace", "0")
        await until(other, "begun", 3)
        await end(other)

        assert process.returncode == 1
        assert "the grace was over: 3 events cut off, to be processed again" in errors

    async def test_what_can_not_be_handled_is_where_dead_letters_are(
        self, rig: Rig, command: CommandLine
    ) -> None:
        await declare(rig, "g")
        await rig.publish(b"no event")
        await publish(rig, range(1))
        process = await start(command, rig)
        await until(process, "done", 1)
        output, _ = await end(process)

        assert "1 dead letter, on the broker" in output
        assert [letter.raw for letter in await rig.dead_letters("g")] == [b"no event"]

    async def test_what_handlers_return_is_published(self, rig: Rig, command: CommandLine) -> None:
        await declare(rig, "g")
        await rig.publish(raw_event("asked", 7))
        process = await start(command, rig)
        await until(process, "heard", 1)
        await end(process)

        assert notes(command.folder, "heard") == [7]

    async def test_health_tells_whether_it_is_ready(self, rig: Rig, command: CommandLine) -> None:
        await declare(rig, "g")
        await publish(rig, range(1), "waiting")
        process = await start(command, rig, "--health", "127.0.0.1:0", "--grace", "30")
        said = re.fullmatch(r"health at http://(\S+)/live and http://\1/ready", process.first)
        assert said is not None
        await until(process, "begun", 1)

        before = await ask(said[1], "/ready")
        process.send_signal(signal.SIGTERM)
        while noticed := await anyio.to_thread.run_sync(read_line, process, "stderr"):
            if noticed == "finishing what is in flight; Ctrl-C ends at once":
                break
        after, live = await ask(said[1], "/ready"), await ask(said[1], "/live")
        process.kill()

        assert before == (200, "ready\n")
        assert noticed
        assert after == (503, "not ready: it ends\n")
        assert live == (200, "live\n")

    async def test_it_goes_on_when_connections_are_cut(
        self, rig: Rig, command: CommandLine
    ) -> None:
        await declare(rig, "g", lease=2.0)
        await publish(rig, range(100))
        process = await start(command, rig, "--concurrency", "5")
        await until(process, "done", 30)
        await rig.cut()
        seen = set(notes(command.folder, "done"))
        while len(seen) < 100:  # some may come twice
            await until(process, "done", 1)
            seen = set(notes(command.folder, "done"))
        _, errors = await end(process)

        assert process.returncode == 0, errors

    async def test_ctrl_c_tells_how_many_were_published(
        self, rig: Rig, command: CommandLine
    ) -> None:
        await declare(rig, "g")
        process = command.start(
            "publish", *publish_options(rig.connection("g")), "-", env=told(rig)
        )
        assert process.stdin is not None
        process.stdin.write(ndjson(range(10)))
        process.stdin.flush()
        worker = await start(command, rig)
        await until(worker, "done", 10)
        process.send_signal(signal.SIGINT)
        output, errors = await anyio.to_thread.run_sync(partial(process.communicate, timeout=60))
        await end(worker)

        assert process.returncode == 130, errors
        assert output == "10 events are confirmed, up to <stdin>:10\n"

    # Kills

    async def test_no_kill_loses_an_event(self, rig: Rig, tmp_path: Path) -> None:
        await declare(rig, "g", lease=2.0)
        run = Run(tmp_path, rig.connection("g"), {"COUNTING_SECONDS": "0.2"})

        await anyio.to_thread.run_sync(run.publish, 300)
        found = await anyio.to_thread.run_sync(
            partial(run.kill, events=300, processes=2, kills=3, every=0.1)
        )

        assert found.handled == 300
        assert found.duplicates <= 3 * 50  # what was in flight
        assert found.statuses == [0, 0]


async def start(command: CommandLine, rig: Rig, *arguments: str) -> Any:
    """Start a worker, and wait until it has said so."""
    (command.folder / "shop.py").write_text(APPLICATION)
    connection = rig.connection("g")
    options = worker_options({"publish_to": connection["subject"], **connection})
    process: Any = command.start("worker", "shop:router", *options, *arguments, env=told(rig))
    line = process.first = await anyio.to_thread.run_sync(read_line, process)
    while not line.startswith("processing "):
        assert line, process.communicate(timeout=60)
        line = await anyio.to_thread.run_sync(read_line, process)
    return process


async def until(process: Any, which: str, count: int) -> None:
    """Wait until the worker has printed so many of one kind of notes."""
    seen = 0
    while seen < count:
        line = await anyio.to_thread.run_sync(read_line, process)
        assert line, process.communicate(timeout=60)
        seen += line.startswith(which)


async def end(process: Any) -> tuple[str, str]:
    """Have it end, and give what else it printed."""
    process.send_signal(signal.SIGTERM)
    output, errors = await anyio.to_thread.run_sync(partial(process.communicate, timeout=60))
    return output, errors


async def run(
    command: CommandLine, rig: Rig, *arguments: str, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Publish, and wait until that is over."""
    options = publish_options(rig.connection("g"))
    process = command.start("publish", *options, *arguments, env=told(rig))
    communicate = partial(process.communicate, input, timeout=60)
    output, errors = await anyio.to_thread.run_sync(communicate)
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def told(rig: Rig) -> dict[str, str]:
    return {**environment(), "EVENTROUTER_BROKER": rig.connection("g")["url"]}


async def publish(rig: Rig, numbers: range, type: str = "counted") -> None:
    for number in numbers:
        await rig.publish(raw_event(type, number))


def ndjson(numbers: range) -> str:
    return "".join(f"{raw_event('counted', number).decode()}\n" for number in numbers)


def notes(folder: Path, which: str) -> list[int]:
    """The numbers that handlers noted, in the order in which they did."""
    return [int(line.split()[1]) for line in lines(folder / "notes") if line.startswith(which)]


async def ask(address: str, path: str) -> tuple[int, str]:
    def get() -> tuple[int, str]:
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        found = response.status, response.read().decode()
        connection.close()
        return found

    return await anyio.to_thread.run_sync(get)
