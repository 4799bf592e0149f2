"""URLs that mean to lead inside: none does, and not a byte is sent."""

# ruff: noqa: RUF001  (letters that look like others are what is tried)

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from attrs import define

from eventrouter.integrations.callbacks import Callbacks, destinations
from tests.integrations.callbacks.receiver import TLS, Receiver, answered_router, event

#: Each once with the port of its scheme, which is where the listener of these tests listens.
URLS = [
    # IPv4, as people write it
    "http://127.0.0.1/",
    "http://127.0.0.1:{port}/",
    "https://127.0.0.1/",
    "http://127.0.0.2/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://100.100.100.200/latest/meta-data/",
    "http://198.18.0.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    # IPv4, as resolvers read it too
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0x/",
    "http://127.0.0.1./",
    "http://127.0.0.256/",
    "http://4294967297/",
    "http://0x7f.1/",
    "http://127.0x0.1/",
    # IPv6
    "http://[::1]/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000::0001]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b:1::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::80ff:fffe]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25lo]/",
    "http://[fe80::1%lo]/",
    "http://[::1%25lo]/",
    "http://[fc00::1]/",
    "http://[fec0::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]/",
    "http://[::1].public.example/",
    "http://[::ffff:127.0.0.1.]/",
    "http://::1/",
    # Names
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://near.example/",
    "http://near6.example/",
    "http://mapped.example/",
    "http://nat64.example/",
    "http://scoped.example/",
    "http://mixed.example/",
    "http://metadata.google.internal/",
    # User info, and what only looks like a host
    "http://public.example@127.0.0.1/",
    "http://public.example:80@127.0.0.1/",
    "http://public.example:@127.0.0.1/",
    "http://@127.0.0.1/",
    "http://127.0.0.1@public.example/",
    "http://public.example%40127.0.0.1/",
    "http://public.example\\@127.0.0.1/",
    "http://127.0.0.1\\@public.example/",
    "http://public.example#@127.0.0.1\\/",
    "http://127.0.0.1%23@public.example/",
    "http://127.0.0.1%00.public.example/",
    "http://127.0.0.1\x00.public.example/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nHost: public.example/",
    "http:\\\\127.0.0.1\\",
    "http:/127.0.0.1/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "//127.0.0.1/",
    " http://127.0.0.1/",
    "http://127.0.0.1/\n",
    "http://public.example, http://127.0.0.1/",
    # Not ASCII
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://loc\u00adalhost/",
    "http://ｌocalhost/",
    "http://localhoſt/",
    "http://%31%32%37.0.0.1/",
    "http://public.example／@127.0.0.1/",
    # Ports
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65616/",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1:+80/",
    "http://127.0.0.1:８０/",
    "http://public.example:22/",
    "http://public.example:6379/",
    # Schemes
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "ws://127.0.0.1/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "127.0.0.1",
    "",
    "http://",
    # Too long, or no text
    "http://127.0.0.1/" + "a" * 2_048,
    ["http://127.0.0.1/"],
    {"url": "http://127.0.0.1/"},
    2130706433,
    True,
]

NAMES = {
    "near.example": ["127.0.0.1"],
    "near6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "scoped.example": ["fe80::1%1"],
    "mixed.example": ["8.8.8.8", "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
}


@define
class Listener:
    """Sockets on both loopback addresses that no one may connect to."""

    port: int
    sockets: list[socket.socket]

    def saw_a_connection(self) -> bool:
        for listening in self.sockets:
            try:
                listening.accept()[0].close()
            except BlockingIOError:  # the system keeps a connection before it is accepted
                continue
            return True
        return False


@pytest.fixture
def listener() -> Iterator[Listener]:
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        port = 0
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                listening = stack.enter_context(socket.socket(family))
                listening.bind((address, port))
            except OSError:  # a machine without IPv6
                continue
            listening.listen()
            listening.setblocking(False)
            port = listening.getsockname()[1]
            sockets.append(listening)
        yield Listener(port, sockets)


@pytest.fixture
def is_at_usual_port(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the listener's port be that of both schemes, so that no URL is refused for its port."""
    monkeypatch.setattr(
        destinations, "_DEFAULT_PORTS", {"http": listener.port, "https": listener.port}
    )


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hostile names resolve, as their owner's name server would have it."""

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in NAMES[host]]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)


