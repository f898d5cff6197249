"""One application after another in a running process: new requests go to the new one, those in flight end on the old."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import _lru_cache_wrapper
from typing import Any

import structlog
from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from mgcds import __version__
from mgcds.service.operations import Lasting
from mgcds.source import SourceError

log = structlog.get_logger(__name__)


class Reload:
    """The ASGI application that the server knows. It holds the current one, and one assignment replaces it."""

    def __init__(self, first: FastAPI, lasting: Lasting, make: Callable[[], FastAPI]) -> None:
        """`make` loads the library anew and makes an application of it; it blocks, so it runs in a thread."""
        self._lasting = lasting
        self._make = make
        self._current = _Serving(first)
        self._ending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        serving = self._current  # held to the end of this request, whatever comes meanwhile
        await serving.answer(scope, receive, send)

    @property
    def library(self) -> str:
        """The hash of the library that new requests meet."""
        return str(self._current.app.state.library.hash)

    async def replace(self, expected: str) -> bool:
        """Takes the library on the disk into use; whether it is in use now.

        `expected`: the hash of what was tested. Where the disk holds another one meanwhile, or one that cannot be used, the
        old one goes on.
        """
        try:
            app = await run_sync(self._make)
        except SourceError as error:
            for problem in error.problems:
                log.error("library refused", problem=str(problem))
            return self._stay()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new library, the old one answers
            log.error("library refused", kind=type(error).__name__)
            return self._stay()
        if app.state.library.hash != expected:
            log.error("library refused", problem="the files were changed after the test; send SIGHUP again")
            await run_sync(app.state.engine.close)
            return self._stay()
        new = _Serving(app)
        try:
            await new.start()
        except Exception as error:  # noqa: BLE001 - as above
            log.error("library refused", kind=type(error).__name__)
            await run_sync(app.state.engine.close)
            return self._stay()
        old, self._current = self._current, new  # the one assignment
        self._lasting.metrics.serves(self.library, __version__)
        self._lasting.metrics.reloads.labels("done").inc()
        log.info("library replaced", library=self.library)
        ending = asyncio.create_task(self._end(old))
        del old
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return True

    def _stay(self) -> bool:
        self._lasting.metrics.serves(self.library, __version__)
        self._lasting.metrics.reloads.labels("refused").inc()
        return False

    async def _end(self, serving: _Serving) -> None:
        """Ends what was replaced as soon as its last request is answered, and keeps the new library out of collections."""
        await serving.idle.wait()
        await serving.stop()
        await run_sync(serving.app.state.engine.close)
        del serving
        _forget_endpoints()
        gc.unfreeze()  # what was frozen with the old library is full of cycles, and would never be collected
        gc.collect()
        gc.freeze()

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan of the process: starts the first application, and at the end stops the last and lets go of the store."""
        await receive()
        try:
            await self._current.start()
        except Exception as error:  # noqa: BLE001 - the server would log it with its text
            log.error("not started", kind=type(error).__name__)
            await send({"type": "lifespan.startup.failed"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.gather(*self._ending)
        await self._current.stop()
        if self._lasting.memory is not None:
            await run_sync(self._lasting.memory.close)
        await send({"type": "lifespan.shutdown.complete"})


def _forget_endpoints() -> None:
    """Empties the framework's caches: their keys are the endpoints of every application, each of which holds its library."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fastapi."):
            for value in list(vars(module).values()):
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


class _Serving:
    """One application, how many requests are on it, and its own lifespan."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.idle = asyncio.Event()
        self.idle.set()
        self._requests = 0
        self._lifespan: AbstractAsyncContextManager[Any] | None = None

    async def start(self) -> None:
        self._lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespan.__aenter__()

    async def stop(self) -> None:
        if self._lifespan is not None:
            await self._lifespan.__aexit__(None, None, None)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._requests += 1
        self.idle.clear()
        try:
            await self.app(scope, receive, send)
        finally:
            self._requests -= 1
            if not self._requests:
                self.idle.set()
