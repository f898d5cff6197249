"""Resolves a host once, and refuses addresses inside the house that nobody allowed.

The name of a host belongs to somebody else, who may let it point anywhere. So it is resolved once, what it points to is
checked, and the connection goes to that very address.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from anyio import getaddrinfo

from mgcds.service.clients import is_loopback

IPAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
_THIS_NETWORK = ip_network("0.0.0.0/8")
_TRANSLATED = ip_network("64:ff9b::/96")  # an IPv4 address behind a translator stands in its last 32 bits


class NoAddress(Exception):
    """A host has no address that may be used; the message says why, without the address."""


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system gives them."""
    try:
        found = await getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoAddress("its host has no address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def pinned(host: str, port: int, *, private: bool, resolve: Resolve = resolved) -> list[str]:
    """The addresses of a host to which a connection may go, best first; at least one. Raises NoAddress.

    `private`: whether addresses of a local network are allowed. Those of this machine are, where `host` names it itself.
    Link-local ones never are: cloud machines find their own credentials there.
    """
    local = is_loopback(host)
    allowed = [each for each in await resolve(host, port) if is_allowed(ip_address(each), private=private, local=local)]
    if not allowed:
        raise NoAddress("its host has no address that is allowed")
    return allowed


def is_allowed(address: IPAddress, *, private: bool, local: bool) -> bool:
    """Whether a connection may go to an address."""
    inner = _inner(address)
    if inner is not None:
        return is_allowed(inner, private=private, local=local)
    if address.is_loopback:
        return local
    if address.is_multicast or address.is_link_local or address.is_unspecified or address.is_reserved:
        return False
    if address in _THIS_NETWORK:
        return False
    return private or address.is_global


def _inner(address: IPAddress) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one carries."""
    if isinstance(address, IPv4Address):
        return None
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