def test_the_table_is_long_enough() -> None:
    assert len({str(url) for url in URLS}) == len(URLS) >= 40


@pytest.mark.usefixtures("is_at_usual_port", "names")
@pytest.mark.parametrize("allowed", ["any public host", "some hosts"])
@pytest.mark.parametrize("url", URLS, ids=lambda url: ascii(url)[:60])
@pytest.mark.anyio
async def test_a_hostile_url_is_refused_before_a_byte_is_sent(
    url: Any, allowed: str, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(url, str):
        url = url.replace("{port}", str(listener.port))
    any_public = allowed == "any public host"
    hosts = [] if any_public else ["public.example", *NAMES]
    callbacks = Callbacks(
        hosts=hosts, allow_any_public=any_public, attempts=1, timeout=1, ssl_context=TLS
    )

    await answered_router(callbacks).dispatch(event(url))

    assert not listener.saw_a_connection()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert 'the callback of "order.paid" was refused: ' in caplog.text


@pytest.mark.usefixtures("is_at_usual_port")
@pytest.mark.anyio
async def test_the_listener_of_these_tests_would_see_a_connection(listener: Listener) -> None:
    callbacks = Callbacks(hosts=["127.0.0.1"], attempts=1, timeout=0.1, ssl_context=TLS)

    await answered_router(callbacks).dispatch(event("http://127.0.0.1/"))

    assert listener.saw_a_connection()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.anyio
async def test_a_redirect_to_a_private_address_is_not_followed(
    status: int, receiver: Receiver, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [status]
    receiver.headers["Location"] = f"http://127.0.0.1:{listener.port}/"
    # Even where the developer allowed both.
    hosts = [receiver.host, f"127.0.0.1:{listener.port}"]
    callbacks = Callbacks(hosts=hosts, interval=0, ssl_context=TLS)

    await answered_router(callbacks).dispatch(receiver.event())

    assert not listener.saw_a_connection()
    assert receiver.paths == ["/success"]
    assert f"the answer {status}" in caplog.text


@pytest.mark.anyio
async def test_a_name_that_leads_elsewhere_by_the_next_attempt_is_refused_then(
    receiver: Receiver,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers = [["127.0.0.1"], ["::1"]]

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    receiver.answers = [500, 200]
    name = f"rebinding.example:{receiver.port}"
    callbacks = Callbacks(hosts=[name, receiver.host], interval=0, ssl_context=TLS)

    await answered_router(callbacks).dispatch(event(f"http://{name}/success"))

    assert receiver.paths == ["/success"]
    assert "is at ::1, not public" in caplog.text


@pytest.mark.anyio
async def test_the_address_connected_to_is_the_one_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        return [(0, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    name = f"once.example:{receiver.port}"
    callbacks = Callbacks(hosts=[name, receiver.host], ssl_context=TLS)

    await answered_router(callbacks).dispatch(event(f"http://{name}/success"))

    # once.example exists nowhere: whoever resolved it again would not have come here.
    assert asked == ["once.example"]
    assert receiver.requests[0].headers["Host"] == name


@pytest.mark.anyio
async def test_proxies_and_passwords_of_the_environment_play_no_part(
    receiver: Receiver, listener: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    callbacks = Callbacks(hosts=[receiver.host], ssl_context=TLS)
    await answered_router(callbacks).dispatch(receiver.event())

    assert receiver.paths == ["/success"]
    assert "Authorization" not in receiver.requests[0].headers
    assert not listener.saw_a_connection()
