"""The orders at hand: what the clinician has drafted, but not yet placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mgcds.chart.bundle import Record
from mgcds.chart.fhir import Resource, block, canonical, reference, strings, text, unwrapped
from mgcds.chart.versions import as_r4

# Where each hook sends the orders at hand.
KEYS = {
    "order-select": "draftOrders",
    "order-sign": "draftOrders",
    "medication-refill": "medications",
    "medication-verify": "medication",
}
_OTHER_KEYS = {"medication-verify": "order"}  # the hook's page and its example differ
PLACED = "medication-verify"  # the order at hand is active already, so it stands among the medications too
PROBLEMS = {"problem-list-item-create": "conditions"}


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted order; `where` names it, by its place in the context where it has no id; `resource` in the shape of R4."""

    where: str
    sent: Resource
    resource: Resource
    url: str
    selected: bool


def drafts_of(hook: str, context: Mapping[str, Any]) -> list[Draft]:
    """Everything in the context's draft bundle, each resource once; nothing at a hook without drafts."""
    key = KEYS.get(hook)
    if key is None:
        return []
    key = _OTHER_KEYS[hook] if context.get(key) is None and hook in _OTHER_KEYS else key
    selections = frozenset(strings(context.get("selections")))
    found: dict[str, list[Record]] = {}
    for number, (resource, url) in _numbered(context.get(key)):
        found.setdefault(reference(resource) or f"context.{key}#{number}", []).append((resource, url))
    drafts = []
    for where, sent in found.items():
        resource, url = sent[0] if len(sent) == 1 else max(sent, key=lambda record: canonical(record[0]))
        selected = bool(selections & {where, str(resource.get("id")), url})
        drafts.append(Draft(where, resource, as_r4(resource), url, selected))
    return drafts


def problems_of(hook: str, context: Mapping[str, Any]) -> list[Draft]:
    """The conditions that are being put on the problem list; nothing at a hook without them."""
    key = PROBLEMS.get(hook)
    found = [] if key is None else _numbered(context.get(key))
    return [Draft(reference(sent) or f"context.{key}#{number}", sent, as_r4(sent), url, True)
            for number, (sent, url) in found if sent["resourceType"] == "Condition"]  # fmt: skip


def drafts_among(records: Iterable[Record], hook: str, types: frozenset[str]) -> list[Draft]:
    """Orders of status draft among bare records, all of them selected; nothing at a hook without drafts."""
    if hook not in KEYS:
        return []
    found = [(resource, url) for resource, url in records
             if resource["resourceType"] in types and resource.get("status") == "draft"]  # fmt: skip
    return [Draft(reference(resource) or f"context.{KEYS[hook]}#{number}", resource, as_r4(resource), url, True)
            for number, (resource, url) in enumerate(found)]  # fmt: skip


def _numbered(value: Any) -> list[tuple[int, Record]]:
    """The resources of a Bundle, a list or a single resource, with their places in it."""
    sent = unwrapped(value)
    is_bundle = block(sent).get("resourceType") == "Bundle"
    entries = block(sent).get("entry") if is_bundle else sent if isinstance(sent, list) else [sent]
    found = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        resource = unwrapped(entry)
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            found.append((number, (resource, text(block(entry).get("fullUrl")))))
    return found
