"""A client that costs next to nothing: blocking sockets, requests made beforehand, answers read and not parsed.

Its own CPU time is measured with every run (`cost`), so that a table can show that it is not what is being measured.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson


def http(path: str, body: bytes, port: int) -> bytes:
    """The bytes of a POST."""
    kind = "content-type: application/json"
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(1 << 20)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer. Raises ValueError for another status than 200."""
        self._socket.sendall(request)
        size, end, length = 0, -1, 0
        view = memoryview(self._buffer)
        while end < 0 or size < end + length:
            got = self._socket.recv_into(view[size:])
            if not got:
                raise ValueError("the connection was closed")
            size += got
            if end < 0 and (found := self._buffer.find(b"\r\n\r\n", 0, size)) >= 0:
                end = found + 4
                head = bytes(self._buffer[:end]).lower()
                if not head.startswith(b"http/1.1 200"):
                    raise ValueError(head.split(b"\r\n")[0].decode())
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return bytes(self._buffer[end : end + length])

    def close(self) -> None:
        self._socket.close()


@dataclass
class Taken:
    """Seconds of each request; `cost`: CPU seconds of the client for all of them; `lasted`: from first to last."""

    seconds: list[float] = field(default_factory=list)
    cost: float = 0.0
    lasted: float = 0.0

    def at(self, share: float) -> float:
        """A quantile in milliseconds."""
        ranked = sorted(self.seconds)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    @property
    def a_second(self) -> float:
        return len(self.seconds) / self.lasted


def one_by_one(port: int, requests: Sequence[bytes], count: int) -> Taken:
    """One client, each request after the answer to the one before; the requests in turn."""
    client, taken = Client(port), Taken()
    cpu, begun = time.process_time(), time.perf_counter()
    for number in range(count):
        start = time.perf_counter()
        client.ask(requests[number % len(requests)])
        taken.seconds.append(time.perf_counter() - start)
    taken.lasted, taken.cost = time.perf_counter() - begun, time.process_time() - cpu
    client.close()
    return taken


def at_once(port: int, requests: Sequence[bytes], count: int, clients: int) -> Taken:
    """Several clients, each request after the answer to the client's one before: as much as the server can take."""
    return _together(port, requests, [None] * count, clients)


def at_rate(port: int, requests: Sequence[bytes], count: int, rate: float, clients: int, seed: int = 1) -> Taken:
    """Requests at random moments, `rate` a second on average, whether or not earlier ones are answered.

    A request that finds every client busy waits, and its waiting counts: from the moment at which it was due.
    """
    rng, due, moments = random.Random(seed), 0.0, []
    for _ in range(count):
        due += rng.expovariate(rate)
        moments.append(due)
    return _together(port, requests, moments, clients)


def _together(port: int, requests: Sequence[bytes], moments: list[Any], clients: int) -> Taken:
    taken, waiting, lock = Taken(), enumerate(moments), threading.Lock()
    cpu, begun = time.process_time(), time.perf_counter()

    def work() -> None:
        client = Client(port)
        while True:
            with lock:
                number, due = next(waiting, _END)
            if number < 0:
                break
            start = time.perf_counter()
            if due is not None:
                start = begun + due
                time.sleep(max(0.0, start - time.perf_counter()))
            client.ask(requests[number % len(requests)])
            seconds = time.perf_counter() - start
            with lock:
                taken.seconds.append(seconds)
        client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.lasted, taken.cost = time.perf_counter() - begun, time.process_time() - cpu
    return taken


_END = (-1, None)


def rules_of(answer: bytes) -> set[str]:
    """The rules that an answer of ours has on its cards, or {"constant"} of the floor, {"peer"} of the peer."""
    cards = orjson.loads(answer)["cards"]
    found = {finding["rule"] for card in cards for finding in card.get("extension", {}).get("org.mgcds.findings", [])}
    return found or {str(card["source"]["label"]) for card in cards}
