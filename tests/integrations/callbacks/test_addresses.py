"""Which addresses are public; Python's ``ipaddress`` is the other side."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses, sampled_from

from eventrouter.integrations.callbacks.addresses import is_metadata, is_public

NEAR = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",  # IPv4-compatible
    "::ffff:0:0/96",  # IPv4-mapped
    "64:ff9b::7f00:0/104",  # NAT64 of 127.0.0.0/8
    "64:ff9b::a00:0/104",  # NAT64 of 10.0.0.0/8
    "64:ff9b:1::/48",  # NAT64 of a network's own
    "100::/64",
    "2001::/32",  # Teredo
    "2001:2::/48",  # benchmarking
    "2001:10::/28",
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


@given(sampled_from(NEAR).flatmap(lambda network: ip_addresses(network=network)))
def test_no_address_of_a_special_network_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(ip_addresses(v=4) | ip_addresses(v=6) | ip_addresses(v=6, network="2000::/3"))
def test_what_is_public_is_so_for_python_too(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@given(ip_addresses(v=4))
def test_nat64_is_as_public_as_the_address_in_it(address: IPv4Address) -> None:
    inside = IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))

    assert is_public(inside) == is_public(address)


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_the_hosts_of_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254%eth0",
    ],
)
def test_what_clouds_tell_their_machines_is_not_public(text: str) -> None:
    assert is_metadata(ip_address(text))
    assert not is_public(ip_address(text))
