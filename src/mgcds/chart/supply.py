"""Which kinds of data a request supplied: not supplied, no data and a failed search are three things."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from mgcds.chart.bundle import Record
from mgcds.chart.facts import CONDITIONS, MEDICATIONS, ORDERS, PATIENT, PROCEDURES, STATEMENTS, Note
from mgcds.chart.fhir import Resource, block, holds_rubbish, items, plain_entries, text, unwrapped, walk

KINDS = frozenset({PATIENT, MEDICATIONS, STATEMENTS, CONDITIONS, PROCEDURES, ORDERS})
_OBSERVATION = "Observation"
_MATCHES = (None, "match")  # search modes of an entry
_OF_TYPE = {
    "Patient": PATIENT,
    "MedicationRequest": MEDICATIONS,
    "MedicationOrder": MEDICATIONS,
    "MedicationStatement": STATEMENTS,
    "Condition": CONDITIONS,
    "Procedure": PROCEDURES,
    "ServiceRequest": ORDERS,
    "ProcedureRequest": ORDERS,
    "DiagnosticOrder": ORDERS,
}
# Names that clients give to their own keys, for bundles that are empty and say no more; the first that fits.
_OF_NAME = (
    ("dispense", ""), ("administration", ""), ("statement", "MedicationStatement"), ("medication", "MedicationRequest"),
    ("meds", "MedicationRequest"), ("servicerequest", "ServiceRequest"), ("procedurerequest", "ServiceRequest"),
    ("order", "ServiceRequest"), ("observation", _OBSERVATION), ("lab", _OBSERVATION), ("vital", _OBSERVATION),
    ("condition", "Condition"), ("problem", "Condition"), ("diagnos", "Condition"), ("procedure", "Procedure"),
    ("patient", "Patient"),
)  # fmt: skip


class Supply(NamedTuple):
    """What a prefetch holds: kinds supplied, which of them only in part, notes, and every record in the order sent."""

    kinds: frozenset[str]
    partial: frozenset[str]
    notes: list[Note]
    records: list[Record]


def supplied_by(prefetch: Mapping[str, Any], batches: Iterable[str]) -> Supply:
    """What a prefetch supplies. Laboratory batches are kinds of their own."""
    laboratory = frozenset(batches)
    supplied: set[str] = set()
    partial: set[str] = set()
    notes: list[Note] = []
    every: list[Record] = []
    ours = KINDS | laboratory
    for key, value in prefetch.items():
        plain = plain_entries(value)
        records = [*walk(value)] if plain is None else plain
        every += records
        if _has_failed(value):
            notes.append(Note("data-partial"))
            continue
        types = {resource["resourceType"] for resource, _ in records}
        if key in ours:  # it may hold more than its kind
            supplied |= {key} | {_OF_TYPE[kind] for kind in types if kind in _OF_TYPE}
        else:
            supplied |= _kinds(key, value, types, laboratory)
        if _is_partial(unwrapped(value), types):
            partial |= kinds_at(key, value, laboratory)
            notes.append(Note("data-partial"))
        if plain is None and holds_rubbish(value):
            notes.append(Note("resource-unreadable"))
    return Supply(frozenset(supplied), frozenset(partial), notes, every)


def failed_in(prefetch: Mapping[str, Any], batches: Iterable[str]) -> frozenset[str]:
    """Kinds that the client tried to supply and could not: asking its server once more would only fail once more."""
    laboratory = frozenset(batches)
    return frozenset().union(*(kinds_at(key, None, laboratory) for key, value in prefetch.items() if _has_failed(value)))


def kinds_at(key: str, value: Any, laboratory: frozenset[str]) -> frozenset[str]:
    """The kinds that one key of a prefetch is meant to supply, whether it does or not."""
    if key in KINDS | laboratory:
        return frozenset({key})
    return frozenset(_kinds(key, value, {resource["resourceType"] for resource, _ in walk(value)}, laboratory))


def _kinds(key: str, value: Any, types: set[str], laboratory: frozenset[str]) -> set[str]:
    """What a key that is not ours supplies: by its entries, else by the search they came from, else by its name."""
    known = {*_OF_TYPE, _OBSERVATION}
    links = items(block(unwrapped(value)).get("link"))
    searches = [text(link.get("url")) for link in links if link.get("relation") == "self"]
    found = types - {"OperationOutcome"} or {step for search in searches for step in search.split("?")[0].split("/")} & known
    if not found:
        name = key.lower().replace("_", "").replace("-", "")
        found = {next((kind for part, kind in _OF_NAME if part in name), "")}
    return {_OF_TYPE[kind] for kind in found if kind in _OF_TYPE} | (set(laboratory) if _OBSERVATION in found else set())


def _has_failed(value: Any) -> bool:
    """Whether the client says that its search failed: an OperationOutcome, or a bundle with nothing but a grave one."""
    content = unwrapped(value)
    if content is None:
        status = text(block(block(value).get("response")).get("status"))
        return bool(status) and not status.startswith("2")
    if isinstance(content, list):
        return bool(content) and all(_is_outcome(item) for item in content)
    if not isinstance(content, dict) or "resourceType" not in content:
        return True
    if content["resourceType"] != "Bundle":
        return _is_outcome(content)
    is_grave = False
    for resource, _ in walk(content):
        if not _is_outcome(resource):
            return False
        is_grave = is_grave or _is_grave(resource)
    return is_grave


def _is_outcome(value: Any) -> bool:
    return block(value).get("resourceType") == "OperationOutcome"


def _is_grave(outcome: Any) -> bool:
    return _is_outcome(outcome) and any(issue.get("severity") in ("error", "fatal") for issue in items(outcome.get("issue")))


def _is_partial(value: Any, types: Collection[str]) -> bool:
    """Whether a searchset, which holds resources of some types, says that there is more than it holds."""
    bundle = block(value)
    if bundle.get("resourceType") != "Bundle":
        return False
    if has_more(bundle):
        return True
    return "OperationOutcome" in types and any(_is_grave(entry.get("resource")) for entry in items(bundle.get("entry")))


def has_more(bundle: Resource) -> bool:
    """Whether a Bundle has a next page, or counts more matches than it holds."""
    if any(link.get("relation") == "next" for link in items(bundle.get("link"))):
        return True
    total = bundle.get("total")
    if not isinstance(total, int) or isinstance(total, bool):
        return False
    entries = items(bundle.get("entry"))
    others = sum(block(entry["search"]).get("mode") not in _MATCHES for entry in entries if "search" in entry)
    return total > len(entries) - others
