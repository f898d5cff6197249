"""The web server's connection, with an end to slow and endless heads, and with outcomes in place of its own plain texts.

It also closes less in a caller's face: an idle connection that is closed just as its next request is on the way costs that
call, and whoever sent it cannot know whether it was answered.
"""

from __future__ import annotations

import json
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mgcds.service.errors import issue_of
from mgcds.service.head import MOST_HEAD

HEAD_SECONDS = 10.0  # from the first byte of a connection or of its next request until its headers are complete
# Longer than the usual proxies keep theirs (nginx: 60 s): then the one who sends is the one who closes.
KEEP_ALIVE_SECONDS = 75
LINGER_SECONDS = 0.5  # when the service stops: for a request that is on its way to a connection that seems idle


class Connection(HttpToolsProtocol):
    """As the library's, which waits for ever for the end of the headers and keeps all of them in memory meanwhile."""

    _head = 0  # bytes of a head that is not complete
    _in_head = True
    _begun = False  # some of a head has come, and not all
    _is_last = False  # the service stops: the next answer ends the connection
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
        self._in_head, self._head, self._begun = True, 0, True
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._in_head = self._begun = False
        self._stop_waiting()
        super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False  # its task has not run yet

    def shutdown(self) -> None:
        """The service stops. What has begun to come is waited for; where nothing has, it may be on its way.

        The library closes every connection without an answer under way, in the middle of a head too.
        """
        self._is_last = True
        if not self._is_idle():
            self.cycle.keep_alive = False
        elif not self._begun:  # a head that has begun is bounded by its own timer
            self.loop.call_later(LINGER_SECONDS, self._close_if_idle)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self._begun and not self.transport.is_closing():
            self.transport.close()

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
