"""What a developer lists, and which URLs it allows."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis.strategies import sampled_from, text

from eventrouter import RegistrationError
from eventrouter.integrations.callbacks.destinations import Destinations, RefusedURL, listed


def destinations(*hosts: str, any_public: bool = False) -> Destinations:
    return Destinations(listed(hosts), any_public)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("api.partner.example", "https://api.partner.example/done?id=1"),
        ("api.partner.example", "http://api.partner.example"),
        ("api.partner.example", "https://API.Partner.example:443/"),
        ("API.Partner.example", "https://api.partner.example/#part"),
        ("api.partner.example:8443", "https://api.partner.example:8443/"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("10.0.0.5", "http://10.0.0.5/"),
        ("10.1.0.0/16", "https://10.1.2.3/"),
        ("10.1.0.0/16:8080", "http://10.1.2.3:8080/"),
        ("::1", "http://[::1]/"),
        ("[::1]", "http://[0:0::1]/"),
        ("fd00::/8", "http://[fd12::7]/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("[fd00::/8]:8080", "http://[fd12::7]:8080/"),
        ("my_host", "http://my_host/"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_host_that_is_listed_may_be_called(entry: str, url: str) -> None:
    assert destinations(entry).read(url).url == url


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("api.partner.example", "https://api.partner.example:8443/"),
        ("api.partner.example", "https://api.partner.example:80/"),
        ("api.partner.example:8443", "https://api.partner.example/"),
        ("api.partner.example", "https://partner.example/"),
        ("api.partner.example", "https://x.api.partner.example/"),
        ("api.partner.example", "https://api.partner.example.evil.example/"),
        ("10.1.0.0/16", "http://10.2.0.1/"),
        ("10.1.0.0/16", "http://10.1.0.1:8080/"),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
        ("127.0.0.1", "http://localhost/"),
    ],
)
def test_a_host_that_is_not_listed_may_not_be_called(entry: str, url: str) -> None:
    with pytest.raises(RefusedURL, match="is not among the hosts listed"):
        destinations(entry).read(url)


def test_any_public_host_may_be_called_on_the_port_of_its_scheme_only() -> None:
    allowed = destinations(any_public=True)

    assert allowed.read("https://anyone.example/").port == 443
    with pytest.raises(RefusedURL):
        allowed.read("http://anyone.example:25/")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "https://api.partner.example",
        "api.partner.example/path",
        "*.partner.example",
        "api.partner.example:0",
        "api.partner.example:65536",
        "api.partner.example.",
        "user@api.partner.example",
        "bücher.example",
        "127.1",
        "10.0.0.5/8",
        "[::1]:99999",
        "[api.partner.example]",
        None,
        b"four",
        5,
    ],
)
def test_what_is_no_host_can_not_be_listed(entry: Any) -> None:
    with pytest.raises(RegistrationError, match="a host is a name in ASCII"):
        listed([entry])


def test_a_host_instead_of_a_list_of_hosts_is_refused() -> None:
    with pytest.raises(RegistrationError, match="it is a list"):
        listed("api.partner.example")


@given(text(max_size=40) | text(alphabet="htps:/@[].0x1a%\\?# \t\r\n", max_size=40))
def test_any_text_is_read_or_refused(url: str) -> None:
    for text_ in (url, f"http://{url}", f"http://a.example{url}"):
        with suppress(RefusedURL):
            destinations("a.example", any_public=True).read(text_)


@given(sampled_from([chr(c) for c in range(0x80, 0x2_0000) if chr(c).lower().isascii()]))
def test_letters_that_only_turn_into_ascii_are_refused(letter: str) -> None:
    with pytest.raises(RefusedURL):
        destinations(any_public=True).read(f"http://{letter}.example/")


# Resolving


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to each of the answers in turn; gives what was asked."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        kind = socket.SOCK_STREAM
        return [(0, kind, 6, "", (address, port)) for address in left.pop(0)]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.anyio
async def test_a_name_may_resolve_to_public_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "2606:4700::1111", "8.8.8.8"])
    allowed = destinations("api.partner.example")

    addresses = await allowed.resolve(allowed.read("https://api.partner.example/"))

    assert addresses == [ip_address("8.8.8.8"), ip_address("2606:4700::1111")]


@pytest.mark.anyio
async def test_a_name_that_resolves_to_one_private_address_among_others_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    allowed = destinations("api.partner.example")

    with pytest.raises(RefusedURL, match=r"is at 10\.0\.0\.1, not public"):
        await allowed.resolve(allowed.read("https://api.partner.example/"))


@pytest.mark.parametrize(
    ("network", "is_allowed"),
    [("10.1.0.0/16", True), ("10.1.0.0/16:8080", False), ("10.2.0.0/16", False)],
)
@pytest.mark.anyio
async def test_a_name_may_resolve_to_a_private_address_that_is_listed_with_that_port(
    network: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["10.1.2.3"])
    allowed = destinations("billing.internal", network)
    destination = allowed.read("http://billing.internal/")

    if is_allowed:
        assert await allowed.resolve(destination) == [ip_address("10.1.2.3")]
    else:
        with pytest.raises(RefusedURL):
            await allowed.resolve(destination)


@pytest.mark.anyio
async def test_what_clouds_tell_their_machines_is_refused_though_its_network_is_listed() -> None:
    allowed = destinations("169.254.0.0/16", any_public=True)

    with pytest.raises(RefusedURL):
        await allowed.resolve(allowed.read("http://169.254.169.254/latest/meta-data/"))
