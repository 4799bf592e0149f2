"""Where callbacks may go: a URL comes from the event, so whoever sends events chose it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import anyio
from attrs import frozen

from eventrouter.errors import EventRouterError, RegistrationError, quoted
from eventrouter.integrations.callbacks.addresses import Address, Network, is_metadata, is_public

_LONGEST = 2_048  # characters of a URL
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORTS = range(1, 65_536)

# One way to write each, so that no two parsers can read it differently: neither user info nor
# backslash, no white space, nothing outside ASCII, no percent sign in the host.
_NAME = r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}"
_HOST = rf"(?P<host>{_NAME}|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?"
_FLAGS = re.ASCII | re.IGNORECASE
_URL = re.compile(rf"(?P<scheme>https?)://{_HOST}(?:[/?#][!-\[\]-~]*)?", _FLAGS)
_ENTRY = re.compile(_HOST, _FLAGS)
_NETWORK = re.compile(r"(?P<network>\[[0-9a-f:./]+\]|[0-9./]+)(?::(?P<port>[0-9]{1,5}))?", _FLAGS)
# By https://url.spec.whatwg.org/#ends-in-a-number-checker such a host is an IPv4 address, and
# resolvers take it for one: 2130706433, 0x7f.1, 017700000001.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", _FLAGS)


class RefusedURL(EventRouterError):
    """Raised when a callback's URL leads where none may go."""


@frozen
class Destination:
    """
    Where a callback goes, by its URL.

    Attributes:
        url: The URL.
        host: The host's name, or its address as the URL writes it, in lower case.
        address: The address, if the URL gives one instead of a name.
        port: The port.
        default_port: The port that the URL's scheme stands for.
    """

    url: str
    host: str
    address: Address | None
    port: int
    default_port: int

    @property
    def authority(self) -> str:
        """Host and port as a ``Host`` header has them, RFC 9110, section 7.2."""
        return self.host if self.port == self.default_port else f"{self.host}:{self.port}"


@frozen
class Listed:
    """An entry of ``hosts``: a name or a network, with a port or the scheme's own."""

    name: str | None
    network: Network | None
    port: int | None

    def names(self, destination: Destination) -> bool:
        """Whether it is the host that the URL names."""
        if destination.address is not None:
            return self.holds(destination.address, destination)
        return self.name == destination.host and self._is_at_port_of(destination)

    def holds(self, address: Address, destination: Destination) -> bool:
        """Whether the address may be connected to, public or not."""
        if self.network is None or address not in self.network:
            return False
        return self._is_at_port_of(destination)

    def _is_at_port_of(self, destination: Destination) -> bool:
        return destination.port == (self.port or destination.default_port)


@frozen
class Destinations:
    """
    Where callbacks may go.

    Args:
        listed: What the developer listed.
        any_public: Whether any public host may be called, on the port of its scheme.
    """

    listed: tuple[Listed, ...]
    any_public: bool

    def read(self, url: Any) -> Destination:
        """
        Read a URL and look whether it may be called, as far as it can be told without resolving.

        Raises:
            RefusedURL: If it may not.
        """
        if not isinstance(url, str):
            raise RefusedURL(f"the URL is no text but {type(url).__qualname__}")
        match = _URL.fullmatch(url) if len(url) <= _LONGEST else None
        if match is None:
            raise RefusedURL(
                f"not a plain http or https URL of at most {_LONGEST:,} ASCII characters, without "
                "user info"
            )
        host = match["host"].lower()
        address = _address(host)
        default_port = _DEFAULT_PORTS[match["scheme"].lower()]
        port = int(match["port"] or default_port)
        destination = Destination(url, host, address, port, default_port)
        is_usual = self.any_public and port == default_port
        if not is_usual and not any(entry.names(destination) for entry in self.listed):
            raise RefusedURL(f"{quoted(destination.authority)} is not among the hosts listed")
        return destination

    async def resolve(self, destination: Destination) -> list[Address]:
        """
        The addresses to connect to, none of which leads where no callback may go.

        Raises:
            RefusedURL: If one of them does.
            OSError: If the name can't be resolved.
        """
        addresses = [destination.address] if destination.address else await _resolved(destination)
        for address in addresses:
            is_listed = any(entry.holds(address, destination) for entry in self.listed)
            if is_metadata(address) or not (is_listed or is_public(address)):
                raise RefusedURL(f"{quoted(destination.authority)} is at {address}, not public")
        return addresses


def listed(hosts: Iterable[str]) -> tuple[Listed, ...]:
    """
    Read what the developer listed.

    Raises:
        RegistrationError: If an entry is no host.
    """
    if isinstance(hosts, str):
        raise RegistrationError(f"hosts={hosts!r}: it is a list, such as [{hosts!r}]")
    return tuple(map(_entry, hosts))


def _entry(text: Any) -> Listed:
    if isinstance(text, str):
        if text.count(":") > 1 and "[" not in text:  # IPv6 needs no brackets without a port
            text = f"[{text}]"
        try:
            match = _NETWORK.fullmatch(text)
            if match is not None:
                network = ip_network(match["network"].strip("[]"))
                return Listed(None, network, _port(match["port"]))
            match = _ENTRY.fullmatch(text)
            if match is not None and _address(match["host"]) is None:
                return Listed(match["host"].lower(), None, _port(match["port"]))
        except (ValueError, RefusedURL):
            pass  # said below
    raise RegistrationError(
        f"hosts=[{text!r}]: a host is a name in ASCII, an address or a network, with a port or "
        "without, such as 'api.partner.example', '127.0.0.1:8080', '10.1.0.0/16', '[::1]:8080'"
    )


def _port(text: str | None) -> int | None:
    if text is not None and int(text) not in _PORTS:
        raise ValueError(text)
    return int(text) if text else None


def _address(host: str) -> Address | None:
    """The address that a host is, if it is no name."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return IPv4Address(host)
    except AddressValueError:
        raise RefusedURL(f"{quoted(host)} is no address as addresses are usually written") from None
    return None


async def _resolved(destination: Destination) -> list[Address]:
    found = await anyio.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(socket_address[0]) for *_, socket_address in found))
