"""CDS Hooks requests of a wished size: a patient of our own fixtures with a long, made-up record around them.

Every request is made from a seed, so that two runs send the same bytes. The shape is that of a real record: most entries are
results (two in three of kinds that some rule reads), the rest old prescriptions, conditions, procedures and orders; an entry is
about a kilobyte, so that the largest request stays below the 5,000 entries that the service takes.
"""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

FIXTURES = Path(__file__).parent.parent / "fhir_fixtures/requests"
TODAY = date(2026, 6, 15)
SIZES = {"10 kB": 10_000, "60 kB": 60_000, "500 kB": 500_000, "4.9 MB": 4_900_000}
LOINC, RXNORM, ICD = "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/icd-10-cm"
UCUM, CATEGORY = "http://unitsofmeasure.org", "http://terminology.hl7.org/CodeSystem/observation-category"

# (code, words, unit, least, most): results as laboratories send them; the last third is of no interest to any rule.
RESULTS = (
    ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", 1.7, 2.3),
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.6, 4.9),
    ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.7, 10.1),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.1),
    ("1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL", 3.6, 4.8),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 108, 136),
    ("8867-4", "Heart rate", "/min", 58, 92),
    ("33914-3", "Glomerular filtration rate", "mL/min/{1.73_m2}", 66, 98),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 136, 144),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12, 16),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4, 10),
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 140, 220),
)  # fmt: skip
MEDICINES = (
    ("198051", "omeprazole 20 MG Delayed Release Oral Capsule", "{capsule}"),
    ("310798", "hydrochlorothiazide 25 MG Oral Tablet", "{tbl}"),
    ("617314", "atorvastatin 20 MG Oral Tablet", "{tbl}"), ("860975", "metformin hydrochloride 500 MG Oral Tablet", "{tbl}"),
    ("314076", "lisinopril 10 MG Oral Tablet", "{tbl}"), ("197361", "amlodipine 5 MG Oral Tablet", "{tbl}"),
    ("313782", "acetaminophen 325 MG Oral Tablet", "{tbl}"), ("308182", "amoxicillin 250 MG Oral Capsule", "{capsule}"),
    ("310965", "ibuprofen 200 MG Oral Tablet", "{tbl}"), ("312961", "simvastatin 20 MG Oral Tablet", "{tbl}"),
)  # fmt: skip
CONDITIONS = (
    ("I10", "Essential (primary) hypertension"), ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("M54.5", "Low back pain"), ("J06.9", "Acute upper respiratory infection, unspecified"), ("E78.5", "Hyperlipidemia"),
    ("K21.9", "Gastro-esophageal reflux disease without esophagitis"), ("N39.0", "Urinary tract infection"),
)  # fmt: skip
PROCEDURES = (("430193006", "Medication reconciliation"), ("710824005", "Assessment of health and social care needs"))
# Of a hundred entries.
SHARES = (("results", 62), ("medications", 20), ("conditions", 8), ("procedures", 6), ("orders", 4))


def request(size: int, *, seed: int = 1, number: int = 0) -> bytes:
    """A patient-view request of about `size` bytes (within one entry), as compact JSON. Another `number`: another patient."""
    rng = random.Random(f"{seed}-{number}")
    made = json.loads((FIXTURES / "12-ppi-and-thiazide-low-mg.json").read_text(encoding="utf-8"))
    made["hookInstance"] = str(UUID(int=rng.getrandbits(128), version=4))
    prefetch = made["prefetch"]
    bundles = {key: _bundle(prefetch, key) for key, _ in SHARES if key != "results"}
    bundles["results"] = _bundle(prefetch, next(key for key in prefetch if key not in {*bundles, "patient", "statements"}))
    short = size - len(dumped(made))
    patient = f"Patient/{prefetch['patient']['id']}"
    count = 0
    while short > 0:
        kind = rng.choices([name for name, _ in SHARES], [share for _, share in SHARES])[0]
        entry = _ENTRIES[kind](rng, patient, f"b{number}-{count}")
        bundles[kind].append(entry)
        short -= len(dumped(entry)) + 1
        count += 1
    for bundle in prefetch.values():
        if bundle.get("resourceType") == "Bundle":
            bundle["total"] = len(bundle.get("entry", []))
    return dumped(made)


