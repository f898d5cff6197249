"""The fetcher of an application, made when it is needed: the HTTP client is a tenth of the start, and 8 MB."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync

from mgcds.service.lacking import Plan

if TYPE_CHECKING:
    from mgcds.service.fetch import Fetcher


class Fetching:
    """Where a site lists no servers to fetch from, few processes ever fetch; where it does, call `ready` at the start."""

    def __init__(self, deadline_ms: int) -> None:
        self._deadline_ms = deadline_ms
        self._fetcher: Fetcher | None = None
        self._lock = Lock()

    def ready(self) -> Fetcher:
        """The fetcher. The first call takes some 0.2 s."""
        from mgcds.service.fetch import Fetcher

        with self._lock:
            if self._fetcher is None:
                self._fetcher = Fetcher(self._deadline_ms)
            return self._fetcher

    async def fetch(self, plan: Plan) -> Mapping[str, Any]:
        """As `Fetcher.fetch`, whose deadline begins when the fetcher is there."""
        if self._fetcher is None:
            await run_sync(self.ready)
        return await self.ready().fetch(plan)

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._fetcher is not None:
            await self._fetcher.aclose()
