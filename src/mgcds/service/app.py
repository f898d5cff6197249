"""The HTTP application: discovery, the services and their feedback, rule pages and what operators ask for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from mgcds import __version__
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.service import errors
from mgcds.service.admission import Clock, Gate, Rate
from mgcds.service.answering import Answering
from mgcds.service.audit import open_audit
from mgcds.service.caller import ANYBODY, Caller
from mgcds.service.clients import Clients, read_clients
from mgcds.service.cors import Cors
from mgcds.service.direct import Direct
from mgcds.service.discovery import services_of
from mgcds.service.envelope import Envelope
from mgcds.service.errors import Refused
from mgcds.service.exchange import current
from mgcds.service.feedback import BODY
from mgcds.service.fetching import Fetching
from mgcds.service.head import HeadLimit, is_known
from mgcds.service.memory import open_memory
from mgcds.service.operations import Lasting, add_operations
from mgcds.service.pages import add_pages
from mgcds.service.requests import CONTEXTS
from mgcds.service.taking import take_body
from mgcds.settings import Settings

if TYPE_CHECKING:
    from mgcds.service.trust import TokenStore, Trust

_REQUEST = {
    "required": ["hook", "hookInstance", "context"],
    "type": "object",
    "properties": {
        "hook": {"enum": list(CONTEXTS)},
        "hookInstance": {"type": "string", "format": "uuid"},
        "context": {"type": "object"},
        "prefetch": {"type": "object"},
        "fhirServer": {"type": "string", "format": "uri"},
        "fhirAuthorization": {"type": "object"},
    },
}
# The framework's own telemetry would record exceptions with their texts. Versions before it ignore this.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}}}
_FEEDBACK_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": BODY}}}}


def open_trust(settings: Settings, clients: Clients, tokens: TokenStore, count: Callable[[str], None]) -> Trust | None:
    """Who may call; None where callers are not authenticated. `count`: as for Trust."""
    if not settings.authenticates:
        return None
    from mgcds.service.trust import trusting  # what checks signatures is a twentieth of the start

    return trusting(settings, clients, tokens, count)


def create_app(
    library: Library,
    settings: Settings,
    lasting: Lasting | None = None,
    *,
    engine: Engine | None = None,
    clock: Clock = time.monotonic,
) -> FastAPI:
    """The application for one library. Everything that can be computed once is computed here.

    `lasting`: what outlives a library, when one application follows another in a process. `engine`: one that was made for
    the library before. `clock` counts seconds for the limit of calls a second; no decision about a patient rests on it.
    Raises StoreError, ClientsError and SettingsError.
    """
    is_alone, lasting = lasting is None, lasting or Lasting()
    clients = read_clients(settings.clients) if settings.clients else Clients()
    fetcher = Fetching(settings.fetch_deadline_ms)
    if settings.clients and settings.fetch_deadline_ms:
        fetcher.ready()
    remember = library.policy.remember
    memory = lasting.memory = lasting.memory.under(remember) if lasting.memory else open_memory(settings, remember)
    trust = open_trust(settings, clients, memory.tokens, lasting.metrics.refused)
    gate, rate = Gate(settings.concurrency), Rate(settings.rate_per_second, clock)
    engine = engine or Engine(library)
    discovery = {"services": services_of(engine, settings)}
    services = {service["id"]: service["hook"] for service in discovery["services"]}
    prefetch = {service["hook"]: service["prefetch"] for service in discovery["services"]}
    answering = Answering(engine, memory, fetcher, settings, prefetch=prefetch, clients=clients)
    etag = f'"{__version__}-{library.hash}"'

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        memory.begin()
        yield
        await fetcher.aclose()
        if is_alone:
            await run_sync(memory.close)

    app = FastAPI(title="mgcds", version=__version__, redirect_slashes=False, telemetry=_NO_TELEMETRY, lifespan=lifespan)
    app.add_middleware(HeadLimit)
    audit = open_audit(settings, lasting.metrics.audit_failures.inc)
    app.add_middleware(
        Envelope, root_path=settings.root_path, metrics=lasting.metrics, condition=lasting.condition, audit=audit
    )
    if settings.origins:  # outside of everything, so that a browser can read failures too
        app.add_middleware(Cors, origins=settings.origins)
    errors.install(app)

    async def caller_of(request: Request, path: str) -> Caller:
        """Who calls, asked before the body is read. Raises Refused."""
        caller = ANYBODY if trust is None else await trust.caller(request.headers.getlist("authorization"), path)
        current().issuer = caller.issuer
        return caller

    async def taken(request: Request, caller: Caller) -> bytes:
        """The body of a call. Raises Refused."""
        rate.take(caller.issuer)
        return await take_body(request, most=settings.max_body, seconds=settings.body_seconds)

    async def discover(request: Request) -> Response:
        await caller_of(request, "/cds-services")
        headers = {"cache-control": "max-age=300", "etag": etag}
        if is_known(etag, request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=headers)
        return JSONResponse(discovery, headers=headers)

    async def call(service_id: str, request: Request) -> Response:
        caller = await caller_of(request, f"/cds-services/{service_id}")
        hook = services.get(service_id)
        if hook is None:
            raise Refused(404, "not-found", "There is no such service.")
        with gate.entered():
            return await answering.cards(caller, service_id, hook, await taken(request, caller))

    async def feedback(service_id: str, request: Request) -> JSONResponse:
        caller = await caller_of(request, f"/cds-services/{service_id}/feedback")
        if service_id not in services:
            raise Refused(404, "not-found", "There is no such service.")
        with gate.entered():
            return await answering.feedback(caller, await taken(request, caller))

    route = partial(app.router.add_api_route, route_class_override=Direct)
    route("/cds-services", discover, summary="The services this server offers", responses=errors.documented(401, 503))
    route(
        "/cds-services/{service_id}",
        call,
        methods=["POST"],
        summary="Call a CDS service",
        responses=errors.documented(400, 401, 404, 408, 412, 413, 415, 429, 500, 503),
        openapi_extra=_BODY,
    )
    route(
        "/cds-services/{service_id}/feedback",
        feedback,
        methods=["POST"],
        summary="Report what clinicians did with cards",
        responses=errors.documented(400, 401, 404, 408, 413, 415, 429, 500, 503),
        openapi_extra=_FEEDBACK_BODY,
    )
    add_pages(app, library, settings.root_path)
    add_operations(app, settings, lasting, {"rules": len(library.rules), "library": library.hash})
    app.state.library = library
    app.state.memory = memory
    app.state.engine = engine
    app.state.trust = trust
    return app
