"""Records of FHIR DSTU2, STU3 and R5 in the shape of R4, so that every reader knows one version only.

Rewritten is what the chart reads (docs/reference/fhir-versions.md). The resource type stays as sent, for references name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mgcds.chart.fhir import Resource, block, items, status_code, text
from mgcds.chart.instructions import DOSES, REPEAT, dosage_as_r4, span_of

_EFFECTIVE = {
    "effectiveTimeDateTime": "effectiveDateTime", "effectiveTimePeriod": "effectivePeriod",
    "occurenceDateTime": "effectiveDateTime", "occurencePeriod": "effectivePeriod",  # R5 spells it with one r
    "occurrenceDateTime": "effectiveDateTime", "occurrencePeriod": "effectivePeriod",
}  # fmt: skip
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "MedicationOrder": {"dateWritten": "authoredOn", "reasonCodeableConcept": "reasonCode"},
    "MedicationRequest": {"effectiveDosePeriod": "effectivePeriod"},
    "MedicationStatement": {"reasonForUseCodeableConcept": "reasonCode", "reasonForUseReference": "reasonReference"},
    "MedicationAdministration": {**_EFFECTIVE, "prescription": "request", "reasonGiven": "reasonCode"},
    "Medication": {"doseForm": "form"},
    "Condition": {"onsetQuantity": "onsetAge", "abatementQuantity": "abatementAge"},
    "Procedure": {"occurrenceDateTime": "performedDateTime", "occurrencePeriod": "performedPeriod"},
    "ProcedureRequest": {"scheduledDateTime": "occurrenceDateTime", "scheduledPeriod": "occurrencePeriod"},
    "Encounter": {"actualPeriod": "period"},
}
_SPANS = {"effectiveTiming": "effectivePeriod", "occurrenceTiming": "occurrencePeriod", "scheduledTiming": "occurrencePeriod",
          "occurenceTiming": "effectivePeriod"}  # fmt: skip
_DENIED = ("wasNotTaken", "wasNotGiven", "notGiven", "notPerformed", "notDone")
_REQUESTED = {
    "requested": "active", "received": "active", "accepted": "active", "in-progress": "active", "planned": "active",
    "suspended": "on-hold", "cancelled": "revoked", "rejected": "revoked", "aborted": "revoked", "failed": "revoked",
    "review": "completed",  # the work is done, its results are being reviewed
}  # fmt: skip
_STATUSES: Mapping[str, Mapping[str, str]] = {
    "DiagnosticOrder": _REQUESTED,
    "ProcedureRequest": _REQUESTED,
    "ServiceRequest": _REQUESTED,
    "Procedure": {"suspended": "on-hold", "aborted": "stopped"},
}
_ADHERENCE = {"unknown": "active", "taking": "active", "not": "not-taken", "stopped": "stopped", "on": "on-hold"}


def as_r4(record: Resource) -> Resource:
    """A record of any FHIR version with the elements of R4; one of R4 stays as it is. Leaves what was sent untouched."""
    kind = text(record.get("resourceType"))
    if _is_r4(record, kind):
        return record
    made = dict(record)
    for old, new in _RENAMED.get(kind, {}).items():
        _move(made, old, new)
    if kind != "Patient":
        _move(made, "patient", "subject")
    if kind == "Procedure":
        _move(made, "occurrenceTiming", "performedPeriod", span_of)
    for old, new in _SPANS.items():
        _move(made, old, new, span_of)
    _split(made, "medication", "medicationCodeableConcept", "medicationReference", many=False)
    _split(made, "reason", "reasonCode", "reasonReference")
    for key in ("code", "serviceType"):
        if key in made:
            made[key] = _concepts(made[key])
    if kind.startswith("Medication") and not made.get("dosageInstruction") and not made.get("dosage"):
        _move(made, "renderedDosageInstruction", "dosageInstruction", lambda words: [{"text": words}])
    for key in ("dosageInstruction", "dosage"):
        if key in made:
            made[key] = [dosage_as_r4(each) for each in items(made[key])]
    if kind in _BY_KIND:
        _BY_KIND[kind](made)
    made |= _status(made, kind)
    if "contained" in made:
        inner = [{key: value for key, value in each.items() if key != "contained"} for each in items(made["contained"])]
        made["contained"] = [as_r4(each) for each in inner]
    return made


# Elements that some line of `as_r4` looks for. Where a record has none of them, and no status or nested element that is
# rewritten, it is R4 already and not copied: a record of R4, as nearly all are, is told in a sixth of the time.
_TELLING = frozenset({
    *_SPANS, *_DENIED, "patient", "occurrenceTiming", "medication", "reason", "renderedDosageInstruction", "contained", "taken",
    "adherence", "dateEnded", "statusChanged", "product", "ingredient", "item", "serviceType",
}).union(*_RENAMED.values())  # fmt: skip
_TELLING_DOSAGE = frozenset({*DOSES, "asNeeded", "asNeededFor"})
_TELLING_REPEAT = frozenset({*REPEAT, "extension"})
_STATUS_TOLD = frozenset({"recorded"}).union(*_STATUSES.values())


def _is_r4(record: Resource, kind: str) -> bool:
    """Whether `as_r4` would change nothing; it may say no where nothing changes."""
    if not _TELLING.isdisjoint(record) or kind in ("Patient", "DiagnosticOrder"):
        return False
    status, code = record.get("status"), record.get("code")
    if status in _STATUS_TOLD if isinstance(status, str) else isinstance(status, (dict, list)):
        return False
    if "concept" in code if isinstance(code, dict) else isinstance(code, list):
        return False
    if "dosageInstruction" in record and not _is_r4_dosage(record["dosageInstruction"]):
        return False
    return "dosage" not in record or _is_r4_dosage(record["dosage"])


def _is_r4_dosage(dosages: Any) -> bool:
    if not isinstance(dosages, list):
        return False
    for dosage in dosages:
        if not isinstance(dosage, dict) or not _TELLING_DOSAGE.isdisjoint(dosage):
            return False
        timing = dosage.get("timing")
        repeat = timing.get("repeat") if isinstance(timing, dict) else None
        if isinstance(repeat, dict) and not _TELLING_REPEAT.isdisjoint(repeat):
            return False
    return True


def _move(made: Resource, old: str, new: str, change: Callable[[Any], Any] = lambda value: value) -> None:
    """An element under its name in R4, unless R4's own is there."""
    if made.get(old) and not made.get(new):
        made[new] = change(made.pop(old))


