"""What operators ask for: is it alive, is it ready, what has it counted."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from mgcds import __version__
from mgcds.service.condition import Condition
from mgcds.service.errors import Refused
from mgcds.service.memory import Memory
from mgcds.service.metrics import CONTENT_TYPE, Metrics
from mgcds.service.rule_numbers import DAYS, RuleGauges
from mgcds.settings import Settings


@dataclass(slots=True)
class Lasting:
    """What outlives a library: the counts, the condition of the process, and the open database (None: not opened yet)."""

    metrics: Metrics = field(default_factory=Metrics)
    condition: Condition = field(default_factory=Condition)
    memory: Memory | None = None

    def measure(self) -> None:
        """Takes into condition and counts what is not told as it happens."""
        self.condition.database_away = self.memory is not None and self.memory.is_away
        self.metrics.is_in(self.condition)
        if self.memory is not None and self.memory.recording is not None:
            self.metrics.dropped_so_far(self.memory.recording.recorder.dropped)


def add_operations(app: FastAPI, settings: Settings, lasting: Lasting, health: dict[str, Any]) -> None:
    """Adds /healthz, /readyz and /metrics. `health`: what the probes tell of the library."""
    condition, metrics = lasting.condition, lasting.metrics

    @app.get("/healthz", summary="Whether the process is alive")
    async def healthy() -> dict[str, Any]:
        return {"status": "ok", **health}

    @app.get("/readyz", summary="Whether requests can be answered", responses={503: {"description": "It is stopping"}})
    async def ready() -> JSONResponse:
        lasting.measure()
        wanting = {"degraded": condition.wanting} if condition.wanting else {}
        return JSONResponse(
            {"status": condition.word, **wanting, **health}, condition.status, headers={"cache-control": "no-store"}
        )

    if not settings.tells_metrics:
        return

    gauges = RuleGauges(lambda: lasting.memory.numbers(DAYS) if lasting.memory is not None else ())

    @app.get("/metrics", include_in_schema=False)
    async def metered(request: Request) -> Response:
        if not _may_read(request, settings):
            raise Refused(401, "login", "This address asks for a token.")
        lasting.measure()
        text = await run_sync(lambda: metrics.text() + gauges.text())
        return Response(text, media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})

    metrics.serves(health["library"], __version__)
    lasting.measure()


def _may_read(request: Request, settings: Settings) -> bool:
    if settings.metrics_token is None:
        return True
    given = request.headers.get("authorization", "").encode()
    return hmac.compare_digest(given, b"Bearer " + settings.metrics_token.get_secret_value().encode())
