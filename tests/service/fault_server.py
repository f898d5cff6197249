"""A FHIR server on loopback that can fail in every way a test asks for, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

Json = dict[str, Any]


@dataclass
class Asked:
    """One request as it arrived."""

    path: str  # with the query, as sent
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        return urlsplit(self.path).path.removeprefix("/fhir/").split("/")[0]


@dataclass
class Answer:
    """What to send: a body as JSON, or raw bytes."""

    body: Any = None
    status: int = 200
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    until: Callable[[], bool] = lambda: True  # waits for this
    reset: bool = False
    short: bool = False  # half of the announced body, then the end
    packed: bool = False
    drip: bool = False  # the body comes byte by byte, for ever

    def content(self) -> bytes:
        plain = self.raw if self.raw is not None else json.dumps(self.body).encode()
        return gzip.compress(plain) if self.packed else plain


Answering = Callable[[Asked], Answer]


class FaultServer:
    """Runs in a thread of its own; `answer` may be replaced at any time."""

    def __init__(self, answer: Answering, *, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self.closed = threading.Event()  # set while no connection is open
        self.names: list[str | None] = []  # TLS server names
        self._open = 0
        self._context = context
        if context is not None:
            context.sni_callback = lambda _, name, __: self.names.append(name)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        self.base = f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/fhir"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @property
    def kinds(self) -> list[str]:
        """What was asked for, sorted."""
        return sorted(asked.kind for asked in self.asked)

    def queries(self, kind: str) -> list[str]:
        return [unquote(asked.path) for asked in self.asked if asked.kind == kind]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open += 1
        self.closed.clear()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").rstrip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                self.asked.append(Asked(first.split()[1], headers))
                if not await self._send(self.answer(self.asked[-1]), writer):
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            self._open -= 1
            if not self._open:
                self.closed.set()

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        await asyncio.sleep(answer.delay)
        while not answer.until():
            await asyncio.sleep(0.005)
        if answer.reset:
            writer.transport.abort()
            return False
        content = answer.content()
        headers = {
            "content-type": "application/fhir+json",
            "content-length": str(len(content) + 1_000_000 * answer.drip),
            **answer.headers,
        }
        if answer.packed:
            headers["content-encoding"] = "gzip"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {answer.status} Any\r\n{head}\r\n".encode() + content[: len(content) // (2 if answer.short else 1)]
        )
        await writer.drain()
        while answer.drip:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
        return not answer.short
