"""Made-up patients, in R4, who together use every element that the chart reads. Today is 2026-06-15."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
RX, LN, ICD, SCT, UCUM = (
    "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm",
    "http://snomed.info/sct", "http://unitsofmeasure.org",
)  # fmt: skip
SUBJECT = {"reference": "Patient/p"}
MAGNESIUM_OXIDE, ALENDRONATE, PANTOPRAZOLE, SERTRALINE, BUPROPION = "198741", "904419", "314200", "312941", "993541"


@dataclass(frozen=True)
class Case:
    """A patient, what is known of them, and the orders at hand."""

    name: str
    records: list[Json]
    drafts: list[Json] = field(default_factory=list)
    hook: str = "patient-view"
    born: str = "1958-03-01"
    topics: tuple[str, ...] = ()  # of the cards that are due

    @property
    def patient(self) -> Json:
        return {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": self.born}


def coded(code: str, system: str = RX, **more: Any) -> Json:
    return {"coding": [{"system": system, "code": code}], **more}


def amount(value: float, unit: str, code: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def tablets(number: float) -> Json:
    return amount(number, "tablet", "{tbl}")


def dosage(dose: Json | None = None, **repeat: Any) -> Json:
    """By mouth, once a day where nothing else is said."""
    made: Json = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", **repeat}},
                  "route": coded("26643006", SCT, text="Oral")}  # fmt: skip
    return made | ({"doseAndRate": [{"doseQuantity": dose}]} if dose else {})


def _medicine(drug: str | Json) -> Json:
    if isinstance(drug, str):
        return {"medicationCodeableConcept": coded(drug)}
    if drug.get("resourceType") == "Medication":
        return {"contained": [drug], "medicationReference": {"reference": f"#{drug['id']}"}}
    return {"medicationReference": drug}


def order(
    name: str, drug: str | Json, *dosages: Json, status: str = "active", authored: str = "2026-01-10", **more: Any
) -> Json:
    return {"resourceType": "MedicationRequest", "id": name, "status": status, "intent": "order", "subject": SUBJECT,
            **_medicine(drug), "authoredOn": authored,
            **({"dosageInstruction": list(dosages)} if dosages else {}), **more}  # fmt: skip


def statement(name: str, drug: str | Json, *dosages: Json, status: str = "active", **more: Any) -> Json:
    return {"resourceType": "MedicationStatement", "id": name, "status": status, "subject": SUBJECT, **_medicine(drug),
            **({"dosage": list(dosages)} if dosages else {}), **more}  # fmt: skip


def dispense(name: str, of: str, when: str, days: int, drug: str) -> Json:
    return {"resourceType": "MedicationDispense", "id": name, "status": "completed", "subject": SUBJECT, **_medicine(drug),
            "authorizingPrescription": [{"reference": f"MedicationRequest/{of}"}], "whenHandedOver": when,
            "daysSupply": amount(days, "days", "d")}  # fmt: skip


def result(name: str, code: str, value: float, unit: str, when: str = "2026-06-10T08:00:00Z") -> Json:
    return {"resourceType": "Observation", "id": name, "status": "final", "code": coded(code, LN), "subject": SUBJECT,
            "effectiveDateTime": when, "valueQuantity": amount(value, unit, unit)}  # fmt: skip


def condition(name: str, code: str, system: str = ICD, *, clinical: str = "active", **more: Any) -> Json:
    terms = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {"resourceType": "Condition", "id": name, "clinicalStatus": coded(clinical, terms), "code": coded(code, system),
            "subject": SUBJECT, "recordedDate": "2026-02-01", **more}  # fmt: skip


def requested(name: str, code: str, system: str, *, status: str = "active", **more: Any) -> Json:
    return {"resourceType": "ServiceRequest", "id": name, "status": status, "intent": "order", "code": coded(code, system),
            "subject": SUBJECT, **more}  # fmt: skip


def procedure(name: str, code: str, status: str, **more: Any) -> Json:
    return {"resourceType": "Procedure", "id": name, "status": status, "code": coded(code, SCT), "subject": SUBJECT, **more}


TABLET = {"resourceType": "Medication", "id": "tab", "form": {"text": "Oral tablet"}, "ingredient": [
    {"itemCodeableConcept": coded("6574", text="magnesium"),
     "strength": {"numerator": amount(200, "mg", "mg"), "denominator": tablets(1)}}]}  # fmt: skip
BUNDLED = {"resourceType": "Medication", "id": "ppi", "code": coded(PANTOPRAZOLE)}
SUPPLY = {"expectedSupplyDuration": amount(30, "days", "d"), "numberOfRepeatsAllowed": 2}
LOW = result("mg", "2601-3", 0.62, "mmol/L")
TRIALS = [
    condition("mdd", "F33.1"),
    order("one", SERTRALINE, dosage(tablets(2), boundsPeriod={"start": "2025-09-01", "end": "2025-12-01"}), status="completed",
          reasonCode=[coded("F33.1", ICD)], authored="2025-09-01"),
    order("two", BUPROPION, dosage(tablets(2)), status="completed", authored="2026-01-01", dispenseRequest=SUPPLY,
          reasonReference=[{"reference": "Condition/mdd"}]),
    result("phq", "44261-6", 16, "{score}"),
]  # fmt: skip

CASES = [
    Case(
        "doses at the same time",
        [order("bone", ALENDRONATE, dosage(tablets(1), timeOfDay=["07:00:00"])),
         order("mg", MAGNESIUM_OXIDE, dosage(tablets(1), timeOfDay=["07:30:00", "19:30:00"], frequency=2))],
        topics=("separate-doses", "mg-excess"),
    ),
    Case(
        "doses on days without a common one",
        [order("bone", ALENDRONATE, dosage(tablets(1), timeOfDay=["07:00:00"], dayOfWeek=["mon"])),
         order("mg", MAGNESIUM_OXIDE, dosage(tablets(1), timeOfDay=["07:30:00"], dayOfWeek=["thu"]))],
    ),
    Case(
        "low magnesium on a long course with bounds",
        [LOW, BUNDLED,
         order("ppi", {"reference": "Medication/ppi"}, dosage(tablets(1), boundsPeriod={"start": "2025-05-11"}), authored="2026-05-01")],
        topics=("low-mg",),
    ),
    Case(
        "low magnesium and a course that ended",
        [LOW, order("ppi", PANTOPRAZOLE, dosage(tablets(1), boundsPeriod={"start": "2025-05-11", "end": "2026-02-01"}))],
        topics=("low-mg",),
    ),
    Case(
        "kidneys impaired by a condition with an onset",
        [condition("ckd", "N18.4", onsetDateTime="2024-03-05"), order("mg", MAGNESIUM_OXIDE, dosage(tablets(1)))],
        topics=("mg-excess",),
    ),
    Case(
        "a condition that is over",
        [condition("ckd", "N18.4", clinical="resolved", abatementDateTime="2025-01-01"), order("mg", MAGNESIUM_OXIDE, dosage(tablets(1)))],
    ),
    Case(
        "an onset as an age",
        [condition("ckd", "N18.4", onsetAge=amount(40, "years", "a"), verificationStatus=coded("confirmed", "http://terminology.hl7.org/CodeSystem/condition-ver-status"))],
    ),
    Case("low magnesium, and a pending order", [LOW, requested("again", "19123-9", LN)], topics=("low-mg",)),
    Case("resistant depression: two trials, by bounds and by supply", TRIALS, topics=("order-serum-mg",)),
    Case("resistant depression and a pending order", [*TRIALS, requested("mg", "19123-9", LN)]),
    Case("resistant depression and a suspended order", [*TRIALS, requested("mg", "19123-9", LN, status="on-hold")]),
    Case("resistant depression and a revoked order", [*TRIALS, requested("mg", "19123-9", LN, status="revoked")], topics=("order-serum-mg",)),
    Case(
        "pregnant above the upper limit",
        [{**result("status", "82810-3", 0, "x"), "valueQuantity": None, "valueCodeableConcept": coded("77386006", SCT)},
         order("mg", MAGNESIUM_OXIDE, dosage(tablets(2))), result("crea", "2160-0", 0.8, "mg/dL")],
        born="1996-03-01", topics=("mg-excess",),
    ),
    Case(
        "a draft at signing",
        [result("crea", "2160-0", 2.4, "mg/dL")],
        [order("new", TABLET, dosage(tablets(2)), status="draft", authored="2026-06-15")],
        hook="order-sign", topics=("mg-excess",),
    ),
    Case(
        "a draft that could be moved",
        [order("bone", ALENDRONATE, dosage(tablets(1), timeOfDay=["07:00:00"]))],
        [order("new", MAGNESIUM_OXIDE, dosage(tablets(1), timeOfDay=["07:00:00"]), status="draft", authored="2026-06-15")],
        hook="order-sign", topics=("separate-doses",),
    ),
    Case(
        "statements",
        [LOW, statement("ppi", PANTOPRAZOLE, dosage(tablets(1)), effectivePeriod={"start": "2025-05-11"}, dateAsserted="2026-05-01"),
         statement("mg", TABLET, dosage(tablets(2)), effectiveDateTime="2026-06-01")],
        topics=("low-mg", "mg-excess"),
    ),
    Case("a statement that it is not taken", [statement("mg", MAGNESIUM_OXIDE, dosage(tablets(3)), status="not-taken"), result("crea", "2160-0", 2.4, "mg/dL")]),
    Case(
        "an order with dispenses",
        [LOW, order("ppi", PANTOPRAZOLE, dosage(tablets(1)), status="completed", authored="2025-05-11"),
         dispense("first", "ppi", "2025-05-12", 30, PANTOPRAZOLE), dispense("last", "ppi", "2026-05-20", 30, PANTOPRAZOLE)],
        topics=("low-mg",),
    ),
    Case(
        "doses in other words",
        [order("mg", MAGNESIUM_OXIDE,
               {"timing": {"repeat": {"when": ["MORN"]}}, "doseAndRate": [{"doseRange": {"low": tablets(1), "high": tablets(3)}}]}),
         order("more", TABLET, dosage(tablets(1)) | {"asNeededBoolean": True,
               "maxDosePerPeriod": {"numerator": tablets(2), "denominator": amount(1, "day", "d")}}),
         order("cramps", MAGNESIUM_OXIDE, dosage(tablets(1), boundsDuration=amount(2, "weeks", "wk")) | {"asNeededCodeableConcept": {"text": "cramps"}},
               priorPrescription={"reference": "MedicationRequest/mg"})],
        topics=("mg-excess",),
    ),
    Case("hospice, by procedure", [LOW, procedure("care", "385763009", "in-progress", performedPeriod={"start": "2026-06-01"})]),
    Case("hospice that was not done", [LOW, procedure("care", "385763009", "not-done")], topics=("low-mg",)),
    Case(
        "what goes on, what was done and what is booked",
        [{"resourceType": "Encounter", "id": "stay", "status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
          "subject": SUBJECT, "serviceType": coded("385763009", SCT), "period": {"start": "2026-06-01"},
          "reasonCode": [{"text": "dialysis"}]},
         procedure("dialysis", "108241001", "completed", performedDateTime="2026-06-10"),
         requested("surgery", "50697003", SCT, occurrenceDateTime="2026-06-20"),
         {"resourceType": "Appointment", "id": "visit", "status": "booked", "start": "2026-06-20T08:00:00Z", "end": "2026-06-20T09:00:00Z",
          "reasonCode": [coded("50697003", SCT)],
          "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}]}],
    ),
]  # fmt: skip
for case in CASES:
    for record in case.records:
        for key in [key for key, value in record.items() if value is None]:
            del record[key]
