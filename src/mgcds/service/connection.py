"""The web server's connection, with an end to slow and endless heads, and with outcomes in place of its own plain texts."""

from __future__ import annotations

import json
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mgcds.service.errors import issue_of
from mgcds.service.head import MOST_HEAD

HEAD_SECONDS = 10.0  # from the first byte of a connection or of its next request until its headers are complete


class Connection(HttpToolsProtocol):
    """As the library's, which waits for ever for the end of the headers and keeps all of them in memory meanwhile."""

    _head = 0  # bytes of a head that is not complete
    _in_head = True
    _waiting: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > 2 * MOST_HEAD and not self.transport.is_closing():
            self._refuse(431, "too-long", f"Address and headers are longer than {MOST_HEAD} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its text says what our own says
        self._refuse(400, "structure", "This is not an HTTP request.")

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _too_slow(self) -> None:
        self._waiting = None
        if not self.transport.is_closing():
            self._refuse(408, "timeout", "The request came too slowly.")

    def _refuse(self, status: int, code: str, text: str) -> None:
        body = json.dumps(issue_of(status, code, text)).encode()
        headers: dict[str, Any] = {
            "content-type": "application/json",
            "content-length": len(body),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + lines.encode() + b"\r\n" + body)
        self.transport.close()
