"""What a request lacks of its prefetch, and where that may be fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from mgcds.chart.fhir import Resource, block, unwrapped
from mgcds.chart.supply import failed_in, kinds_at, supplied_by
from mgcds.service.fhir_newest import trimmed
from mgcds.service.fhir_query import enough_of, next_link
from mgcds.service.origins import Allowed, Server
from mgcds.service.requests import Call, Context

log = structlog.get_logger(__name__)
OTHER_KEY = "other"  # how a key of the client's own is shown
_TOKEN = re.compile(r"[!-~]{1,16384}")


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

    def had_of(self, fetched: Mapping[str, Any]) -> tuple[str, ...]:
        """What of this was had, as it may be shown; what failed left an OperationOutcome."""
        had = {key for key, value in fetched.items() if block(value).get("resourceType") != "OperationOutcome"}
        return tuple(sorted({need.shown_as for need in self.needs if need.key in had}))


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
            needs.append(Need(key, key if ours else OTHER_KEY, templates[key] if ours else "", bundle))
    return tuple(needs)
