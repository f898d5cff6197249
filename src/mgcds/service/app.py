"""The HTTP application: discovery, the six services, rule pages and health."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from mgcds import __version__
from mgcds.cards import respond
from mgcds.chart.facts import Chart, Person
from mgcds.chart.intake import WrongPatient, read_chart
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.service import errors
from mgcds.service.body import read_json
from mgcds.service.errors import Refused
from mgcds.service.pages import add_pages
from mgcds.service.prefetch import REQUIRED, templates
from mgcds.service.requests import CONTEXTS, HOOK_VERSIONS, read_call
from mgcds.settings import Settings

log = structlog.get_logger(__name__)
_TITLES = {
    "patient-view": "when a chart is opened",
    "order-select": "when an order is chosen",
    "order-sign": "when orders are signed",
    "medication-refill": "when a refill is asked for",
    "encounter-discharge": "when a patient is discharged",
    "appointment-book": "when an appointment is made",
}


def create_app(library: Library, settings: Settings) -> FastAPI:
    """The application for one library. Everything that can be computed once is computed here."""
    app = FastAPI(title="mgcds", version=__version__, root_path=settings.root_path)
    errors.install(app)
    engine = Engine(library)
    empty = Chart(settings.day(), "", Person(""), frozenset())
    discovery = {"services": [_service(library, hook, templates(library, hook, empty)) for hook in CONTEXTS]}
    services = {service["id"]: service["hook"] for service in discovery["services"]}

    @app.get("/cds-services", summary="The services this server offers")
    async def discover() -> JSONResponse:
        return JSONResponse(discovery, headers={"cache-control": "max-age=300", "etag": f'"{library.hash}"'})

    @app.post("/cds-services/{service_id}", summary="Call a CDS service")
    async def call(service_id: str, request: Request) -> JSONResponse:
        started = time.perf_counter()
        hook = services.get(service_id)
        if hook is None:
            raise Refused(404, "not-found", "There is no such service.")
        body = await read_json(request, settings.max_body)
        answer = _answer(engine, settings, service_id, hook, body)
        states = Counter(rule["state"] for rule in answer["extension"]["org.mgcds.evaluation"]["rules"].values())
        log.info(
            "answered",
            service=service_id,
            cards=len(answer["cards"]),
            states=dict(states),
            ms=round(1000 * (time.perf_counter() - started), 1),
        )
        return JSONResponse(answer)

    @app.get("/healthz", summary="Whether the process is alive")
    async def healthy() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether requests can be answered")
    async def ready() -> dict[str, Any]:
        return {"status": "ready", "library": library.hash, "rules": len(library.rules)}

    @app.middleware("http")
    async def name_request(request: Request, call_next: Any) -> Response:
        request_id = uuid4().hex
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response: Response = await call_next(request)
        response.headers["x-request-id"] = request_id
        return response

    add_pages(app, library, settings.root_path)
    return app


def _answer(engine: Engine, settings: Settings, service_id: str, hook: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call from body to response. It runs in the event loop: it takes a few milliseconds and never waits."""
    call, context = read_call(body, hook)
    try:
        chart = read_chart(
            hook=hook,
            context={**call.context, "patientId": context.patientId},
            prefetch=call.prefetch,
            terminology=engine.library.terminology,
            today=settings.day(),
            zone=settings.zone,
        )
    except WrongPatient:
        raise Refused(412, "conflict", "The prefetched patient is not the patient of the context.") from None
    missing = [kind for kind in REQUIRED if kind not in chart.supplied]
    if missing:
        raise Refused(412, "required", f"Required data could not be had: {', '.join(missing)}.")
    return respond(
        engine.evaluate(chart),
        service_id=service_id,
        hook_instance=str(call.hookInstance),
        public_url=settings.shown_url,
        incomplete_card=settings.incomplete_card,
    )


def _service(library: Library, hook: str, prefetch: dict[str, str]) -> dict[str, Any]:
    groups = sorted({str(library.policy.groups[rule.group].title).lower() for rule in library.rules_at(hook)})
    about = f"Advice on {', '.join(groups)}" if groups else "No rule of this library answers this hook yet"
    return {
        "hook": hook,
        "title": f"Nutrient and drug safety {_TITLES[hook]}",
        "description": f"{about}. Advisory only; not a medical device.",
        "id": f"mgcds-{hook}",
        "prefetch": prefetch,
        "usageRequirements": "Needs the patient and the medication requests; what else is missing is named on the cards.",
        "version": "2.0.1",
        "hookVersion": HOOK_VERSIONS[hook],
    }
