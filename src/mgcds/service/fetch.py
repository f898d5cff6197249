"""Data that a request lacks, fetched from the client's FHIR server within one deadline."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2
import structlog
from anyio import CapacityLimiter, create_task_group, move_on_after
from anyio.lowlevel import RunVar

from mgcds.chart.fhir import Resource, block, unwrapped
from mgcds.chart.supply import failed_in, kinds_at, supplied_by
from mgcds.service.fhir_pages import follow, trimmed
from mgcds.service.fhir_query import enough_of, filled, is_search, kind_of, next_link
from mgcds.service.fhir_read import Failed, Reader
from mgcds.service.origins import Allowed, Reach, Server
from mgcds.service.outbound import Resolver, client
from mgcds.service.requests import Call, Context

log = structlog.get_logger(__name__)
AT_ONCE = 8  # reads of one request
_TOKEN = re.compile(r"[!-~]{1,16384}")
# What a fetch that failed leaves under its key: the chart reads it as the client's own failed search, which is what it is.
_FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]}


@dataclass(frozen=True, slots=True)
class Need:
    """One key to be had: by a query of ours, or as the further pages of a Bundle that the client sent."""

    key: str
    shown_as: str  # in logs: a client's own key may hold anything
    template: str = ""
    first: Resource | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch for one request, and where. The token lives as long as the request does."""

    server: Server
    needs: tuple[Need, ...]
    context: Mapping[str, Any]
    token: str | None = field(repr=False)


def settled(call: Call, templates: Mapping[str, str]) -> Call:
    """The call, where a client that sent as many of the newest results as `templates` ask for counts as having sent all."""
    sent = call.prefetch or {}
    wanted = {key: enough for key, template in templates.items() if key in sent and (enough := enough_of(template))}
    changed = {key: trimmed(block(unwrapped(sent[key])), enough) for key, enough in wanted.items() if sent[key] is not None}
    kept = {key: value for key, value in changed.items() if value and value is not unwrapped(sent[key])}
    return call.model_copy(update={"prefetch": {**sent, **kept}}) if kept else call


def plan(call: Call, context: Context, templates: Mapping[str, str], batches: Iterable[str], allowed: Allowed) -> Plan | None:
    """What the request lacks of the prefetch `templates`; None where nothing can or need be fetched."""
    if not call.fhirServer:
        return None
    server = allowed.server(call.fhirServer)
    if server is None:
        log.warning("not fetched", code="server-not-allowed")
        return None
    token = call.fhirAuthorization.access_token if call.fhirAuthorization else None
    if token is not None and not _TOKEN.fullmatch(token):
        log.warning("not fetched", code="token-unusable")
        return None
    needs = _needs(call.prefetch or {}, templates, frozenset(batches))
    return Plan(server, needs, {**call.context, "patientId": context.patientId}, token) if needs else None


def _needs(prefetch: Mapping[str, Any], templates: Mapping[str, str], batches: frozenset[str]) -> tuple[Need, ...]:
    """Keys that are absent, and Bundles with more pages. What is null or has failed is answered: it is not asked again."""
    supplied = supplied_by(prefetch, batches).kinds
    lacking = [key for key in templates if key not in supplied | failed_in(prefetch, batches)]
    needs = [Need(key, key, templates[key]) for key in lacking]
    for key, value in prefetch.items():
        bundle = block(unwrapped(value))
        if bundle.get("resourceType") == "Bundle" and next_link(bundle) and kinds_at(key, value, batches) & templates.keys():
            ours = key in templates
            needs.append(Need(key, key if ours else "other", templates[key] if ours else "", bundle))
    return tuple(needs)


class Fetcher:
    """Fetches for every request of one process, over connections that are kept."""

    def __init__(self, deadline_ms: int, *, resolver: Resolver | None = None, context: ssl.SSLContext | None = None) -> None:
        self._deadline = deadline_ms / 1000
        self._resolver = resolver
        self._context = context or ssl.create_default_context()  # reading every root certificate takes a while: once
        self._clients: RunVar[dict[Reach, httpx2.AsyncClient]] = RunVar("mgcds.fetch")  # connections belong to an event loop

    async def fetch(self, plan: Plan | None) -> dict[str, Any]:
        """Prefetch keys with what was had of them: a resource, a Bundle that may lack pages, or an OperationOutcome."""
        if plan is None or not self._deadline:
            return {}
        started = time.perf_counter()
        got: dict[str, Any] = {}
        failed: dict[str, str] = {}
        reader = Reader(self._client(plan.server.reach), _headers(plan.token))
        limiter = CapacityLimiter(AT_ONCE)

        async def have(need: Need) -> None:
            async with limiter:
                try:
                    await _have(need, plan, reader, got)
                except Failed as failure:
                    failed[need.shown_as] = failure.code
                except Exception as error:  # noqa: BLE001 - a fault with one key must not cost the others
                    log.error("fetch failed", kind=type(error).__name__)
                    failed[need.shown_as] = "fault"

        with move_on_after(self._deadline) as waiting:
            async with create_task_group() as tasks:
                for need in plan.needs:
                    tasks.start_soon(have, need)
        for need in plan.needs:
            if need.key not in got and need.first is None:
                got[need.key] = _FAILED
                failed.setdefault(need.shown_as, "deadline")
        log.info(
            "fetched",
            keys=sorted({need.shown_as for need in plan.needs} - failed.keys()),
            failed=failed,
            late=waiting.cancelled_caught,
            ms=round(1000 * (time.perf_counter() - started), 1),
        )
        return got

    async def aclose(self) -> None:
        """Closes every connection."""
        for each in self._clients.get({}).values():
            await each.aclose()

    def _client(self, reach: Reach) -> httpx2.AsyncClient:
        """The client of one reach: a connection to a private address is never used where only public ones may be."""
        clients = self._clients.get({})
        self._clients.set(clients)
        if reach not in clients:
            clients[reach] = client(reach, self._context, self._resolver)
        return clients[reach]


async def _have(need: Need, plan: Plan, reader: Reader, got: dict[str, Any]) -> None:
    """Puts what can be had for one need into `got`, as soon as it is there. Raises Failed."""
    keep = partial(got.__setitem__, need.key)
    enough = enough_of(need.template)
    if need.first is not None:
        await follow(need.first, httpx2.URL(f"{plan.server.base}/"), enough=enough, reader=reader, keep=keep)
        return
    query = filled(need.template, plan.context)
    if query is None:
        raise Failed("context")
    url = httpx2.URL(f"{plan.server.base}/{query}")
    kind = kind_of(need.template)
    if not is_search(need.template):
        keep(await reader.resource(url, kind))
        return
    await follow(await reader.page(url, kind), url, enough=enough, reader=reader, keep=keep)


def _headers(token: str | None) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    return {"accept": "application/fhir+json", "accept-encoding": "gzip", **bearer}
