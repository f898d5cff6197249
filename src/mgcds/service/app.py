"""The HTTP application: discovery, the six services, rule pages and health."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from mgcds import __version__
from mgcds.cards import respond
from mgcds.chart.facts import Chart, Person
from mgcds.chart.intake import WrongPatient, read_chart
from mgcds.engine.evaluate import Engine
from mgcds.garbage import uncollected
from mgcds.language.library import Library
from mgcds.language.site import ACTIVE
from mgcds.service import errors
from mgcds.service.body import parse, read_body
from mgcds.service.envelope import Envelope
from mgcds.service.errors import Refused
from mgcds.service.feedback import BODY, read_feedback
from mgcds.service.issuer import issuer_of
from mgcds.service.memory import Memory, open_memory, shown
from mgcds.service.pages import add_pages
from mgcds.service.prefetch import REQUIRED, templates
from mgcds.service.requests import CONTEXTS, HOOK_VERSIONS, read_call
from mgcds.settings import Settings
from mgcds.store import Shown

log = structlog.get_logger(__name__)
_TITLES = {
    "patient-view": "when a chart is opened",
    "order-select": "when an order is chosen",
    "order-sign": "when orders are signed",
    "medication-refill": "when a refill is asked for",
    "encounter-discharge": "when a patient is discharged",
    "appointment-book": "when an appointment is made",
}
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
STORE_THREADS = 4
RECORDING_SECONDS = (
    0.5  # cards wait this long for the database, then they go out: EHRs give up on a service after a second or two
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A response that is ready to be sent, and the cards in it with the patient they are about."""

    response: Response
    cards: tuple[Shown, ...]
    patient_id: str


def create_app(library: Library, settings: Settings) -> FastAPI:
    """The application for one library. Everything that can be computed once is computed here. Raises StoreError."""
    app = FastAPI(title="mgcds", version=__version__, redirect_slashes=False, telemetry=_NO_TELEMETRY)
    app.add_middleware(Envelope, root_path=settings.root_path)
    errors.install(app)
    engine = Engine(library)
    discovery = {"services": [_service(library, hook, _tried(engine, hook, settings)) for hook in CONTEXTS]}
    services = {service["id"]: service["hook"] for service in discovery["services"]}
    etag = f'"{__version__}-{library.hash}"'
    health = {"rules": len(library.rules), "library": library.hash}
    # One evaluation at a time, in a thread beside the event loop: the engine holds the interpreter anyway, so more threads
    # would make every answer slower and none sooner, but the probes must be answered while a large chart is read.
    one = CapacityLimiter(1)
    memory = open_memory(settings, library.policy.remember)
    storing = CapacityLimiter(STORE_THREADS)  # who waits for the disk keeps no evaluation waiting

    @app.get("/cds-services", summary="The services this server offers")
    async def discover(request: Request) -> Response:
        headers = {"cache-control": "max-age=300", "etag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(discovery, headers=headers)

    @app.post(
        "/cds-services/{service_id}",
        summary="Call a CDS service",
        responses=errors.documented(400, 404, 412, 413, 415, 500),
        openapi_extra=_BODY,
    )
    async def call(service_id: str, request: Request) -> Response:
        hook = services.get(service_id)
        if hook is None:
            raise Refused(404, "not-found", "There is no such service.")
        body = await read_body(request, settings.max_body)
        issuer = issuer_of(request)
        done = await run_sync(lambda: _answered(engine, memory, settings, issuer, service_id, hook, body), limiter=one)
        if done.cards:  # recorded before they go out, so that feedback on them is never too early
            with move_on_after(RECORDING_SECONDS) as waiting:
                await run_sync(
                    lambda: memory.show(done.cards, issuer=issuer, service=service_id, patient_id=done.patient_id),
                    limiter=storing,
                    abandon_on_cancel=True,
                )
            if waiting.cancelled_caught:
                memory.late()
        return done.response

    @app.post(
        "/cds-services/{service_id}/feedback",
        summary="Report what clinicians did with cards",
        responses=errors.documented(400, 404, 413, 415, 503),
        openapi_extra=_FEEDBACK_BODY,
    )
    async def feedback(service_id: str, request: Request) -> JSONResponse:
        if service_id not in services:
            raise Refused(404, "not-found", "There is no such service.")
        body = await read_body(request, settings.max_body)
        issuer = issuer_of(request)
        return await run_sync(lambda: _noted(library, memory, issuer, service_id, body), limiter=storing)

    @app.get("/healthz", summary="Whether the process is alive")
    async def healthy() -> dict[str, Any]:
        return {"status": "ok", **health}

    @app.get("/readyz", summary="Whether requests can be answered")
    async def ready() -> dict[str, Any]:
        return {"status": "ready", **health}

    add_pages(app, library, settings.root_path)
    app.state.library = library
    app.state.memory = memory
    return app


def _tried(engine: Engine, hook: str, settings: Settings) -> dict[str, str]:
    """The prefetch templates of a hook, after one evaluation of nobody, so that the first patient waits for no compiling."""
    nobody = Chart(settings.day(), hook, Person(""), frozenset())
    engine.evaluate(nobody)
    return templates(engine.library, hook, nobody)


@uncollected()
def _answered(
    engine: Engine, memory: Memory, settings: Settings, issuer: str, service_id: str, hook: str, body: bytes
) -> Answered:
    started = time.perf_counter()
    answer, patient_id = _answer(engine, memory, settings, issuer, service_id, hook, parse(body))
    states = Counter(rule["state"] for rule in answer["extension"]["org.mgcds.evaluation"]["rules"].values())
    log.info(
        "evaluated",
        service=service_id,
        cards=len(answer["cards"]),
        states=dict(sorted(states.items())),
        ms=round(1000 * (time.perf_counter() - started), 1),
    )
    # As JSONResponse would write it, byte for byte, in a tenth of the time (0.02 ms instead of 0.20).
    response = Response(orjson.dumps(answer), media_type="application/json", headers={"cache-control": "no-store"})
    return Answered(response, shown(answer), patient_id)


def _noted(library: Library, memory: Memory, issuer: str, service_id: str, body: bytes) -> JSONResponse:
    """One batch of feedback, whole or not at all. Raises Refused."""
    events = read_feedback(parse(body), library.reasons)
    unknown = memory.note(events, issuer=issuer)
    log.info("feedback", service=service_id, events=len(events), unknown=unknown)
    taken = {"received": len(events), "unknown": unknown}
    return JSONResponse({"extension": {"org.mgcds.feedback": taken}}, headers={"cache-control": "no-store"})


def _answer(
    engine: Engine, memory: Memory, settings: Settings, issuer: str, service_id: str, hook: str, body: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """One call from body to response, and whose chart it was. Raises Refused."""
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
    answer = respond(
        engine.evaluate(chart, memory.overrides(issuer, context.patientId, chart.today)),
        service_id=service_id,
        hook_instance=str(call.hookInstance),
        public_url=settings.shown_url,
        incomplete_card=settings.incomplete_card,
    )
    return answer, context.patientId


def _service(library: Library, hook: str, prefetch: dict[str, str]) -> dict[str, Any]:
    shown = [rule for rule in library.rules_at(hook) if rule.state == ACTIVE]
    groups = sorted({str(library.policy.groups[rule.group].title).lower() for rule in shown})
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
