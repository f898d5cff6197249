"""A service that stops answers what is on its way; it closes no connection in a caller's face."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from mgcds.service import connection
from mgcds.service.connection import KEEP_ALIVE_SECONDS, Connection
from mgcds.service.worker import options
from mgcds.settings import Settings

ASK = b"GET / HTTP/1.1\r\nhost: cds.example.org\r\n\r\n"


async def answering(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


class Stopping(uvicorn.Server):
    """A server that says when it has told every connection to end."""

    told = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        one = next(iter(self.server_state.connections))
        assert isinstance(one, Connection)
        honest = one.shutdown

        def shutdown() -> None:
            honest()
            self.told = True

        one.shutdown = shutdown  # type: ignore[method-assign]
        await super().shutdown(sockets)


@pytest.fixture
def server() -> Iterator[tuple[Stopping, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    running = Stopping(
        uvicorn.Config(answering, http=Connection, lifespan="off", log_config=None, timeout_graceful_shutdown=10)
    )
    thread = threading.Thread(target=lambda: running.run(sockets=[listening]), daemon=True)
    thread.start()
    until(lambda: running.started)
    yield running, listening.getsockname()[1]
    running.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    "sent_before", [b"", ASK, ASK + ASK[:9], ASK[:9]], ids=["fresh", "kept", "kept, half a head", "half a head"]
)
def test_a_request_that_is_on_its_way_when_the_service_stops_is_answered(
    server: tuple[Stopping, int], monkeypatch: pytest.MonkeyPatch, sent_before: bytes
) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 5.0)  # a busy machine may take its time
    running, port = server
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(sent_before)
        if sent_before.startswith(ASK):
            assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: bool(running.server_state.connections))
        if sent_before not in (b"", ASK):
            until(lambda: any(each._begun for each in running.server_state.connections))  # type: ignore[union-attr]
        running.should_exit = True
        until(lambda: running.told)
        raw.sendall(ASK[9:] if sent_before.endswith(ASK[:9]) else ASK)
        answer = b""
        while chunk := raw.recv(1000):  # to the end of the connection
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def test_a_connection_on_which_nothing_comes_does_not_hold_the_end_up(
    server: tuple[Stopping, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.05)
    running, port = server
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(ASK)
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        running.should_exit = True
        assert raw.recv(1000) == b""
    until(lambda: not running.server_state.connections)


def test_connections_are_kept_for_longer_than_proxies_keep_theirs() -> None:
    """nginx keeps one for 60 seconds; who keeps it for longer is not the one who closes it under a request."""
    assert options(Settings())["timeout_keep_alive"] == KEEP_ALIVE_SECONDS > 60
