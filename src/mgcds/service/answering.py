"""One call from its body to its cards: read, fetch what is missing, evaluate, compose, record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from fastapi.responses import JSONResponse, Response

from mgcds.cards import respond
from mgcds.cards.dialect import adapt, profile
from mgcds.chart.facts import Chart
from mgcds.chart.intake import TooCostly, WrongPatient, laboratory_batches, read_chart
from mgcds.computing import CLOCKS, Clocks, used_up
from mgcds.engine.evaluate import Engine
from mgcds.garbage import uncollected
from mgcds.jsonbytes import dumped
from mgcds.service.body import parse
from mgcds.service.caller import Caller
from mgcds.service.clients import Clients
from mgcds.service.errors import Refused
from mgcds.service.exchange import current, step
from mgcds.service.feedback import codings_of, read_feedback
from mgcds.service.fetching import Fetching
from mgcds.service.lacking import Plan, plan, settled
from mgcds.service.memory import Memory, shown
from mgcds.service.origins import allowed_for
from mgcds.service.prefetch import REQUIRED
from mgcds.service.repeats import Asked, asked
from mgcds.service.requests import Call, Context, is_stripped, read_call
from mgcds.service.taking import within_bounds
from mgcds.settings import Settings
from mgcds.store import Shown

STORE_THREADS = 4
# Cards wait this long for the database, then they go out: EHRs give up on a service after a second or two.
RECORDING_SECONDS = 0.5
# Of CPU, ten times what the largest charts take: only texts that are made to be slow come near it.
MOST_READING_SECONDS = 5.0
_UNSTORED = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Read:
    """A call that was read: what it asks, and what must be fetched before it can be answered."""

    call: Call
    context: Context
    lacking: Plan | None
    repeats: Asked


@dataclass(frozen=True, slots=True)
class Answered:
    """A response that is ready to be sent, the cards in it, and whose they are."""

    response: Response
    cards: tuple[Shown, ...]
    patient_id: str


class Answering:
    """Answers the calls of one library."""

    def __init__(
        self,
        engine: Engine,
        memory: Memory,
        fetcher: Fetching,
        settings: Settings,
        *,
        prefetch: Mapping[str, Mapping[str, str]],
        clients: Clients,
        clocks: Clocks = CLOCKS,
    ) -> None:
        """`prefetch`: hook to the templates of its discovery entry. `clocks`: by which reading a request is limited."""
        self._engine = engine
        self._memory = memory
        self._reasons = codings_of(engine.library.reasons)
        self._fetcher = fetcher
        self._settings = settings
        self._prefetch = prefetch
        self._clients = clients
        self._clocks = clocks
        self._batches = laboratory_batches(engine.library.terminology)
        # One evaluation at a time, in a thread beside the event loop: the engine holds the interpreter anyway, so more
        # threads would make every answer slower and none sooner, but the probes must be answered while a chart is read.
        self._one = CapacityLimiter(1)
        self._storing = CapacityLimiter(STORE_THREADS)  # who waits for the disk keeps no evaluation waiting

    async def cards(self, caller: Caller, service: str, hook: str, body: bytes) -> Response:
        """The response to one call. Raises Refused."""
        done = await run_sync(lambda: self._begun(caller, service, hook, body), limiter=self._one)
        if isinstance(done, Read):
            read, lacking = done, done.lacking
            assert lacking is not None
            had = await self._fetcher.fetch(lacking)
            call = read.call.model_copy(update={"prefetch": {**(read.call.prefetch or {}), **had}})
            fetched = lacking.had_of(had)
            done = await run_sync(lambda: self._decided(caller, service, hook, call, read, body, fetched), limiter=self._one)
        if done.cards:  # recorded before they go out, so that feedback on them is never too early
            with move_on_after(RECORDING_SECONDS) as waiting:
                await run_sync(
                    lambda: self._memory.show(done.cards, issuer=caller.scope, service=service, patient_id=done.patient_id),
                    limiter=self._storing,
                    abandon_on_cancel=True,
                )
            if waiting.cancelled_caught:
                self._memory.late()
        return done.response

    async def feedback(self, caller: Caller, body: bytes) -> JSONResponse:
        """The response to one batch of feedback, taken whole or not at all. Raises Refused."""
        return await run_sync(lambda: self._noted(caller, body), limiter=self._storing)

    @uncollected()
    def _begun(self, caller: Caller, service: str, hook: str, body: bytes) -> Read | Answered:
        """A call that was read, or one that was answered in the same turn because nothing must be fetched.

        What was read is gone before the collector is back: with 4.9 MB, walking through it took 17 ms of 205.
        """
        read = self._read(caller, hook, body)
        return self._decided(caller, service, hook, read.call, read, body) if read.lacking is None else read

    def _read(self, caller: Caller, hook: str, body: bytes) -> Read:
        told = within_bounds(parse(body))
        exchange = current()
        exchange.stripped = is_stripped(told)
        call, context = read_call(told, hook)
        exchange.whom = self._memory.pseudonyms(caller.scope, user=context.userId or "", patient_id=context.patientId)
        templates = self._prefetch[hook]
        call = settled(call, templates)
        allowed = allowed_for(caller.client, self._clients, is_local=self._settings.is_loopback)
        lacking = plan(call, context, templates, self._batches, allowed)
        return Read(call, context, lacking, asked(told, context, hook, caller.scope))

    @uncollected()
    def _decided(
        self, caller: Caller, service: str, hook: str, call: Call, read: Read, body: bytes, fetched: Sequence[str] = ()
    ) -> Answered:
        started = time.perf_counter()
        settings, patient_id = self._settings, read.context.patientId
        chart = self._chart(hook, call, patient_id)
        overrides = self._memory.overrides(caller.scope, patient_id, chart.today)
        with step("evaluate"):
            evaluation = self._memory.unrepeated(self._engine.evaluate(chart, overrides), read.repeats)
        current().failed_questions = evaluation.failed
        if evaluation.nothing_decided:  # with 200 it would look as if there were nothing to say
            raise Refused(500, "exception", "The service failed; nothing was decided.")
        with step("cards"):
            answer = respond(
                evaluation,
                service_id=service,
                hook_instance=str(call.hookInstance),
                public_url=settings.shown_url,
                incomplete_card=settings.incomplete_card,
            )
        current().answer = answer
        if self._memory.recording is not None:
            self._memory.recording.add(
                evaluation, answer, overrides, issuer=caller.scope, service=service, patient_id=patient_id, body=body,
                seconds=time.perf_counter() - started, fetched=fetched,
            )  # fmt: skip
        dialect = caller.client.dialect if caller.client else settings.dialect
        written = dumped(adapt(answer, profile(dialect)))
        return Answered(Response(written, media_type="application/json", headers=_UNSTORED), shown(answer), patient_id)

    def _chart(self, hook: str, call: Call, patient_id: str) -> Chart:
        try:
            with step("read"):
                chart = read_chart(
                    hook=hook,
                    context={**call.context, "patientId": patient_id},
                    prefetch=call.prefetch,
                    terminology=self._engine.library.terminology,
                    today=self._settings.day(),
                    zone=self._settings.zone,
                    is_late=used_up(MOST_READING_SECONDS, self._clocks),
                )
        except TooCostly:
            raise Refused(413, "too-costly", "The request takes too long to read.") from None
        except WrongPatient:
            raise Refused(412, "conflict", "The prefetched patient is not the patient of the context.") from None
        missing = [kind for kind in REQUIRED if kind not in chart.supplied]
        if missing:
            raise Refused(412, "required", f"Required data could not be had: {', '.join(missing)}.")
        return chart

    def _noted(self, caller: Caller, body: bytes) -> JSONResponse:
        events = read_feedback(within_bounds(parse(body)), self._reasons)
        unknown = self._memory.note(events, issuer=caller.scope)
        current().outcomes, current().unknown = tuple(event.outcome for event in events), unknown
        taken: dict[str, Any] = {"received": len(events), "unknown": unknown}
        return JSONResponse({"extension": {"org.mgcds.feedback": taken}}, headers=_UNSTORED)
