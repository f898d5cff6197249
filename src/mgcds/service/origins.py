"""Which FHIR servers may be contacted for a caller, and at which network addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

from mgcds.service.clients import Client, Clients, is_loopback

LONGEST = 2048
# Neither user, query, fragment, backslash nor white space: what two parsers could read in two ways is no address here.
_BASE = re.compile(
    r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(/[\w.~%!$&'()*+,;=:@/-]*)?", re.ASCII | re.IGNORECASE
)
_PORTS = {"http": 80, "https": 443}
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_NAT64 = IPv6Network("64:ff9b::/96")


class Reach(Enum):
    """The network addresses that a server's name may stand for."""

    PUBLIC = "public"
    PRIVATE = "public, private or loopback"
    LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Server:
    """A FHIR server that may be contacted: its base address without a slash at the end."""

    base: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Allowed:
    """The FHIR servers of a caller: base address -> whether its network addresses may be private."""

    servers: Mapping[str, bool]
    is_local: bool = False  # only this machine reaches the service, so a server on it is nobody's back door
    any_local: bool = False  # ... and nobody is authenticated: any server on this machine will do

    def server(self, address: str) -> Server | None:
        """The server that a request names, None where it must not be contacted."""
        base = base_of(address)
        if base is None:
            return None
        local = self.is_local and is_loopback(host_of(base))
        if local and (self.any_local or base in self.servers):
            return Server(base, Reach.LOOPBACK)
        return Server(base, Reach.PRIVATE if self.servers[base] else Reach.PUBLIC) if base in self.servers else None


def allowed(listed: Iterable[str], *, private: bool, is_local: bool = False) -> Allowed:
    """These servers and no other."""
    return Allowed({base: private for address in listed if (base := base_of(address))}, is_local)


def allowed_for(client: Client | None, clients: Clients, *, is_local: bool) -> Allowed:
    """The servers of one client; for callers that are not authenticated (None) those of every client."""
    if client is not None:
        return allowed(client.fhir_servers, private=client.private_addresses == "allowed", is_local=is_local)
    servers: dict[str, bool] = {}
    for each in clients.by_issuer.values():
        for base in allowed(each.fhir_servers, private=False).servers:
            servers[base] = servers.get(base, False) or each.private_addresses == "allowed"
    return Allowed(servers, is_local, any_local=is_local)


def base_of(address: str) -> str | None:
    """A base address in its normal form, None where it is none: small letters, no default port, no slash at the end."""
    match = _BASE.fullmatch(address) if len(address) <= LONGEST else None
    if match is None:
        return None
    scheme, host, port, path = match[1].lower(), match[2].lower(), match[3], (match[4] or "").rstrip("/")
    if {unquote(step) for step in path.split("/")} & {".", ".."} or (port and not 0 < int(port) < 65536):
        return None
    return f"{scheme}://{host}{'' if not port or int(port) == _PORTS[scheme] else f':{int(port)}'}{path}"


def host_of(base: str) -> str:
    """The host of an address that `base_of` made."""
    match = _BASE.fullmatch(base)
    return match[2] if match else ""


def is_reachable(address: str, reach: Reach) -> bool:
    """Whether a network address (digits, not a name) may be connected to."""
    try:
        ip = _inner(ip_address(address))
    except ValueError:
        return False
    if reach is Reach.LOOPBACK:
        return ip.is_loopback
    if reach is Reach.PRIVATE and (ip.is_loopback or any(ip in network for network in _PRIVATE)):
        return True
    local = ip.is_link_local or ip.is_multicast or ip.is_unspecified or (isinstance(ip, IPv6Address) and ip.is_site_local)
    return ip.is_global and not local and not ip.is_reserved


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(ip, IPv4Address):
        return ip
    nat64 = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or nat64 or ip
