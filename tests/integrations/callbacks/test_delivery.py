"""What is tried again, how often, and how much of an answer is read."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from eventrouter.integrations.callbacks import Callbacks
from tests.integrations.callbacks.receiver import TLS, Receiver, answered_router, event


async def call_back(url: str, **settings: Any) -> None:
    host = url.removeprefix("http://").partition("/")[0]
    callbacks = Callbacks(**{"hosts": [host], "interval": 0, "ssl_context": TLS, **settings})
    await answered_router(callbacks).dispatch(event(url))


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ([200], 1),
        ([204], 1),
        ([500, 200], 2),
        ([500, 503, 200], 3),
        ([500, 502, 503, 200], 3),
        ([599, 404, 200], 2),
        ([400, 200], 1),
        ([408, 200], 1),
        ([429, 200], 1),
        ([304, 200], 1),
    ],
)
@pytest.mark.anyio
async def test_only_an_answer_of_500_or_more_is_tried_again(
    answers: list[int], seen: int, receiver: Receiver
) -> None:
    receiver.answers = list(answers)

    await call_back(f"http://{receiver.host}/success")

    assert len(receiver.requests) == seen


@pytest.mark.anyio
async def test_what_was_given_up_is_logged_without_the_path_of_the_url(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500, 503]

    await call_back(f"http://{receiver.host}/success?token=secret", attempts=2)

    assert caplog.messages == [
        f'the callback of "order.paid" was given up on attempt 2, at {receiver.host}: '
        "the answer 503"
    ]


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each connection with bytes as they are, and closes it."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    seen.append(connection.recv(65_536))
                    try:
                        connection.sendall(answer)
                    except OSError:  # the other side has read enough
                        seen.append(b"hung up")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", seen
        thread.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1", b"no HTTP at all\r\n\r\n"])
@pytest.mark.anyio
async def test_a_connection_that_breaks_is_tried_again(answer: bytes) -> None:
    with answering(answer, OK) as (url, seen):
        await call_back(url)

    assert len(seen) == 2


@pytest.mark.anyio
async def test_a_port_that_nothing_listens_on_is_given_up_after_all_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    await call_back(f"http://127.0.0.1:{port}/")

    assert "was given up on attempt 3" in caplog.text
    assert "ConnectError" in caplog.text


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let names resolve to the addresses, or to none; gives what was asked."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.anyio
async def test_a_name_that_does_not_resolve_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = resolving(monkeypatch)

    await call_back("http://api.partner.example/")

    assert len(asked) == 3
    assert "gaierror" in caplog.text


@pytest.mark.anyio
async def test_an_address_that_can_not_be_reached_is_passed_over_for_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "127.0.0.2", "127.0.0.1")  # the receiver listens on the last alone
    name = f"two.example:{receiver.port}"

    await call_back(f"http://{name}/", hosts=[name, f"127.0.0.0/8:{receiver.port}"], attempts=1)

    assert len(receiver.requests) == 1


@pytest.mark.anyio
async def test_a_host_that_never_answers_is_given_up_in_time(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answering.clear()

    await call_back(f"http://{receiver.host}/", attempts=2, timeout=0.1)

    assert "was given up" in caplog.text


@pytest.mark.anyio
async def test_pauses_count_towards_the_time_that_all_attempts_may_take(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500]

    await call_back(f"http://{receiver.host}/", attempts=2, interval=3_600, timeout=1)

    assert len(receiver.requests) == 1
    assert "was given up after 1 s" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 20_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"X-More: of the same\r\n" * 1_000_000,
    ],
    ids=["body", "headers"],
)
@pytest.mark.anyio
async def test_of_an_answer_only_so_much_is_read(answer: bytes) -> None:
    with answering(answer) as (url, seen):
        await call_back(url, attempts=1)

    assert seen[1:] == [b"hung up"]


@pytest.mark.anyio
async def test_an_answer_is_not_unpacked(receiver: Receiver) -> None:
    receiver.headers["Content-Encoding"] = "gzip"
    receiver.body = b"no gzip at all"

    await call_back(f"http://{receiver.host}/")

    assert len(receiver.requests) == 1
    assert "Accept-Encoding" not in receiver.requests[0].headers


@pytest.mark.anyio
async def test_a_cookie_is_not_brought_back(receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    receiver.headers["Set-Cookie"] = "session=1; Path=/"

    await call_back(f"http://{receiver.host}/")

    assert "Cookie" not in receiver.requests[1].headers
