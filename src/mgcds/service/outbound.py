"""An HTTP client that connects only to network addresses it has checked, and to no proxy."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpcore2
import httpx2

from mgcds.service.origins import Reach, is_reachable

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
# Patience with each address, round by round. A server whose queue is full for a moment drops the packet that asks for a
# connection, and the system sends the next one only after a second; asking again soon is what gets in.
ROUNDS = (0.1, 0.2)  # seconds; what the deadline leaves after that
MOST_CONNECTIONS = 64
KEPT_SECONDS = 30.0
# Both libraries log whole addresses (with the patient's id) and, at DEBUG, headers (with the token).
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class AddressRefused(httpcore2.ConnectError):
    """A name that stands for an address which must not be connected to."""


def client(reach: Reach, context: ssl.SSLContext, resolver: Resolver | None = None) -> httpx2.AsyncClient:
    """A client without proxies, redirects and cookies. Callers set the deadline: it has no time limits of its own."""
    return httpx2.AsyncClient(
        transport=_Transport(reach, resolver or _resolved, context),
        headers={"user-agent": "mgcds"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=None,
        follow_redirects=False,
        trust_env=False,
    )


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Checked(httpcore2.AsyncNetworkBackend):
    """Resolves a name once, checks every address it stands for, and connects to one of the very addresses it checked.

    The name stays in the Host header and in the TLS handshake. A name that is resolved again for the connection could
    stand for another address by then (DNS rebinding).
    """

    def __init__(self, reach: Reach, resolver: Resolver) -> None:
        self._reach, self._resolver, self._inner = reach, resolver, httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._resolver(host.strip("[]"), port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise httpcore2.ConnectError
        if not all(is_reachable(address, self._reach) for address in addresses):
            raise AddressRefused
        for seconds in (*ROUNDS, timeout):
            slow = []
            for address in addresses:
                try:
                    return await self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
                except httpcore2.ConnectTimeout:
                    slow.append(address)
                except httpcore2.ConnectError:
                    continue
            addresses = slow
        raise httpcore2.ConnectError

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


class _Transport(httpx2.AsyncBaseTransport):
    """What httpx2's own transport is, over connections of `_Checked`."""

    def __init__(self, reach: Reach, resolver: Resolver, context: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS // 2,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=_Checked(reach, resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            extensions=request.extensions,
        )
        answer = await self._pool.handle_async_request(asked)
        assert isinstance(answer.stream, AsyncIterable)
        body = _Body(answer.stream)
        return httpx2.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()
