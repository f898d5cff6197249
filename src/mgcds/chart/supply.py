"""Which kinds of data a request supplied: not supplied, no data and a failed search are three things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mgcds.chart.facts import CONDITIONS, MEDICATIONS, ORDERS, PATIENT, PROCEDURES, STATEMENTS, Note
from mgcds.chart.fhir import block, items, text, walk

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
# Names that clients give to their own keys, for bundles that are empty and say no more.
_OF_NAME = (
    ("medicationstatement", "MedicationStatement"), ("statement", "MedicationStatement"), ("medication", "MedicationRequest"),
    ("observation", "Observation"), ("lab", "Observation"), ("vital", "Observation"), ("condition", "Condition"),
    ("problem", "Condition"), ("procedure", "Procedure"), ("servicerequest", "ServiceRequest"), ("order", "ServiceRequest"),
    ("patient", "Patient"),
)  # fmt: skip


def supplied_by(prefetch: Mapping[str, Any], batches: Iterable[str]) -> tuple[frozenset[str], list[Note]]:
    """Kinds supplied by a prefetch, and notes on what is partial. Laboratory batches are kinds of their own."""
    own = {PATIENT, MEDICATIONS, STATEMENTS, CONDITIONS, PROCEDURES, ORDERS, *batches}
    laboratory = frozenset(batches)
    supplied: set[str] = set()
    failed: set[str] = set()
    notes: list[Note] = []
    for key, value in prefetch.items():
        outcome = _failed(value)
        kinds = {key} if key in own else _kinds(key, value, laboratory)
        if outcome:
            failed |= kinds
            notes.append(Note("data-partial"))
            continue
        supplied |= kinds
        if _is_partial(value):
            notes.append(Note("data-partial"))
        if key in own:  # a known key may hold more than its kind
            for resource, _ in walk(value):
                kind = _OF_TYPE.get(resource["resourceType"])
                supplied |= {kind} if kind else set()
    return frozenset(supplied - (failed - supplied)), notes


def _kinds(key: str, value: Any, laboratory: frozenset[str]) -> set[str]:
    types = {resource["resourceType"] for resource, _ in walk(value)} - {"OperationOutcome"}
    if not types:
        links = items(block(value).get("link"))
        addresses = (text(link.get("url")) for link in links if link.get("relation") == "self")
        types = {address.split("?")[0].rstrip("/").split("/")[-1] for address in addresses}
    if not types & {*_OF_TYPE, "Observation"}:
        name = key.lower().replace("_", "").replace("-", "")
        types = {kind for part, kind in _OF_NAME if part in name and kind}
        types = {next(kind for part, kind in _OF_NAME if part in name)} if types else set()
    kinds = {_OF_TYPE[kind] for kind in types if kind in _OF_TYPE}
    return kinds | (set(laboratory) if "Observation" in types else set())


def _failed(value: Any) -> bool:
    """Whether the client says that its search failed: an OperationOutcome, or a bundle with nothing but a fatal one."""
    if isinstance(value, list) and value:
        return all(_failed(item) for item in value)
    if not isinstance(value, dict):
        return value is not None
    if value.get("resourceType") == "OperationOutcome":
        return True
    if value.get("resourceType") != "Bundle":
        return (
            isinstance(value.get("resource"), dict) and _failed(value["resource"])
            if "resource" in value
            else "resourceType" not in value
        )
    found = [resource for resource, _ in walk(value)]
    outcomes = [resource for resource in found if resource["resourceType"] == "OperationOutcome"]
    severities = {issue.get("severity") for outcome in outcomes for issue in items(outcome.get("issue"))}
    return bool(outcomes) and len(outcomes) == len(found) and bool(severities & {"error", "fatal"})


def _is_partial(value: Any) -> bool:
    bundle = block(value)
    if bundle.get("resourceType") != "Bundle":
        return False
    if any(link.get("relation") == "next" for link in items(bundle.get("link"))):
        return True
    matches = [entry for entry in items(bundle.get("entry")) if block(entry.get("search")).get("mode") in (None, "match")]
    total = bundle.get("total")
    return isinstance(total, int) and not isinstance(total, bool) and total > len(matches)
