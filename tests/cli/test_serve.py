"""Serving over HTTP, as a real process that is sent real requests and real signals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from eventrouter.cli.listening import CannotListen, listen, url_of
from eventrouter.signatures.github import GitHub
from tests.cli.conftest import CommandLine, event, read_line
from tests.cli.test_extra import run

SERVED = """
import os
from pathlib import Path
from typing import Any

import anyio
from eventrouter import Router
from eventrouter.integrations.http import asgi
from eventrouter.signatures.github import GitHub

router = Router()


def note(done: str, payload: Any) -> None:
    line = f"{done} {payload['order_id']}\\n".encode()
    file = os.open("notes.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)  # in one go
    os.close(file)
    os.write(1, line)


@router.on("order.paid")
async def settle(payload: dict[str, Any]) -> None:
    note("begun", payload)
    await anyio.sleep(0.2)
    note("done", payload)


@router.on("order.lost")
async def lose(payload: Any) -> None:
    raise OSError("the table orders is locked")


@router.on("async.wait")
async def wait(payload: dict[str, Any]) -> None:
    note("begun", payload)
    await anyio.sleep_forever()


@router.on("sync.wait")
def wait_in_thread(payload: dict[str, Any]) -> None:
    note("begun", payload)
    open("nobody-writes").close()


signed = asgi(router, signature=GitHub("secret"))
accepting = asgi(router, on_accept=202, workers=100)
number = 7

class Broken:
    def verify(self, raw: bytes, headers: Any, now: Any = None) -> str:
        raise KeyError("no secret")


broken = asgi(router, signature=Broken())
"""

SIGNED = GitHub("secret")
_NOTICED = "finishing what is in flight; Ctrl-C ends at once"


class Served:
    """A process that serves, and what it was told to."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        listening = re.fullmatch(
            r"listening on (http://\S+), until SIGTERM or Ctrl-C", read_line(process)
        )
        assert listening is not None
        self.url = listening[1]
        self.port = urlsplit(self.url).port or 0
        self.example = read_line(process).removeprefix("try it: ")

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(self, body: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        with closing(self.connect()) as connection:
            response = request(connection, body, headers)
            return response.status, response.read().decode()

    def notes(self, which: str) -> list[str]:
        """The orders that the handlers noted as begun or done."""
        lines = (self.folder / "notes.txt").read_text().splitlines()
        return [line.removeprefix(f"{which} ") for line in lines if line.startswith(f"{which} ")]

    def wait_for(self, line: str, count: int = 1) -> None:
        """Wait until it was printed that often."""
        while count:
            found = read_line(self.process)
            assert found, "the process ended"
            count -= found.startswith(line)

    def signal(self, number: signal.Signals) -> None:
        """Send it, and wait until it is noticed."""
        self.process.send_signal(number)
        while (said := read_line(self.process, "stderr")) != _NOTICED:
            assert said, "the process ended"

    def end(self) -> tuple[int, str, str]:
        """The exit status once it has ended by itself, and what else it printed."""
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr


def request(
    connection: HTTPConnection, body: str, headers: Mapping[str, str] | None = None
) -> HTTPResponse:
    connection.request("POST", "/", body, {"Content-Type": "application/json", **(headers or {})})
    return connection.getresponse()


class Serving(CommandLine):
    """Serves the application above."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.write("served.py", SERVED)
        os.mkfifo(folder / "nobody-writes")

    def serve(self, app: str = "served:router", *options: str) -> Served:
        return Served(self.start("serve", app, "--port", "0", *options), self.folder)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.close()


async def send_concurrently(port: int, events: Mapping[str, str]) -> dict[str, int]:
    """
    Send all of them at once, each over a connection of its own.

    Returns:
        The status code of each that was answered at all.
    """
    answered: dict[str, int] = {}

    async def send(name: str, body: str) -> None:
        head = (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answer = b""
        try:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(f"{head}{body}".encode())
                while b"\r\n" not in answer:
                    answer += await stream.receive()
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
            return
        answered[name] = int(answer.split()[1])

    async with anyio.create_task_group() as tasks:
        for name, body in events.items():
            tasks.start_soon(send, name, body)
    return answered


def orders(count: int, type: str = "order.paid") -> dict[str, str]:
    return {f"o-{n}": event(type, f"o-{n}") for n in range(count)}


# Serving


def test_an_event_is_handled_and_answered(serving: Serving) -> None:
    served = serving.serve()

    assert served.send(event()) == (200, '{"outcome":"handled"}')
    assert served.notes("done") == ["o-1"]


def test_the_command_it_shows_sends_an_event_that_is_read(serving: Serving) -> None:
    serving.write(
        "shop.py",
        "from typing import Any\nfrom eventrouter import Router\nrouter = Router()\n"
        "@router.on('order.*')\nasync def any_order(payload: Any) -> None: ...\n"
        "@router.on('order.paid', version='v2')\nasync def settle(payload: Any) -> None: ...\n",
    )
    served = serving.serve("shop:router")
    curl, url, header, content_type, data, body = shlex.split(served.example)

    assert (curl, url, header, data) == ("curl", served.url, "-H", "-d")
    assert content_type == "Content-Type: application/json"
    assert json.loads(body)["metadata"] == {"version": "v2"}
    assert served.send(body)[0] == 200


def test_the_command_it_shows_is_in_the_envelope_of_the_router(serving: Serving) -> None:
    serving.write(
        "hooks.py",
        "from eventrouter import Header, MappedEnvelope, Router\n"
        "router = Router(envelope=MappedEnvelope(type=Header('X-GitHub-Event'), payload='$'))\n",
    )
    served = serving.serve("hooks:router")

    assert "-H 'X-GitHub-Event: some.event' -d '{}'" in served.example


def test_an_envelope_without_a_place_for_the_version_shows_no_event(serving: Serving) -> None:
    serving.write(
        "hooks.py",
        "from typing import Any\nfrom eventrouter import MappedEnvelope, Router\n"
        "router = Router(envelope=MappedEnvelope(type='type', payload='data'))\n"
        "@router.on('order.paid', version='v1')\nasync def settle(payload: Any) -> None: ...\n",
    )

    assert serving.serve("hooks:router").example.endswith("-d ...")


def test_an_endpoint_in_the_module_is_served_with_its_signature(serving: Serving) -> None:
    served = serving.serve("served:signed")
    signature = SIGNED.sign(event().encode())

    assert served.example.endswith("# and its signature")
    assert served.send(event())[0] == 401
    assert served.send(event(), signature)[0] == 200


def test_in_the_background_an_event_is_answered_before_it_is_handled(serving: Serving) -> None:
    served = serving.serve("served:router", "--background", "--grace", "0")

    assert served.send(event("async.wait"))[0] == 202


def test_what_a_handler_raises_is_printed_with_its_traceback(serving: Serving) -> None:
    served = serving.serve()

    status, body = served.send(event("order.lost"))
    served.process.send_signal(signal.SIGTERM)
    _, _, stderr = served.end()

    assert status == 500
    assert "locked" not in body
    assert 'ERROR eventrouter.http: the event "order.lost" failed\nTraceback' in stderr
    assert "OSError: the table orders is locked" in stderr


def test_at_the_end_it_says_how_requests_were_answered(serving: Serving) -> None:
    served = serving.serve()
    for body in (event(), event(), event("order.sent"), "{}"):
        served.send(body)

    served.signal(signal.SIGTERM)
    _, stdout, _ = served.end()

    shown = [line.split() for line in stdout.splitlines()]
    assert ["200", "OK", "2"] in shown
    assert ["400", "Bad", "Request", "1"] in shown
    assert ["422", "Unprocessable", "Content", "1"] in shown
    assert ["all", "4"] in shown


def test_an_error_of_the_program_is_counted_as_one(serving: Serving) -> None:
    served = serving.serve("served:broken")

    status, _ = served.send(event())
    served.process.send_signal(signal.SIGTERM)
    _, stdout, stderr = served.end()

    assert status == 500
    assert ["500", "Internal", "Server", "Error", "1"] in [x.split() for x in stdout.splitlines()]
    assert "Traceback" in stderr


def test_it_does_not_say_what_serves(serving: Serving) -> None:
    served = serving.serve()

    with closing(served.connect()) as connection:
        assert request(connection, event()).getheader("Server") is None


def test_small_answers_are_sent_at_once_on_every_connection() -> None:
    async def sends_at_once() -> bool:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def note_option(reader: object, writer: asyncio.StreamWriter) -> None:
            accepted_socket = writer.get_extra_info("socket")
            accepted.set_result(accepted_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen("127.0.0.1", 0) as listening:
            async with await asyncio.start_server(note_option, sock=listening):
                with socket.create_connection(listening.getsockname()):
                    return bool(await accepted)

    assert asyncio.run(sends_at_once())


def test_the_address_of_ipv6_is_in_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except CannotListen:
        pytest.skip("this machine has no IPv6")
    with listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"


# Ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_nothing_in_flight_a_signal_ends_it(serving: Serving, number: signal.Signals) -> None:
    served = serving.serve()

    served.signal(number)

    assert served.end() == (0, "no requests\n", "")


def test_a_connection_that_is_kept_open_does_not_hold_up_the_end(serving: Serving) -> None:
    served = serving.serve()

    with closing(served.connect()) as connection:
        request(connection, event()).read()
        served.signal(signal.SIGTERM)

        assert served.end()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_at_a_signal_is_finished(
    serving: Serving, number: signal.Signals
) -> None:
    served = serving.serve()

    with closing(served.connect()) as connection:
        connection.request("POST", "/", event(), {"Content-Type": "application/json"})
        served.wait_for("begun")
        served.signal(number)
        response = connection.getresponse()

        assert response.status == 200
        assert response.getheader("Connection") == "close"
    assert served.notes("done") == ["o-1"]
    assert served.end()[0] == 0


@pytest.mark.parametrize(
    ("app", "begun", "status"), [("served:router", 200, 200), ("served:accepting", 100, 202)]
)
def test_under_load_no_event_that_was_answered_is_lost(
    serving: Serving, app: str, begun: int, status: int
) -> None:
    served = serving.serve(app)
    answered: dict[str, int] = {}

    async def end_in_the_middle() -> None:
        await anyio.to_thread.run_sync(served.wait_for, "begun", begun)
        served.process.send_signal(signal.SIGTERM)

    async def load() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_in_the_middle)
            answered.update(await send_concurrently(served.port, orders(300)))

    anyio.run(load)

    assert served.end()[0] == 0
    assert set(answered.values()) == {status}
    assert len(answered) >= begun
    assert sorted(served.notes("done")) == sorted(served.notes("begun")) == sorted(answered)


def test_when_the_grace_is_over_the_rest_is_cut_off_and_answered_503(serving: Serving) -> None:
    served = serving.serve("served:router", "--grace", "0.1")

    with closing(served.connect()) as connection:
        connection.request("POST", "/", event("async.wait"), {"Content-Type": "application/json"})
        served.wait_for("begun")
        served.signal(signal.SIGTERM)
        response = connection.getresponse()

        assert response.status == 503
        assert response.getheader("Retry-After") == "1"
    status, stdout, stderr = served.end()
    assert status == 1
    assert "503 Service Unavailable" in stdout
    assert stderr == "the grace was over: 1 request cut off\n"


def test_a_handler_in_a_thread_that_does_not_end_is_left(serving: Serving) -> None:
    served = serving.serve("served:router", "--grace", "0")

    with closing(served.connect()) as connection:
        connection.request("POST", "/", event("sync.wait"), {"Content-Type": "application/json"})
        served.wait_for("begun")
        served.signal(signal.SIGTERM)

        assert served.end() == (1, "no requests\n", "the grace was over: 1 request cut off\n")


def test_when_the_grace_is_over_accepted_events_that_are_lost_are_counted(
    serving: Serving,
) -> None:
    served = serving.serve("served:router", "--background", "--grace", "0.1")
    served.send(event("async.wait"))
    served.wait_for("begun")

    served.signal(signal.SIGTERM)
    status, _, stderr = served.end()

    assert status == 1
    assert "the grace was over: 1 accepted event cut off\n" in stderr


def test_a_second_ctrl_c_ends_it_at_once(serving: Serving) -> None:
    served = serving.serve()

    with closing(served.connect()) as connection:
        connection.request("POST", "/", event("async.wait"), {"Content-Type": "application/json"})
        served.wait_for("begun")
        served.signal(signal.SIGINT)
        served.process.send_signal(signal.SIGINT)

        assert served.end() == (130, "", "")


def test_a_second_sigterm_changes_nothing(serving: Serving) -> None:
    served = serving.serve()

    with closing(served.connect()) as connection:
        connection.request("POST", "/", event(), {"Content-Type": "application/json"})
        served.wait_for("begun")
        served.signal(signal.SIGTERM)
        served.process.send_signal(signal.SIGTERM)

        assert connection.getresponse().status == 200
    assert served.end()[0] == 0


# What does not work


def refused(command: CommandLine, *arguments: str) -> str:
    result = command.run("serve", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def test_a_port_in_use(command: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        said = refused(command, "app:router", "--port", str(port))

    assert said == f"Error: can't listen on 127.0.0.1, port {port}: Address already in use\n"


def test_a_host_that_is_not_there(command: CommandLine) -> None:
    said = refused(command, "app:router", "--host", "nowhere.invalid", "--port", "0")

    assert said.startswith("Error: can't listen on nowhere.invalid, port 0: ")
    assert said.count("\n") == 1


def test_a_host_that_can_be_no_name(command: CommandLine) -> None:
    host = "a" * 70

    said = refused(command, "app:router", "--host", host, "--port", "0")

    assert said == f"Error: can't listen on {host}, port 0: no such host\n"


def test_an_app_that_is_neither_a_router_nor_an_endpoint(command: CommandLine) -> None:
    command.write("served.py", SERVED)

    assert refused(command, "served:number") == (
        "Error: served:number is an object of type int, not a Router or ASGIEndpoint; the Router "
        "or ASGIEndpoint objects in the module: served:accepting, served:broken, served:router, "
        "served:signed\n"
    )


def test_a_router_that_cannot_work(command: CommandLine) -> None:
    command.write(
        "wrong.py",
        "from eventrouter import Router\nfrom eventrouter.integrations.http import asgi\n"
        "router = Router()\n@router.on('order.paid')\ndef settle(order: 'Nowhere') -> None: ...\n"
        "hooks = asgi(router)\n",
    )

    for app in ("wrong:router", "wrong:hooks"):
        assert refused(command, app).startswith(f"Error: {app}: ")


def test_background_is_a_setting_of_an_endpoint_that_has_its_own(command: CommandLine) -> None:
    command.write("served.py", SERVED)

    said = refused(command, "served:signed", "--background")

    assert said.endswith(
        "Error: served:signed is what asgi() made; give that on_accept=202 instead\n"
    )


def test_without_the_extra_it_says_what_to_install() -> None:
    process = run(
        "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['serve', 'app:router']\n"
        "from eventrouter.cli import main; main()"
    )

    assert process.stderr == (
        "Error: eventrouter serve needs the extras: pip install 'eventrouter[cli,http]'\n"
    )
    assert process.returncode == 2


def test_an_import_error_of_another_kind_is_not_blamed_on_the_extra() -> None:
    process = run(
        "import sys; sys.modules['uvicorn.config'] = None; sys.argv[1:] = ['serve', 'app:router']\n"
        "from eventrouter.cli import main; main()"
    )

    assert "the extra" not in process.stderr


def test_importing_the_command_line_leaves_the_server_alone() -> None:
    process = run(
        "import sys, eventrouter.cli.commands\n"
        "print([name for name in sys.modules if name.startswith('uvicorn')])"
    )

    assert process.stdout == "[]\n"
