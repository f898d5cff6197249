"""Tiny builders of FHIR R4 resources, and a chart of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from mgcds.chart.facts import Chart, Use
from mgcds.chart.intake import read_chart
from mgcds.terminology import Terminology

TODAY = date(2026, 6, 15)
RX, LN, ICD, UCUM = (
    "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://unitsofmeasure.org",
)  # fmt: skip
SUBJECT = {"reference": "Patient/p"}
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1976-02-01"}


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]}


def chart(terminology: Terminology, *resources: Any, hook: str = "patient-view", context: dict[str, Any] | None = None,
          prefetch: dict[str, Any] | None = None) -> Chart:  # fmt: skip
    given = {"patient": PATIENT, "everything": bundle(*resources)} if prefetch is None else prefetch
    return read_chart(
        hook=hook, context={"patientId": "p", **(context or {})}, prefetch=given, terminology=terminology, today=TODAY
    )


def medication(code: str | None = "198741", name: str = "", **fields: Any) -> dict[str, Any]:
    concept: dict[str, Any] = {"text": name} if name else {}
    if code:
        concept["coding"] = [{"system": RX, "code": code}]
    base = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "subject": SUBJECT}
    if "medicationReference" not in fields:
        base["medicationCodeableConcept"] = concept
    return base | fields


def dosage(amount: Any = None, unit: str = "tablet", **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
    if amount is not None:
        made["doseAndRate"] = [{"doseQuantity": {"value": amount, "unit": unit}}]
    return made | fields


def observation(value: Any = 1.5, unit: str | None = "mg/dL", code: str = "19123-9", **fields: Any) -> dict[str, Any]:
    quantity = {"value": value, **({"unit": unit} if unit else {})}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": {"coding": [{"system": LN, "code": code}]},
            "subject": SUBJECT, "effectiveDateTime": "2026-06-10T08:00:00Z", "valueQuantity": quantity} | fields  # fmt: skip


def condition(code: str = "N18.4", **fields: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c", "code": {"coding": [{"system": ICD, "code": code}]}, "subject": SUBJECT,
            "clinicalStatus": {"coding": [{"code": "active"}]}} | fields  # fmt: skip


def only_use(chart: Chart) -> Use:
    (use,) = chart.uses
    return use


def codes(chart: Chart) -> list[str]:
    return [note.code for note in chart.notes]
