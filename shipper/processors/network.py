"""Filebeat's networks, by name or in CIDR notation; the names mean the same as in Go."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = Callable[[Address], bool]


def addresses(texts: Sequence[str]) -> Iterator[Address]:
    """The valid addresses among `texts`; an IPv4-mapped IPv6 address becomes IPv4."""
    for text in texts:
        try:
            address = ip_address(text)
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        if "%" not in text:
            yield mapped or address


def network(text: str) -> Network:
    """The network with this name or CIDR notation; raises `ValueError` for any other text."""
    if named := NAMED.get(text):
        return named
    if "/" not in text:
        raise ValueError("not a network")
    return partial(_within, (ip_network(text, strict=False),))


def _within(networks: Sequence[IPv4Network | IPv6Network], address: Address) -> bool:
    return any(address in one for one in networks)


def _of(*texts: str) -> Network:
    return partial(_within, tuple(map(ip_network, texts)))


#: The first 16 bits of an IPv6 multicast address: `ff`, four bits of flags, and the scope.
_MULTICAST_SCOPES = range(0xFF00, 0x10000, 0x10)


def _scope(scope: int) -> list[str]:
    return [f"{start + scope:x}::/16" for start in _MULTICAST_SCOPES]


_loopback = _of("127.0.0.0/8", "::1/128")
_unspecified = _of("0.0.0.0/32", "::/128")
_broadcast = _of("255.255.255.255/32")
_multicast = _of("224.0.0.0/4", "ff00::/8")
_interface_local_multicast = _of(*_scope(1))
_link_local_multicast = _of("224.0.0.0/24", *_scope(2))
_link_local_unicast = _of("169.254.0.0/16", "fe80::/10")
_private = _of("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")


def _none_of(*networks: Network) -> Network:
    return lambda address: not any(one(address) for one in networks)


_unicast = _none_of(_broadcast, _unspecified, _loopback, _multicast, _link_local_unicast)

NAMED: Mapping[str, Network] = {
    "loopback": _loopback,
    "unicast": _unicast,
    "global_unicast": _unicast,
    "multicast": _multicast,
    "interface_local_multicast": _interface_local_multicast,
    "link_local_unicast": _link_local_unicast,
    "link_local_multicast": _link_local_multicast,
    "private": _private,
    "public": _none_of(
        *(_private, _loopback, _unspecified, _broadcast, _link_local_unicast),
        *(_link_local_multicast, _interface_local_multicast),
    ),
    "unspecified": _unspecified,
}
