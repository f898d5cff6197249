"""The service behind a real socket: senders that are slow, endless, or no clients at all."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from mgcds.language.library import Library
from mgcds.service import connection
from mgcds.service.app import create_app
from mgcds.service.connection import Connection
from mgcds.service.head import MOST_HEAD
from mgcds.settings import Settings
from tests.service.conftest import TODAY, Client

POST = b"POST /cds-services/mgcds-patient-view HTTP/1.1\r\nhost: cds.example.org\r\ncontent-type: application/json\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        assert found["resourceType"] == "OperationOutcome"
        issue: dict[str, Any] = found["issue"][0]
        return issue


@pytest.fixture(scope="module")
def port(library: Library) -> Iterator[int]:
    patched = pytest.MonkeyPatch()
    patched.setattr(connection, "HEAD_SECONDS", 1.0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    settings = Settings(today=TODAY, port=number, body_seconds=1.0, concurrency=2, max_body=100_000)
    app = create_app(library, settings)
    running = uvicorn.Server(uvicorn.Config(app, port=number, log_config=None, http=Connection, ws="none"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    yield number
    running.should_exit = True
    thread.join(timeout=15)
    patched.undo()


def opened(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.settimeout(30)
    return made


def answer_of(raw: socket.socket) -> Answer:
    """One answer, read as far as its length says."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = raw.recv(65536)
        assert more, "closed without an answer"
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(headers.get("content-length", 0)):
        body += raw.recv(65536)
    return Answer(int(first.split()[1]), headers, body)


def is_closed(raw: socket.socket) -> bool:
    try:
        return raw.recv(1) == b""
    except ConnectionError:
        return True


def sent(port: int, data: bytes) -> Answer:
    with opened(port) as raw:
        raw.sendall(data)
        return answer_of(raw)


@pytest.mark.parametrize("data", [b"canaryJaneDoe\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"{}\r\n\r\n"])
def test_what_is_no_http_gets_an_outcome_without_an_echo(port: int, data: bytes) -> None:
    answer = sent(port, data)
    assert (answer.status, answer.outcome["code"]) == (400, "structure")
    assert b"canary" not in answer.body
    assert answer.headers["connection"] == "close"


def test_a_body_that_comes_too_slowly_is_408(port: int) -> None:
    with opened(port) as raw:
        raw.sendall(POST + b"content-length: 50000\r\n\r\n" + b'{"hook": ')
        answer = answer_of(raw)
        assert (answer.status, answer.outcome["code"]) == (408, "timeout")
        assert is_closed(raw)


def test_headers_that_never_end_are_408(port: int) -> None:
    with opened(port) as raw:
        raw.sendall(POST + b"x-more: ")
        answer = answer_of(raw)
        assert (answer.status, answer.outcome["code"]) == (408, "timeout")
        assert is_closed(raw)


def test_a_connection_on_which_nothing_comes_is_closed(port: int) -> None:
    with opened(port) as raw:
        assert answer_of(raw).status == 408
        assert is_closed(raw)


def test_headers_without_end_take_no_memory_without_end(port: int) -> None:
    sent_bytes, line = 0, b"x-more: " + b"y" * 4000 + b"\r\n"
    with opened(port) as raw, contextlib.suppress(ConnectionError):  # closed while we send
        raw.sendall(POST)
        while sent_bytes < 100_000_000:
            raw.sendall(line)
            sent_bytes += len(line)
    assert MOST_HEAD < sent_bytes < 100_000_000  # what lies in the sockets' buffers counts too


def test_a_length_that_lies(port: int, client: Client) -> None:
    body = json.dumps(client.fixture("01-nothing-to-say")).encode()
    short = sent(port, POST + b"content-length: %d\r\n\r\n" % (len(body) - 5) + body)
    assert short.status == 400
    huge = sent(port, POST + b"content-length: 999999999999\r\n\r\n" + body)
    assert huge.status == 413
    for wrong in (b"content-length: -1\r\n", b"content-length: x\r\n", b"content-length: 5\r\ncontent-length: 6\r\n",
                  b"content-length: 5\r\ntransfer-encoding: chunked\r\n"):  # fmt: skip
        assert sent(port, POST + wrong + b"\r\n" + body).status == 400


def test_a_chunked_body_is_counted_as_it_comes(port: int, client: Client) -> None:
    body = json.dumps(client.fixture("01-nothing-to-say")).encode()
    head = POST + b"transfer-encoding: chunked\r\n\r\n"
    good = head + b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body))) + b"0\r\n\r\n"
    assert sent(port, good).status == 200
    assert sent(port, head + b"186a1\r\n" + b" " * 100_001 + b"\r\n0\r\n\r\n").status == 413
    assert sent(port, head + b"zz\r\n").status == 400


def test_a_call_beyond_the_places_is_503_and_says_when_to_call_again(port: int, client: Client) -> None:
    body = json.dumps(client.fixture("01-nothing-to-say")).encode()
    whole = POST + b"content-length: %d\r\n\r\n" % len(body) + body
    with opened(port) as one, opened(port) as two:
        for raw in (one, two):  # each holds a place while its body comes
            raw.sendall(whole[:-1])
        deadline = time.monotonic() + 0.9
        while (answer := sent(port, whole)).status != 503 and time.monotonic() < deadline:
            time.sleep(0.01)
        health = sent(port, b"GET /healthz HTTP/1.1\r\nhost: cds.example.org\r\n\r\n")
        assert (answer.status, answer.outcome["code"], answer.headers["retry-after"]) == (503, "throttled", "1")
        assert health.status == 200
    while (answer := sent(port, whole)).status == 503:  # both gave their places back
        time.sleep(0.05)
    assert answer.status == 200


def test_two_requests_on_one_connection(port: int, client: Client) -> None:
    body = json.dumps(client.fixture("02-severely-low-mmol")).encode()
    whole = POST + b"content-length: %d\r\n\r\n" % len(body) + body
    with opened(port) as raw:
        for _ in range(2):
            raw.sendall(whole)
            assert answer_of(raw).status == 200


@pytest.mark.parametrize(
    "target",
    [b"OPTIONS *", b"GET http://other.example.org/nothing", b"GET //cds-services", b"GET /cds-services//feedback", b"POST /cds-services/",
     b"GET /cds-services/%00", b"GET /cds-services/%0d%0aset-cookie:x", b"GET /%ff%fe", b"GET /..", b"GET /cds-services/../metrics",
     b"TRACE /cds-services", b"PATCH /", b"DELETE /cds-services/mgcds-patient-view/feedback/x", b"GET /rules/%2e%2e%2fpolicy"],
)  # fmt: skip
def test_any_target_gets_an_answer_of_ours(port: int, target: bytes) -> None:
    answer = sent(port, target + b" HTTP/1.1\r\nhost: cds.example.org\r\n\r\n")
    assert answer.status in (400, 404, 405)
    assert answer.outcome["diagnostics"]
    assert "x-request-id" in answer.headers
    assert "set-cookie" not in answer.headers
