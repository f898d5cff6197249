"""The same FHIR resource in DSTU2, STU3, R4 and R5. Written down in R4; each writer says how its version differs."""

from __future__ import annotations

import copy
import json
from typing import Any

Json = dict[str, Any]
VERSIONS = ("DSTU2", "STU3", "R4", "R5")
_ADHERENCE = {"active": "taking", "completed": "stopped", "not-taken": "not-taking"}
_EXTENSION = "http://hl7.org/fhir/4.0/StructureDefinition/extension-Timing.repeat."


def written_in(version: str, resource: Json) -> Json:
    """An R4 resource as another version writes it; one for a procedure has an occurrence."""
    made = copy.deepcopy(resource)
    if version == "R4":
        return made
    write = {"DSTU2": _dstu2, "STU3": _stu3, "R5": _r5}[version]
    made["contained"] = [write(each) for each in made.get("contained", [])]
    made = write(made)
    made["contained"] += [each for inner in made["contained"] for each in inner.pop("contained", [])]
    if not made["contained"]:
        del made["contained"]
    return made


def as_named_in_r4(value: Any) -> Any:
    """JSON in which references have the resource types of R4."""
    text = json.dumps(value, sort_keys=True, default=str).replace("MedicationOrder/", "MedicationRequest/")
    return json.loads(text.replace("DiagnosticOrder/", "ServiceRequest/").replace("ProcedureRequest/", "ServiceRequest/"))


def _rename(made: Json, **names: str) -> None:
    for old, new in names.items():
        if old in made:
            made[new] = made.pop(old)


def _first(made: Json, **names: str) -> None:
    """A list of R4 that is a single element elsewhere."""
    for old, new in names.items():
        if old in made:
            made[new] = made.pop(old)[0]


def _instructions(made: Json) -> list[Json]:
    return [*made.get("dosageInstruction", []), *made.get("dosage", [])]


def _r5(made: Json) -> Json:
    kind = made["resourceType"]
    if kind.startswith("Medication") and kind != "Medication":
        concept, target = made.pop("medicationCodeableConcept", None), made.pop("medicationReference", None)
        made["medication"] = {"concept": concept} if concept else {"reference": target}
    reasons = [{"concept": each} for each in made.pop("reasonCode", [])]
    reasons += [{"reference": each} for each in made.pop("reasonReference", [])]
    if reasons:
        made["reason"] = [{"value": reasons}] if kind == "Encounter" else reasons
    if kind == "MedicationStatement":
        code = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/medication-statement-adherence",
                            "code": _ADHERENCE[made["status"]]}]}  # fmt: skip
        made |= {"status": "recorded", "adherence": {"code": code}}
    for dosage in _instructions(made):
        _rename(dosage, asNeededBoolean="asNeeded")
        if "asNeededCodeableConcept" in dosage:
            dosage |= {"asNeeded": True, "asNeededFor": [dosage.pop("asNeededCodeableConcept")]}
        if "maxDosePerPeriod" in dosage:
            dosage["maxDosePerPeriod"] = [dosage["maxDosePerPeriod"]]
    for ingredient in made.get("ingredient", []):
        concept, target = ingredient.pop("itemCodeableConcept", None), ingredient.pop("itemReference", None)
        ingredient["item"] = {"concept": concept} if concept else {"reference": target}
        _rename(ingredient, strength="strengthRatio")
    if kind in ("ServiceRequest", "Substance"):
        made["code"] = {"concept": made["code"]}
    if kind == "Substance":
        made["instance"] = True
    if kind == "Encounter":
        made["class"] = [{"coding": [made["class"]]}]
        _rename(made, period="actualPeriod")
    if "serviceType" in made:
        services = made["serviceType"] if isinstance(made["serviceType"], list) else [made["serviceType"]]
        made["serviceType"] = [{"concept": each} for each in services]
    if kind == "Procedure":
        _rename(made, performedDateTime="occurrenceDateTime", performedPeriod="occurrencePeriod")
    _rename(made, form="doseForm")
    return made


