"""Medication records of every shape: what is taken, since when, how much, when in the day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mgcds.terminology import Terminology
from tests.unit.chart.build import UCUM, bundle, chart, codes, dosage, medication, only_use

OXIDE = {
    "resourceType": "Medication",
    "id": "d",
    "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "198741"}]},
}


def elemental(terminology: Terminology, *dosages: dict[str, Any], code: str = "198741") -> Decimal | None:
    use = only_use(chart(terminology, medication(code, dosageInstruction=list(dosages))))
    return use.portions[-1].elemental


@pytest.mark.parametrize(
    "record",
    [
        medication(),
        medication(contained=[OXIDE], medicationReference={"reference": "#d"}),
        medication(resourceType="MedicationStatement"),
        medication(resourceType="MedicationAdministration", status="in-progress"),
        {
            "resourceType": "MedicationRequest",
            "id": "m",
            "status": "active",
            "intent": "order",
            "medication": {"concept": OXIDE["code"]},
        },
        {"resourceType": "MedicationOrder", "id": "m", "status": "active", "medicationCodeableConcept": OXIDE["code"]},
    ],
)
def test_a_medicine_is_found_wherever_it_is_written(terminology: Terminology, record: dict[str, Any]) -> None:
    use = only_use(chart(terminology, record))
    assert (use.medicine.name, use.active) == ("magnesium oxide", True)


@pytest.mark.parametrize("url", ["Medication/d", "https://ehr.example.org/fhir/Medication/d", "urn:uuid:abc"])
def test_a_medicine_is_found_in_the_bundle(terminology: Terminology, url: str) -> None:
    entries = bundle(medication(medicationReference={"reference": url}), OXIDE)
    entries["entry"][1]["fullUrl"] = url if url.startswith("urn") else ""
    found = chart(terminology, prefetch={"medications": entries})
    assert only_use(found).medicine.name == "magnesium oxide"


@pytest.mark.parametrize(
    ("words", "form", "route"),
    [
        ("magnesium sulfate", "Injection", "intravenous"),
        ("magnesium sulfate", None, None),
        ("magnesium oxide 400 mg tablet", "Injection", "oral"),
    ],
)
def test_the_form_of_a_medication_tells_the_route_where_its_words_do_not(
    terminology: Terminology, words: str, form: str | None, route: str | None
) -> None:
    told = {"resourceType": "Medication", "id": "d", "code": {"text": words}, "form": {"text": form}}
    use = only_use(chart(terminology, medication(contained=[told], medicationReference={"reference": "#d"})))
    assert use.medicine.form_route == route


def test_a_reference_that_leads_nowhere_keeps_its_display_and_is_noted(terminology: Terminology) -> None:
    found = chart(terminology, medication(medicationReference={"reference": "Medication/gone", "display": "Frobnicate"}))
    assert found.unresolved == ("Frobnicate",)
    assert codes(found) == ["medication-unresolved"]


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({"status": "active"}, True), ({"status": "on-hold"}, None), ({"status": "cancelled"}, None), ({"status": "entered-in-error"}, None),
        ({"status": "stopped"}, False), ({"status": "completed"}, False), ({"doNotPerform": True}, None), ({"intent": "proposal"}, None),
        ({"status": "draft"}, None), ({"status": "gibberish"}, None),
    ],
)  # fmt: skip
def test_status_and_intent_decide_what_counts(terminology: Terminology, fields: dict[str, Any], active: bool | None) -> None:
    uses = chart(terminology, medication(**fields)).uses
    assert [use.active for use in uses] == ([] if active is None else [active])


def test_an_unknown_status_is_noted(terminology: Terminology) -> None:
    assert codes(chart(terminology, medication(status="gibberish"))) == ["status-ignored"]


def test_an_active_order_whose_bounds_ended_is_ended(terminology: Terminology) -> None:
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2026-01-01", "end": "2026-06-14"}}}}
    assert not only_use(chart(terminology, medication(dosageInstruction=[bounds]))).active


def test_start_is_bounds_else_authored_and_end_is_supply_else_one_day(terminology: Terminology) -> None:
    bounded = medication(
        authoredOn="2026-02-01", dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2026-01-01"}}}}]
    )
    use = only_use(chart(terminology, bounded))
    assert use.start is not None
    assert use.start.text == "2026-01-01"
    supply = {"expectedSupplyDuration": {"value": 30, "unit": "days"}, "numberOfRepeatsAllowed": 2}
    over = only_use(chart(terminology, medication(status="completed", authoredOn="2026-01-01", dispenseRequest=supply)))
    assert over.end is not None
    assert (over.end.text, over.supply_days) == ("2026-04-01", 90)
    bare = only_use(chart(terminology, medication(status="completed", authoredOn="2026-01-01")))
    assert bare.end == bare.start


def test_a_dispense_ends_its_order_after_its_supply(terminology: Terminology) -> None:
    order = medication(status="completed", authoredOn="2026-01-01")
    handed = {"resourceType": "MedicationDispense", "id": "x", "status": "completed", "whenHandedOver": "2026-02-01",
              "daysSupply": {"value": 28, "unit": "d"}, "authorizingPrescription": [{"reference": "MedicationRequest/m"}],
              "medicationCodeableConcept": OXIDE["code"]}  # fmt: skip
    use = next(use for use in chart(terminology, order, handed).uses if use.reference == "MedicationRequest/m")
    assert use.end is not None
    assert use.end.text == "2026-03-01"


@pytest.mark.parametrize(
    ("dosages", "expected"),
    [
        ([dosage(1)], "241.216"),
        ([dosage(400, "mg")], "241.216"),
        ([dosage(0.4, "g")], "241.216"),
        ([dosage(1, timing={"code": {"text": "BID"}})], "482.432"),
        ([dosage(1, timing={"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}})], "723.648"),
        ([dosage(1, timing={"repeat": {"timeOfDay": ["08:00", "20:00"]}})], "482.432"),
        ([dosage(1, timing={"repeat": {"when": ["MORN", "HS"]}})], "482.432"),
        ([dosage(1, timing={"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}})], "723.648"),
        ([dosage(1), dosage(2)], "723.648"),
        ([dosage(1, sequence=1), dosage(2, sequence=2)], "482.432"),
        ([dosage(1, asNeededBoolean=True)], None),
        ([dosage(1, asNeededBoolean=True, maxDosePerPeriod={"numerator": {"value": 2, "unit": "tablet"}, "denominator": {"value": 1, "unit": "d"}})], "482.432"),
        ([dosage(1, "sachets of joy")], None),
        ([{"text": "as directed"}], None),
        ([dosage(None)], None),
        ([dosage(1, timing={})], None),
        ([], None),
    ],
)  # fmt: skip
def test_elemental_amount_a_day(terminology: Terminology, dosages: list[dict[str, Any]], expected: str | None) -> None:
    got = elemental(terminology, *dosages)
    assert got == (None if expected is None else Decimal(expected))


def test_a_dose_range_counts_high_against_limits_and_low_for_minimum_doses(terminology: Terminology) -> None:
    rate = {"doseRange": {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2, "unit": "tablet"}}}
    use = only_use(chart(terminology, medication(dosageInstruction=[dosage(doseAndRate=[rate])])))
    assert (use.portions[0].low, use.portions[0].high) == (400, 800)


def test_millilitres_of_a_suspension(terminology: Terminology) -> None:
    assert elemental(terminology, dosage(15, "mL"), code="253017") == Decimal("500.112")


def test_unit_code_and_unit_text_that_contradict_each_other_are_not_believed(terminology: Terminology) -> None:
    rate = {"doseQuantity": {"value": 1, "unit": "g", "system": UCUM, "code": "mg"}}
    assert elemental(terminology, dosage(doseAndRate=[rate])) is None


def test_text_only_dosage_is_noted_and_nothing_is_guessed(terminology: Terminology) -> None:
    found = chart(terminology, medication(dosageInstruction=[{"text": "2 tablets with lunch"}]))
    assert codes(found) == ["dosage-unreadable"]


def test_times_and_weekdays(terminology: Terminology) -> None:
    repeat = {"timeOfDay": ["21:30:00", "07:00:00"], "dayOfWeek": ["mon", "thu"]}
    times = only_use(chart(terminology, medication(dosageInstruction=[{"timing": {"repeat": repeat}}]))).times[0]
    assert (times.minutes, times.weekdays) == ((420, 1290), frozenset({0, 3}))


def test_an_event_such_as_bedtime_is_a_dose_and_no_clock_time(terminology: Terminology) -> None:
    use = only_use(chart(terminology, medication(dosageInstruction=[dosage(1, timing={"repeat": {"when": ["HS"]}})])))
    assert use.times[0].minutes is None


def test_drafts_come_from_the_context_with_their_selection(terminology: Terminology) -> None:
    drafts = bundle(medication(id="a", status="draft"), medication(status="draft", id=None))
    context = {"draftOrders": drafts, "selections": ["MedicationRequest/a"]}
    found = chart(terminology, hook="order-select", context=context)
    assert [(use.reference, use.selected) for use in found.uses] == [
        ("MedicationRequest/a", True),
        ("context.draftOrders#1", False),
    ]
    assert chart(terminology, hook="patient-view", context=context).uses == ()


def test_a_renewal_is_linked_to_what_it_renews(terminology: Terminology) -> None:
    record = medication(
        priorPrescription={"reference": "MedicationRequest/old"},
        basedOn=[{"reference": "https://x.org/MedicationRequest/plan"}],
    )
    assert only_use(chart(terminology, record)).links == {"MedicationRequest/old", "MedicationRequest/plan"}
