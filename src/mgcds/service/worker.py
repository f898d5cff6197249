"""One worker process: serves on the shared socket, reloads when told to, and ends without dropping a request."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from mgcds.engine.evaluate import Engine
from mgcds.garbage import keep_memory_flat, uncollected
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.service import tracing
from mgcds.service.app import create_app
from mgcds.service.board import Board
from mgcds.service.condition import Condition
from mgcds.service.connection import KEEP_ALIVE_SECONDS, Connection
from mgcds.service.operations import Lasting
from mgcds.service.reload import Reload
from mgcds.settings import Settings

TICK_SECONDS = 0.25
GRACE_SECONDS = 10  # for requests in flight, after the drain


def options(settings: Settings) -> dict[str, Any]:
    """How the web server runs, in every worker."""
    return {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",
        "http": Connection,
        "ws": "none",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": GRACE_SECONDS,
    }


def application(settings: Settings, engine: Engine, lasting: Lasting) -> FastAPI:
    """The application for a library; the only place where one is made for serving. Raises StoreError."""
    return create_app(engine.library, settings, lasting, engine=engine)


@uncollected()  # nothing that is made here is garbage: a fifth of the start
def from_disk(settings: Settings) -> Library:
    """The library with the site's products and site file, as they are on the disk now. Raises SourceError."""
    return load(settings.rules, products=settings.product_table, site=settings.site)


def work(number: int, settings: Settings, engine: Engine, board: Board, generation: int, listening: socket.socket) -> None:
    """Serves until told to stop, in a process that was just forked. `generation`: of the board, when it was forked."""
    supervisor = os.getppid()
    keep_memory_flat()
    lasting = Lasting()
    first = application(settings, engine, lasting)
    reload = Reload(first, lasting, lambda: application(settings, Engine(from_disk(settings)), lasting))
    del engine, first
    gc.collect()
    gc.freeze()  # the library lives as long as the process; collections need not walk it again
    server = Server(uvicorn.Config(reload, **options(settings)), lasting.condition, settings.drain_seconds)

    async def follow() -> None:
        """Takes every library into use that the supervisor has tested, one after the other."""
        nonlocal generation
        mismatched = False
        while True:
            if board.generation != generation:
                generation = board.generation
                mismatched = not await reload.replace(board.library)
            lasting.condition.degraded = board.refused or mismatched
            await asyncio.sleep(TICK_SECONDS)

    async def beat() -> None:
        while True:
            board.beat(number, time.monotonic())
            lasting.measure()
            if os.getppid() != supervisor:  # it was killed and could not tell us
                server.stop(drain=False)
            await asyncio.sleep(TICK_SECONDS)

    async def serve() -> None:
        tasks = [asyncio.create_task(follow()), asyncio.create_task(beat())]
        await server.serve(sockets=[listening])
        for task in tasks:
            task.cancel()
        lasting.metrics.count_ends()

    end_traces = tracing.start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    finally:
        end_traces()


class Server(uvicorn.Server):
    """A server that says it is stopping before it stops, so that nobody is sent to a closed door."""

    def __init__(self, config: uvicorn.Config, condition: Condition, drain_seconds: float) -> None:
        super().__init__(config)
        self._condition = condition
        self._drain_seconds = drain_seconds
        self._end_at: float | None = None

    def stop(self, *, drain: bool) -> None:
        """Stops now, or first takes requests for the time of the drain. Told again, it does not stop any sooner."""
        if drain and not self._condition.stopping:
            self._end_at = time.monotonic() + self._drain_seconds
        self._condition.stopping = True
        self.should_exit = self.should_exit or not drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.stop(drain=sig == signal.SIGTERM)

    async def on_tick(self, counter: int) -> bool:
        if self._end_at is not None and time.monotonic() >= self._end_at:
            self.should_exit = True
        return await super().on_tick(counter)