def _stu3(made: Json) -> Json:
    kind = made["resourceType"]
    for dosage in _instructions(made):
        dosage |= dosage.pop("doseAndRate", [{}])[0]
    if kind == "MedicationStatement":
        is_not_taken = made["status"] == "not-taken"
        made |= {"status": "active" if is_not_taken else made["status"], "taken": "n" if is_not_taken else "y"}
    for ingredient in made.get("ingredient", []):
        _rename(ingredient, strength="amount")
    for status in ("clinicalStatus", "verificationStatus"):
        if status in made:
            made[status] = made[status]["coding"][0]["code"]
    _rename(made, recordedDate="assertedDate")
    if kind == "ServiceRequest":
        made["resourceType"] = "ProcedureRequest"
        made["status"] = {"on-hold": "suspended", "revoked": "cancelled"}.get(made["status"], made["status"])
    if kind == "Procedure" and made["status"] in ("not-done", "on-hold"):
        made |= {"notDone": made["status"] == "not-done", "status": "suspended"}
    if kind in ("Encounter", "Appointment"):
        _rename(made, reasonCode="reason")
    if kind == "Encounter" and "serviceType" in made:
        made.setdefault("type", []).append(made.pop("serviceType"))
    return made


def _dstu2(made: Json) -> Json:
    kind = made["resourceType"]
    if kind not in ("ServiceRequest", "Observation", "Procedure"):
        _rename(made, subject="patient")
    for dosage in _instructions(made):
        dosage |= dosage.pop("doseAndRate", [{}])[0]
        if kind == "MedicationStatement":
            _rename(dosage, doseQuantity="quantityQuantity", doseRange="quantityRange")
        dosage.pop("sequence", None)
        _dstu2_timing(dosage.get("timing", {}))
    if kind == "MedicationRequest":
        made["resourceType"] = "MedicationOrder"
        del made["intent"]
        _rename(made, authoredOn="dateWritten")
        _first(made, reasonCode="reasonCodeableConcept", reasonReference="reasonReference")
    if kind == "MedicationStatement":
        made |= {"wasNotTaken": made["status"] == "not-taken", "status": made["status"].replace("not-taken", "active")}
        _first(made, reasonCode="reasonForUseCodeableConcept", reasonReference="reasonForUseReference")
    if kind == "Medication":
        _dstu2_medication(made)
    if kind == "Condition":
        for status in ("clinicalStatus", "verificationStatus"):
            if status in made:
                made[status] = made[status]["coding"][0]["code"].replace("recurrence", "relapse")
        _rename(made, recordedDate="dateRecorded", onsetAge="onsetQuantity")
    if kind == "ServiceRequest":
        del made["intent"]
        made["status"] = {"active": "accepted", "on-hold": "suspended", "revoked": "rejected"}.get(
            made["status"], made["status"]
        )
        is_laboratory = "occurrenceDateTime" not in made
        made["resourceType"] = "DiagnosticOrder" if is_laboratory else "ProcedureRequest"
        if is_laboratory:
            made["item"] = [{"code": made.pop("code")}]
        _rename(made, occurrenceDateTime="scheduledDateTime")
    if kind == "Procedure":
        made["notPerformed"] = made["status"] == "not-done"
        made["status"] = {"not-done": "aborted", "on-hold": "in-progress"}.get(made["status"], made["status"])
    if kind == "Encounter":
        made["class"] = "inpatient"
        _rename(made, reasonCode="reason")
        if "serviceType" in made:
            made.setdefault("type", []).append(made.pop("serviceType"))
    if kind == "Appointment":
        _first(made, reasonCode="reason")
        made.pop("serviceType", None)
    text = json.dumps(made).replace('"MedicationRequest/', '"MedicationOrder/')
    return json.loads(text)


def _dstu2_medication(made: Json) -> None:
    """An ingredient is always a Reference to a Substance."""
    sent = made.pop("ingredient", [])
    made["product"] = {"form": made.pop("form")} if "form" in made else {}
    for number, each in enumerate(sent):
        made.setdefault("contained", []).append(
            {"resourceType": "Substance", "id": f"s{number}", "code": each["itemCodeableConcept"]}
        )
        part = {"item": {"reference": f"#s{number}"}} | ({"amount": each["strength"]} if "strength" in each else {})
        made["product"].setdefault("ingredient", []).append(part)


def _dstu2_timing(timing: Json) -> None:
    """Times of day are written out as moments; beside days of the week, as HL7's extensions for later elements."""
    repeat = timing.get("repeat", {})
    _rename(repeat, periodUnit="periodUnits", boundsDuration="boundsQuantity")
    _first(repeat, when="when")
    times, days = repeat.pop("timeOfDay", []), repeat.pop("dayOfWeek", [])
    if days:
        later = [("timeOfDay", "valueTime", each) for each in times] + [("dayOfWeek", "valueCode", each) for each in days]
        repeat["extension"] = [{"url": _EXTENSION + key, value: each} for key, value, each in later]
    elif times:
        timing["event"] = [f"2026-06-15T{each}Z" for each in times]