def _split(made: Resource, key: str, concept: str, reference: str, *, many: bool = True) -> None:
    """CodeableReferences of R5 as concepts and references; older versions have one or the other under the same name."""
    # The reason of an R5 Encounter has its references one level down, in value.
    sent = [part for each in items(made.get(key)) for part in (items(each["value"]) if "value" in each else [each])]
    if not sent or made.get(concept) or made.get(reference):
        return
    concepts = [each.get("concept", each) for each in sent if not each.get("reference") or "concept" in each]
    references = [found if isinstance(found, dict) else each for each in sent if (found := each.get("reference"))]
    for name, found in ((concept, concepts), (reference, references)):
        if found:
            made[name] = found if many else found[0]


def _concepts(value: Any) -> Any:
    """A CodeableConcept, or a list of them, where R5 has CodeableReferences."""
    if isinstance(value, list):
        return [each.get("concept", each) for each in items(value)]
    return value.get("concept", value) if isinstance(value, dict) else value


def _status(made: Resource, kind: str) -> Resource:
    """The status as R4 would write it: {} where it is written so already."""
    status = status_code(made.get("status"))
    if status != "entered-in-error":
        if any(made.get(key) is True for key in _DENIED) or _is_not_taken(made, status):
            return {"status": "not-taken" if kind == "MedicationStatement" else "not-done"}
        if kind == "MedicationStatement" and status == "recorded":
            return {"status": _adherence(made["adherence"]) if made.get("adherence") else "active"}
    known = _STATUSES.get(kind, {})
    return {"status": known[status]} if status in known else {}


def _adherence(sent: Any) -> str:
    """What the adherence of an R5 statement means for its status: codes like taking-as-directed or on-hold."""
    return _ADHERENCE.get(status_code(block(sent).get("code")).split("-")[0], "unknown")


def _is_not_taken(made: Resource, status: str) -> bool:
    """Whether an STU3 statement says so. Of a completed one, "n" alone may as well mean "no longer": it stays completed."""
    return made.get("taken") == "n" and (status not in ("completed", "stopped") or bool(made.get("reasonNotTaken")))


def _order(made: Resource) -> None:
    """When a DSTU2 or R5 order was stopped ends its course."""
    ended = made.get("dateEnded") or (made.get("statusChanged") if made.get("status") == "stopped" else None)
    if ended and not block(made.get("effectivePeriod")).get("end"):
        made["effectivePeriod"] = {**block(made.get("effectivePeriod")), "end": ended}


def _medication(made: Resource) -> None:
    product = block(made.get("product"))  # DSTU2
    for key in ("form", "ingredient"):
        if product.get(key) and not made.get(key):
            made[key] = product[key]
    if "ingredient" in made:
        made["ingredient"] = [_ingredient(each) for each in items(made["ingredient"])]


def _ingredient(sent: Resource) -> Resource:
    made = dict(sent)
    _split(made, "item", "itemCodeableConcept", "itemReference", many=False)
    _move(made, "amount", "strength")
    _move(made, "strengthRatio", "strength")
    _move(made, "strengthQuantity", "strength", lambda value: {"numerator": value})
    return made


def _diagnostic_order(made: Resource) -> None:
    made["item"] = [{**each, **_status(each, "DiagnosticOrder")} for each in items(made.get("item"))]


_BY_KIND: Mapping[str, Callable[[Resource], None]] = {
    "MedicationOrder": _order,
    "MedicationRequest": _order,
    "Medication": _medication,
    "DiagnosticOrder": _diagnostic_order,
}
