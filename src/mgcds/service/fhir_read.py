"""One read of a FHIR server: sent at most twice, its answer bounded and parsed as strictly as a request."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message

import anyio
import httpcore2
import httpx2
from anyio.to_thread import run_sync

from mgcds.chart.fhir import Resource, block, text
from mgcds.service.body import parse
from mgcds.service.errors import Refused
from mgcds.service.outbound import AddressRefused

MOST_PAGE = 5_242_880  # bytes of one answer
MOST_BYTES = 4 * MOST_PAGE  # of all answers to one request
MOST_ENTRIES = 5_000  # in all answers to one request
RETRY_SECONDS = 0.02
_INLINE = 65_536  # parsing more than this would hold up other requests, so a thread does it
_AGAIN = (502, 503, 504)
_JSON_TYPES = ("application/fhir+json", "application/json", "application/json+fhir")
_RESET = (httpcore2.ReadError, httpcore2.WriteError)
_BROKEN = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, httpcore2.UnsupportedProtocol,
           httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, UnicodeError)  # fmt: skip


class Failed(Exception):
    """Data that could not be had; `code` says why in a constant word, never with a part of an address or an answer."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class Reader:
    """Reads for one request, which share its bounds. `headers` hold the token: they are never shown."""

    client: httpx2.AsyncClient
    headers: Mapping[str, str] = field(repr=False)
    bytes_left: int = MOST_BYTES
    entries_left: int = MOST_ENTRIES

    async def resource(self, url: httpx2.URL, kind: str) -> Resource:
        """One resource of a kind. Raises Failed."""
        found = await self._parsed(url)
        if found.get("resourceType") != kind:
            raise Failed("wrong-type")
        return found

    async def page(self, url: httpx2.URL, kind: str) -> Resource:
        """A Bundle from a search for a kind; it may be empty, or hold only what the server says. Raises Failed."""
        found = await self._parsed(url)
        entries = found.get("entry", [])
        if found.get("resourceType") != "Bundle" or not isinstance(entries, list):
            raise Failed("wrong-type")
        kinds = {text(block(block(entry).get("resource")).get("resourceType")) for entry in entries} - {"OperationOutcome"}
        if kinds and kind and kind not in kinds:
            raise Failed("wrong-type")
        self.entries_left -= len(entries)
        if self.entries_left < 0:
            raise Failed("too-large")
        return found

    async def _parsed(self, url: httpx2.URL) -> Resource:
        try:
            body = await self._body(url)
            return parse(body) if len(body) < _INLINE else await run_sync(parse, body, abandon_on_cancel=True)
        except Refused:
            raise Failed("not-json") from None
        except AddressRefused:
            raise Failed("address-refused") from None
        except _BROKEN:  # their texts may hold the address, and with it the patient's id
            raise Failed("connection") from None

    async def _body(self, url: httpx2.URL) -> bytes:
        """The body of a 200. A read changes nothing, so one that was cut off or met a busy server is sent once more."""
        try:
            body = await self._sent(url)
        except _RESET:
            body = None
        if body is None:
            await anyio.sleep(RETRY_SECONDS)
            body = await self._sent(url)
        if body is None:
            raise Failed("unavailable")
        return body

    async def _sent(self, url: httpx2.URL) -> bytes | None:
        """The body of a 200, None where it is worth another try."""
        try:
            response = await self.client.send(self.client.build_request("GET", url, headers=self.headers), stream=True)
        except httpcore2.RemoteProtocolError:  # closed before it answered
            return None
        try:
            if response.status_code in _AGAIN:
                return None
            if response.status_code != 200:
                raise Failed("redirect" if response.status_code // 100 == 3 else f"status-{response.status_code}")
            kind = Message()
            kind["content-type"] = response.headers.get("content-type", "")
            if kind.get_content_type() not in _JSON_TYPES:
                raise Failed("not-json")
            return await self._bounded(response)
        finally:
            await response.aclose()

    async def _bounded(self, response: httpx2.Response) -> bytes:
        """The whole body, unpacked piece by piece so that a small answer cannot grow without bounds."""
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip"):
            raise Failed("encoding")
        unpacking = zlib.decompressobj(31) if coding == "gzip" else None
        made = bytearray()
        try:
            async for chunk in response.aiter_raw():
                piece = unpacking.decompress(chunk, MOST_PAGE + 1 - len(made)) if unpacking else chunk
                made += piece
                self.bytes_left -= len(piece)
                if len(made) > MOST_PAGE or self.bytes_left < 0:
                    raise Failed("too-large")
        except (zlib.error, httpcore2.RemoteProtocolError):
            raise Failed("truncated") from None
        if unpacking and not unpacking.eof:
            raise Failed("truncated")
        return bytes(made)
