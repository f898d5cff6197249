"""Tiny builders of FHIR JSON, and a terminology small enough to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from decimal import Decimal
from typing import Any

from mgcds.chart.facts import Chart
from mgcds.chart.intake import read_chart, read_resources
from mgcds.terminology.types import Coding, Concept, Formula, Ingredient, Medicine, StatedIngredient

Json = dict[str, Any]
TODAY = date(2026, 6, 15)
LAB, SCORE = "http://lab", "http://score"

_EGFR = {"scale": "142", "k_female": "0.7", "k_male": "0.9", "a_female": "-0.241", "a_male": "-0.302", "b": "-1.2",
         "c": "0.9938", "f_female": "1.012"}  # fmt: skip
_D = Decimal
CONCEPTS: dict[str, Concept] = {
    concept.key: concept
    for concept in (
        Concept("salt", "Salt", ("Observation",), unit="mg/dL", factors={"mmol/L": _D("2.5"), "mEq/L": _D("2.5"), "mg/L": _D("0.1")},
                decimals=2, plausible=(_D("0.2"), _D(30)), batch="salts"),
        Concept("score", "Score", ("Observation",), unit="points", unit_optional=True, batch="scores"),
        Concept("systolic", "Systolic", ("Observation",), unit="mmHg", batch="scores"),
        Concept("creatinine", "Creatinine", ("Observation",), unit="mg/dL", decimals=4),
        Concept("egfr-made", "eGFR", ("Observation",), unit="mL/min/1.73m2",
                formula=Formula("ckd-epi-2021", "creatinine", None, None, 18, {k: _D(v) for k, v in _EGFR.items()})),
        Concept("calcium", "Calcium", ("Observation",), unit="mg/dL", decimals=2),
        Concept("albumin", "Albumin", ("Observation",), unit="g/dL", decimals=2),
        Concept("calcium-made", "Calcium, corrected", ("Observation",), unit="mg/dL", decimals=2,
                formula=Formula("albumin-corrected", "calcium", "albumin", 14, None, {"per_gram": _D("0.8"), "normal": _D(4)})),
        Concept("expecting-status", "Expecting", ("Observation",), answer_lasts=300),
        Concept("expecting", "Expecting", ("Condition",)),
        Concept("gout", "Gout", ("Condition",)),
        Concept("comfort", "Comfort care", ("Procedure", "Condition", "Encounter"), procedure_lasts=0),
        Concept("washing", "Washing", ("Procedure",), procedure_lasts=90),
        Concept("bypass", "Bypass", ("Procedure",)),
        Concept("salt-order", "Salt test", ("ServiceRequest",)),
        Concept("surgery", "Surgery", ("Procedure", "ServiceRequest")),
    )
}  # fmt: skip
MEDICINES: dict[str, tuple[Ingredient, ...]] = {
    "tabs": (Ingredient("saltine", _D(400), "mg", "unit", "salt", _D("0.6"), "salt"),),
    "syrup": (Ingredient("saltine", _D(80), "mg", "mL", "salt", _D("0.5"), "salt"),),
    "mixed": (
        Ingredient("saltine", _D(100), "mg", "unit", "salt", _D("0.6"), "salt"),
        Ingredient("other", _D(5), "mg", "unit"),
    ),
    "chloride": (Ingredient("chloride", _D(10), "mEq", "unit"),),
    "bare": (Ingredient("saltine", None, "mg", "", "salt", None, "ambiguous"),),
}


@dataclass(frozen=True)
class Small:
    """Codes are the keys of the concepts themselves, and of five medicines."""

    concepts: Mapping[str, Concept]

    def concepts_of(self, codings: Iterable[Coding], text: str, resource_type: str) -> frozenset[str]:
        names = {*(coding.code for coding in codings), text}
        return frozenset(key for key in names if key in self.concepts and resource_type in self.concepts[key].recorded_in)

    def measured(self, codings: Sequence[Coding]) -> Sequence[Concept]:
        return [self.concepts[key] for key in sorted(self.concepts_of(codings, "", "Observation"))]

    def medicine(self, codings: Sequence[Coding], text: str, stated: Sequence[StatedIngredient] = ()) -> Medicine:
        name = next((name for name in (*(coding.code for coding in codings), text) if name in MEDICINES), None)
        if name is not None:
            return Medicine(name, name, MEDICINES[name], frozenset({name}), resolved_by="text")
        if stated:
            parts = tuple(Ingredient(each.text, each.strength, each.unit or "mg", each.per) for each in stated)
            return Medicine(text or "mixture", text, parts, resolved_by="text")
        return Medicine(text or "unnamed", f"?{text}")

    def route(self, codings: Iterable[Coding], text: str) -> str | None:
        return {"by mouth": "oral", "PO": "oral"}.get(next((coding.code for coding in codings), text))


TERMS = Small(CONCEPTS)


def concept(code: str) -> Json:
    return {"coding": [{"system": LAB, "code": code}], "text": code}


def person(born: str | None = "1980-01-01", sex: str | None = "female", **more: Any) -> Json:
    return {"resourceType": "Patient", "id": "p1", "birthDate": born, "gender": sex, **more}


def lab(code: str = "salt", value: Any = 1.5, unit: str | None = "mg/dL", when: str | None = "2026-06-01", **more: Any) -> Json:
    sent = {"value": value} | ({"unit": unit, "code": unit} if unit else {})
    return {"resourceType": "Observation", "id": "o1", "status": "final", "code": concept(code),
            "subject": {"reference": "Patient/p1"}, "effectiveDateTime": when, "valueQuantity": sent, **more}  # fmt: skip


def order(medicine: str = "tabs", **more: Any) -> Json:
    return {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
            "medicationCodeableConcept": concept(medicine), "subject": {"reference": "Patient/p1"}, **more}  # fmt: skip


def dosage(amount: Any = 1, unit: str = "{tbl}", **repeat: Any) -> Json:
    rate = {"doseQuantity": {"value": amount, "unit": unit, "code": unit}}
    return {"timing": {"repeat": repeat or {"frequency": 1, "period": 1, "periodUnit": "d"}}, "doseAndRate": [rate]}


def condition(code: str = "gout", clinical: str | None = "active", **more: Any) -> Json:
    status = {"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {}
    return {"resourceType": "Condition", "id": "c1", "code": concept(code), **status, **more}


def procedure(code: str, status: str, **more: Any) -> Json:
    return {"resourceType": "Procedure", "id": "s1", "status": status, "code": concept(code), **more}


def service(code: str = "salt-order", status: str = "active", **more: Any) -> Json:
    return {"resourceType": "ServiceRequest", "id": "r1", "status": status, "intent": "order", "code": concept(code), **more}


def bundle(*resources: Any, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources], **more}


def outcome(severity: str) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def call(prefetch: Any, *, hook: str = "patient-view", zone: tzinfo = UTC, **context: Any) -> Chart:
    """The chart of a request about patient p1."""
    told = {"patientId": "p1", **context}
    return read_chart(hook=hook, context=told, prefetch=prefetch, terminology=TERMS, today=TODAY, zone=zone)


def chart(*resources: Any, hook: str = "patient-view") -> Chart:
    """The chart of bare resources."""
    return read_resources([person(), *resources], hook=hook, terminology=TERMS, today=TODAY)


def codes(found: Chart) -> list[str]:
    """The codes of the notes."""
    return [note.code for note in found.notes]
