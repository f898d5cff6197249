"""Prefetch of every shape: what was supplied, what was not, what could not be used."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgcds.chart.intake import WrongPatient, laboratory_batches, read_chart
from mgcds.language.load import load
from mgcds.terminology import Terminology
from tests.conftest import RULES
from tests.unit.chart.build import PATIENT, TODAY, bundle, chart, codes, condition, medication, observation

FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
LABS = laboratory_batches(load(RULES).terminology)


@pytest.mark.parametrize(
    ("prefetch", "supplied"),
    [
        ({"magnesium": None}, {"magnesium"}),
        ({"magnesium": {"resourceType": "Bundle", "type": "searchset"}}, {"magnesium"}),
        ({"magnesium": FAILED}, set()),
        ({"magnesium": bundle(FAILED)}, set()),
        ({"magnesium": bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]})}, {"magnesium"}),
        ({"labs": bundle(observation())}, LABS),
        ({"observations": {"resourceType": "Bundle"}}, LABS),
        ({"x": {"resourceType": "Bundle", "link": [{"relation": "self", "url": "http://x/fhir/Condition?patient=1"}]}}, {"conditions"}),
        ({"meds": bundle(medication())}, {"medications"}),
        ({"medicationStatements": {"resourceType": "Bundle"}}, {"statements"}),
        ({"medications": bundle(medication(), medication(resourceType="MedicationStatement"))}, {"medications", "statements"}),
        ({"conditions": condition()}, {"conditions"}),
        ({"zzz": None}, set()),
        ({}, set()),
    ],
)  # fmt: skip
def test_what_was_supplied(terminology: Terminology, prefetch: dict[str, Any], supplied: set[str]) -> None:
    assert chart(terminology, prefetch=prefetch).supplied == supplied


def test_a_failed_search_and_a_page_with_a_next_link_are_noted(terminology: Terminology) -> None:
    page = bundle(observation()) | {"link": [{"relation": "next", "url": "http://x/next"}]}
    assert codes(chart(terminology, prefetch={"magnesium": FAILED})) == ["data-partial"]
    assert codes(chart(terminology, prefetch={"magnesium": page})) == ["data-partial"]
    assert codes(chart(terminology, prefetch={"magnesium": bundle(observation()) | {"total": 2}})) == ["data-partial"]


def test_the_old_wrapper_and_bare_resources_are_read(terminology: Terminology) -> None:
    wrapped = {"response": {"status": "200"}, "resource": bundle(observation())}
    assert len(chart(terminology, prefetch={"magnesium": wrapped}).results) == 1
    assert len(chart(terminology, prefetch={"magnesium": observation()}).results) == 1


@pytest.mark.parametrize(
    ("record", "value", "note"),
    [
        (observation(1.5), "1.50", None),
        (observation("1.5"), "1.50", None),
        (observation(0.62, "mmol/L", "2601-3"), "1.51", None),
        (observation(1.3, "mEq/L", "2601-3"), "1.58", None),
        (observation(15, "mg/l"), "1.50", None),
        (observation(1.5, "MG/DL"), "1.50", None),
        (observation(1.5, None), None, "unit-unknown"),
        (observation(1.5, "furlongs"), None, "unit-unknown"),
        (observation(valueQuantity={"value": 1.5, "unit": "mmol/L", "code": "mg/dL"}), None, "unit-unknown"),
        (observation(valueQuantity={"value": 1.5, "unit": "mg/dL", "comparator": "<"}), "1.50", None),
        (observation(valueQuantity={"value": 1.5, "unit": "mg/dL", "comparator": "ad"}), None, "resource-unreadable"),
        (observation(95), None, "value-implausible"),
        (observation(status="preliminary"), None, "status-ignored"),
        (observation(status="entered-in-error"), None, None),
        (observation(status="amended"), "1.50", None),
        (observation(effectiveDateTime="2026-06-16"), None, "future-date"),
        (observation(effectiveDateTime=None), None, "resource-unreadable"),
        (observation(effectiveDateTime=None, issued="2026-06-10T08:00:00Z"), "1.50", None),
        (observation(effectiveDateTime=None, effectivePeriod={"start": "2026-06-01", "end": "2026-06-10"}), "1.50", None),
        (observation(valueQuantity=None, valueString="1.5 mg/dL"), None, "resource-unreadable"),
        (observation(valueQuantity="1.5"), None, "resource-unreadable"),
        (observation(code="2597-3"), None, None),
        (observation(subject={"reference": "Patient/other"}), None, "resource-unreadable"),
        (observation(subject={"reference": "https://x.org/fhir/Patient/p/_history/3"}), "1.50", None),
    ],
)
def test_a_result_is_used_or_the_reason_is_noted(terminology: Terminology, record: dict[str, Any], value: str | None, note: str | None
                                                 ) -> None:  # fmt: skip
    found = chart(terminology, record)
    assert [str(result.value) for result in found.results] == ([value] if value else [])
    assert codes(found) == ([note] if note else [])


def test_a_component_is_a_result_of_its_own_and_a_score_needs_no_unit(terminology: Terminology) -> None:
    part = {"code": observation(code="19123-9")["code"], "valueQuantity": {"value": 1.4, "unit": "mg/dL"}}
    panel = {key: value for key, value in observation(code="85354-9").items() if key != "valueQuantity"} | {"component": [part]}
    assert [result.value for result in chart(terminology, panel).results] == [Decimal("1.40")]
    score = {key: value for key, value in observation(code="44261-6").items() if key != "valueQuantity"} | {"valueInteger": 16}
    assert [result.value for result in chart(terminology, score).results] == [16]


def test_creatinine_gives_an_egfr_with_its_own_reference(terminology: Terminology) -> None:
    found = chart(terminology, observation(2.0, code="2160-0"))
    assert [(r.concept, r.value, r.reference, r.computed_from) for r in found.results if r.computed_from] == [
        ("egfr-from-creatinine", Decimal(30), "Observation/o", "serum creatinine")
    ]


def test_a_partial_birth_date_that_changes_the_egfr_gives_none(terminology: Terminology) -> None:
    creatinine = observation(0.75, code="2160-0")
    year_only = chart(terminology, prefetch={"patient": PATIENT | {"birthDate": "1976"}, "labs": bundle(creatinine)})
    assert not [result for result in year_only.results if result.computed_from]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True), ({"clinicalStatus": {"coding": [{"code": "recurrence"}]}}, True), ({"clinicalStatus": {"coding": [{"code": "resolved"}]}}, False),
        ({"clinicalStatus": {"coding": [{"code": "remission"}]}}, False), ({"clinicalStatus": "active"}, True), ({"clinicalStatus": None}, True),
        ({"clinicalStatus": None, "abatementDateTime": "2026-01-01"}, False), ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"verificationStatus": "entered-in-error"}, False), ({"onsetDateTime": "2026-07"}, False), ({"onsetDateTime": "2025-07"}, True),
    ],
)  # fmt: skip
def test_a_condition_counts_while_it_is_active_and_not_refuted(
    terminology: Terminology, fields: dict[str, Any], found: bool
) -> None:
    assert bool(chart(terminology, condition(**fields)).problems) == found


@pytest.mark.parametrize(
    ("status", "performed", "found"),
    [
        ("in-progress", "2026-01-01", True),
        ("completed", "2026-06-01", True),
        ("completed", "2025-01-01", False),
        ("not-done", "2026-06-01", False),
    ],
)
def test_a_dialysis_session_counts_for_a_while(terminology: Terminology, status: str, performed: str, found: bool) -> None:
    record = {
        "resourceType": "Procedure",
        "id": "d",
        "status": status,
        "performedDateTime": performed,
        "code": {"text": "haemodialysis"},
    }
    assert bool(chart(terminology, record).problems) == found


def test_an_order_for_magnesium_is_pending_while_it_is_open(terminology: Terminology) -> None:
    record = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "code": {"text": "Serum magnesium"}}
    assert [request.reference for request in chart(terminology, record).requests] == ["ServiceRequest/s"]
    assert chart(terminology, record | {"status": "completed"}).requests == ()


def test_the_wrong_patient_is_refused(terminology: Terminology) -> None:
    with pytest.raises(WrongPatient):
        chart(terminology, prefetch={"patient": PATIENT | {"id": "someone-else"}})


def test_a_patient_id_with_its_type_is_understood(terminology: Terminology) -> None:
    assert chart(terminology, context={"patientId": "Patient/p"}).person.reference == "Patient/p"


def test_the_newer_version_of_a_resource_counts_whatever_its_place(terminology: Terminology) -> None:
    old, new = medication(meta={"versionId": "9"}), medication(status="stopped", meta={"versionId": "10"})
    for entries in ((old, new), (new, old)):
        assert [use.active for use in chart(terminology, *entries).uses] == [False]


def test_one_bad_entry_never_sinks_the_others(terminology: Terminology) -> None:
    bad = [None, 5, "x", [], {"resourceType": 7}, {"resource": 3}, observation(id="q", code={"x": 1}), {"resourceType": "Observation", "code": 5},
           {"resourceType": "Condition", "id": "q", "code": "x", "onsetDateTime": {"a": 1}}]  # fmt: skip
    found = chart(terminology, *bad, observation())
    assert len(found.results) == 1


def test_the_order_of_entries_changes_nothing(terminology: Terminology) -> None:
    records = [
        observation(),
        observation(1.6, id="o2"),
        medication(),
        medication(id="m2", status="stopped"),
        condition(),
        condition("E11", id="c2"),
    ]
    shuffled = records[:]
    random.Random(7).shuffle(shuffled)
    assert chart(terminology, *records) == chart(terminology, *shuffled)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
TERMINOLOGY = load(RULES).terminology


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A good resource of which some part, somewhere, was replaced by any JSON."""
    good = draw(st.sampled_from([
        observation(), medication(dosageInstruction=[dosage_of()]), condition(onsetDateTime="2026"), PATIENT,
        {"resourceType": "Procedure", "id": "d", "status": "completed", "code": {"text": "dialysis"}, "performedPeriod": {"start": "2026"}},
        {"resourceType": "ServiceRequest", "id": "s", "status": "active", "code": {"text": "serum magnesium"}},
        {"resourceType": "MedicationDispense", "id": "x", "status": "completed", "daysSupply": {"value": 3}, "whenHandedOver": "2026-06"},
    ]))  # fmt: skip
    import copy

    resource = copy.deepcopy(good)
    parent: Any = resource
    for _ in range(draw(st.integers(0, 4))):
        keys = sorted(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = draw(st.sampled_from(keys)) if keys else None
        if key is None or not isinstance(parent[key], dict | list):
            break
        parent = parent[key]
    keys = sorted(parent) if isinstance(parent, dict) else list(range(len(parent)))
    if keys:
        parent[draw(st.sampled_from(keys))] = draw(JSON)
    return resource


def dosage_of() -> dict[str, Any]:
    return {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["07:00"], "boundsPeriod": {"start": "2026"}}},
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}], "route": {"text": "oral"}, "asNeededBoolean": False}  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.dictionaries(
        st.sampled_from(["patient", "medications", "magnesium", "x"]),
        st.one_of(JSON, broken(), broken().map(bundle)),
        max_size=3,
    )
)
def test_no_json_makes_reading_fail(prefetch: dict[str, Any]) -> None:
    try:
        read_chart(hook="order-sign", context={"patientId": "p", "draftOrders": prefetch.get("x")}, prefetch=prefetch,
                   terminology=TERMINOLOGY, today=TODAY)  # fmt: skip
    except WrongPatient:
        pass
