"""The orders at hand: what the clinician has drafted, but not yet placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mgcds.chart import medications, requests
from mgcds.chart.bundle import Record
from mgcds.chart.facts import Note
from mgcds.chart.fhir import Resource, block, canonical, last_steps, reference, strings, tail, text, unwrapped
from mgcds.chart.versions import as_r4

# Where each hook sends the orders at hand.
KEYS = {
    "order-select": "draftOrders",
    "order-sign": "draftOrders",
    "medication-refill": "medications",
    "medication-verify": "medication",
}
_OTHER_KEYS = {"medication-verify": "order"}  # the hook's page and its example differ
SELECTING = "order-select"
PLACED = "medication-verify"  # the order at hand is active already, so it stands among the medications too
PROBLEMS = {"problem-list-item-create": "conditions"}
# What may stand at the order hooks without a Bundle: the orders of all FHIR versions, though no rule looks at most kinds.
ORDERS = medications.TYPES | requests.TYPES | {
    "NutritionOrder", "DeviceRequest", "DeviceUseRequest", "SupplyRequest", "VisionPrescription", "CommunicationRequest",
    "ReferralRequest", "RequestGroup", "RequestOrchestration", "Order",
}  # fmt: skip

_NO_RESOURCE = ("", "OperationOutcome")


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted order; `where` names it, by its place in the context where it has no id; `resource` in the shape of R4."""

    where: str
    sent: Resource
    resource: Resource
    url: str
    selected: bool


def drafts_of(hook: str, context: Mapping[str, Any]) -> tuple[list[Draft], list[Note]]:
    """Everything in the context's draft bundle, each resource once, with notes; nothing at a hook without drafts."""
    key = KEYS.get(hook)
    if key is None:
        return [], []
    records, notes = at_hand(context, key)
    if not records and hook in _OTHER_KEYS:
        records, notes = at_hand(context, _OTHER_KEYS[hook])
    found: dict[str, list[Record]] = {}
    for where, record in records:
        found.setdefault(where, []).append(record)
    chosen = {
        where: sent[0] if len(sent) == 1 else max(sent, key=lambda record: canonical(record[0]))
        for where, sent in found.items()
    }
    selections = strings(context.get("selections")) if hook == SELECTING else []
    selected = _selected(selections, chosen)
    if selections and chosen and not selected:  # one alert too many is better than one too few
        selected = frozenset(chosen)
        notes.append(Note("resource-unreadable"))
    return [Draft(where, sent, as_r4(sent), url, where in selected) for where, (sent, url) in chosen.items()], notes


def _selected(selections: list[str], drafts: Mapping[str, Record]) -> frozenset[str]:
    """Which drafts are selected: by "Type/id" with or without a server, by id, or by the fullUrl."""
    named = {name for each in selections for name in (each, last_steps(each))} - {""}
    return frozenset(where for where, (sent, url) in drafts.items() if named & _names(where, sent, url))


def _names(where: str, sent: Resource, url: str) -> set[str]:
    """What a selection may call a draft; one without an id takes the one that its fullUrl ends in."""
    names = {where, where.rpartition("/")[2]}
    return names | {url, last_steps(url), tail(url), f"{sent['resourceType']}/{tail(url)}"} if url else names


def problems_of(hook: str, context: Mapping[str, Any]) -> tuple[list[Draft], list[Note]]:
    """The conditions that are being put on the problem list, with notes; nothing at a hook without them."""
    key = PROBLEMS.get(hook)
    records, notes = ([], []) if key is None else at_hand(context, key)
    return [Draft(where, sent, as_r4(sent), url, True)
            for where, (sent, url) in records if sent["resourceType"] == "Condition"], notes  # fmt: skip


def drafts_among(records: Iterable[Record], hook: str, types: frozenset[str]) -> list[Draft]:
    """Orders of status draft among bare records, all of them selected; nothing at a hook without drafts."""
    if hook not in KEYS:
        return []
    found = [(resource, url) for resource, url in records
             if resource["resourceType"] in types and resource.get("status") == "draft"]  # fmt: skip
    return [Draft(reference(resource) or f"context.{KEYS[hook]}#{number}", resource, as_r4(resource), url, True)
            for number, (resource, url) in enumerate(found)]  # fmt: skip


def at_hand(context: Mapping[str, Any], key: str) -> tuple[list[tuple[str, Record]], list[Note]]:
    """The resources under a key of the context, by name or else by place; a note for each entry that holds none."""
    found, notes = [], []
    for number, record in enumerate(_entries(context.get(key))):
        place = f"context.{key}#{number}"
        if record is None:
            notes.append(Note("resource-unreadable", place))
        else:
            found.append((reference(record[0]) or place, record))
    return found, notes


def is_told(value: Any, kinds: frozenset[str]) -> bool:
    """Whether it is a resource of one of these kinds, or a Bundle that is empty or has any resource in it."""
    kind = text(block(unwrapped(value)).get("resourceType"))
    if kind != "Bundle":
        return kind in kinds
    entries = _entries(value)
    return not entries or any(entries)


def _entries(value: Any) -> list[Record | None]:
    """Each entry of a Bundle and of those inside it, of a list, or a single resource; None for one that holds no resource.

    An OperationOutcome stands where an order could not be had, so it is none.
    """
    found: list[Record | None] = []
    todo = _last_first(unwrapped(value))
    while todo:
        entry = todo.pop()
        resource = unwrapped(entry)
        kind = text(block(resource).get("resourceType"))
        if kind == "Bundle":
            todo += _last_first(resource.get("entry"))
        else:
            found.append((resource, text(block(entry).get("fullUrl"))) if kind not in _NO_RESOURCE else None)
    return found


def _last_first(value: Any) -> list[Any]:
    """A list from its end, for taking from it; one entry without its list counts as a list of one, null as none."""
    return value[::-1] if isinstance(value, list) else [] if value is None else [value]