def dumped(value: Any) -> bytes:
    """As most servers write JSON: compact, in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _bundle(prefetch: dict[str, Any], key: str) -> list[Any]:
    bundle = prefetch.setdefault(key, {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []})
    return bundle.setdefault("entry", [])  # type: ignore[no-any-return]


def _day(rng: random.Random, least: int = 200, most: int = 4000) -> str:
    """A day in the past that changes no card: older than every look-back that the fixture's own cards rest on."""
    return (TODAY - timedelta(days=rng.randint(least, most))).isoformat()


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    address = f"https://ehr.example.org/fhir/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": address, "resource": resource, "search": {"mode": "match"}}


def _result(rng: random.Random, patient: str, identity: str) -> dict[str, Any]:
    code, words, unit, least, most = rng.choice(RESULTS)
    day, value = _day(rng, 400), round(rng.uniform(least, most), 1)
    return _entry({
        "resourceType": "Observation", "id": identity, "meta": {"versionId": "1", "lastUpdated": f"{day}T10:22:13.000+00:00"},
        "text": {"status": "generated", "div": f"<div xmlns=\"http://www.w3.org/1999/xhtml\">{words}: {value} {unit}</div>"},
        "identifier": [{"system": "https://laboratory.example.org/results", "value": f"L-{identity}"}],
        "status": "final", "category": [{"coding": [{"system": CATEGORY, "code": "laboratory", "display": "Laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": words}], "text": words},
        "subject": {"reference": patient}, "encounter": {"reference": f"Encounter/e{rng.randint(1, 400)}"},
        "effectiveDateTime": f"{day}T07:15:00+00:00", "issued": f"{day}T09:40:21.000+00:00",
        "performer": [{"reference": "Organization/o1", "display": "Central laboratory"}],
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        "referenceRange": [{"low": {"value": least, "unit": unit}, "high": {"value": most, "unit": unit}}],
    })  # fmt: skip


def _prescription(rng: random.Random, patient: str, identity: str) -> dict[str, Any]:
    code, words, unit = rng.choice(MEDICINES)
    day = date.fromisoformat(_day(rng, 800))
    return _entry({
        "resourceType": "MedicationRequest", "id": identity, "status": "completed", "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code, "display": words}], "text": words},
        "subject": {"reference": patient}, "authoredOn": f"{day}T11:02:44+00:00",
        "requester": {"reference": "Practitioner/p1", "display": "A. Doctor"},
        "dosageInstruction": [{
            "text": "1 daily", "route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}], "text": "Oral"},
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "boundsPeriod": {
                "start": day.isoformat(), "end": (day + timedelta(days=90)).isoformat()}}},
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": unit.strip("{}"), "system": UCUM, "code": unit}}],
        }],
    })  # fmt: skip


def _condition(rng: random.Random, patient: str, identity: str) -> dict[str, Any]:
    code, words = rng.choice(CONDITIONS)
    day = _day(rng)
    coded = "http://terminology.hl7.org/CodeSystem/condition-"
    return _entry({
        "resourceType": "Condition", "id": identity,
        "clinicalStatus": {"coding": [{"system": f"{coded}clinical", "code": rng.choice(["active", "resolved"])}]},
        "verificationStatus": {"coding": [{"system": f"{coded}ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": ICD, "code": code, "display": words}], "text": words},
        "subject": {"reference": patient}, "onsetDateTime": day, "recordedDate": day,
    })  # fmt: skip


def _procedure(rng: random.Random, patient: str, identity: str) -> dict[str, Any]:
    code, words = rng.choice(PROCEDURES)
    day = _day(rng)
    return _entry({
        "resourceType": "Procedure", "id": identity, "status": "completed",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code, "display": words}], "text": words},
        "subject": {"reference": patient},
        "performedPeriod": {"start": f"{day}T08:00:00+00:00", "end": f"{day}T08:30:00+00:00"},
    })  # fmt: skip


def _order(rng: random.Random, patient: str, identity: str) -> dict[str, Any]:
    return _entry({
        "resourceType": "ServiceRequest", "id": identity, "status": "completed", "intent": "order",
        "code": {"coding": [{"system": LOINC, "code": "2093-3", "display": "Cholesterol"}], "text": "Cholesterol"},
        "subject": {"reference": patient}, "authoredOn": _day(rng),
    })  # fmt: skip


_ENTRIES = {
    "results": _result, "medications": _prescription, "conditions": _condition, "procedures": _procedure, "orders": _order,
}  # fmt: skip
