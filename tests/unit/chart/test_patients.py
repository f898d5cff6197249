"""Whose records they are, and which version of each counts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mgcds.chart.intake import WrongPatient, read_resources
from tests.unit.chart.small import (
    TERMS,
    TODAY,
    Json,
    bundle,
    call,
    chart,
    codes,
    concept,
    condition,
    lab,
    order,
    person,
    service,
)


@pytest.mark.parametrize("sex", ["other", "unknown", None, ["female"]])
def test_a_sex_other_than_male_or_female_is_not_known(sex: Any) -> None:
    assert call({"patient": person(sex=sex)}).person.sex is None


def test_a_partial_birth_date_spans_its_days() -> None:
    born = call({"patient": person("1980-02")}).person.born
    assert born is not None
    assert (born.first.isoformat(), born.last.isoformat()) == ("1980-02-01", "1980-02-29")


def test_another_patient_is_refused() -> None:
    with pytest.raises(WrongPatient):
        call({"patient": person(id="p2")})


def test_the_right_one_among_several_patients_is_taken() -> None:
    found = call({"patients": bundle(person("1950-01-01", id="p2"), person("1980-01-01"))})
    assert found.person.reference == "Patient/p1"


def test_a_patient_without_an_id_can_only_be_the_one_asked_about() -> None:
    sent = person()
    del sent["id"]
    found = call({"patient": sent, "conditions": bundle(condition(subject={"reference": "Patient/p1"}))})
    assert (found.person.reference, found.person.sex, len(found.problems)) == ("Patient/p1", "female", 1)


def test_without_any_patient_named_every_record_counts() -> None:
    somebody = {"reference": "Patient/p2"}
    visit = {"resourceType": "Appointment", "id": "a1", "status": "booked", "participant": [{"actor": somebody}],
             "reasonCode": [concept("surgery")]}  # fmt: skip
    found = read_resources([condition(subject=somebody), visit], hook="patient-view", terminology=TERMS, today=TODAY)
    assert (len(found.problems), len(found.requests)) == (1, 1)


def test_an_appointment_may_name_its_patient_as_its_subject() -> None:
    visit = {"resourceType": "Appointment", "id": "a1", "status": "booked", "reasonCode": [concept("surgery")]}
    assert chart(visit | {"subject": {"reference": "Patient/p1"}}).requests
    assert not chart(visit | {"subject": {"reference": "Patient/p2"}}).requests


def test_no_patient_id_in_the_context_takes_the_patient_that_was_sent() -> None:
    assert call({"patient": person()}, patientId=None).person.reference == "Patient/p1"


@pytest.mark.parametrize(
    ("subject", "ours"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": "https://ehr.example/fhir/Patient/p1/_history/2"}, True),
        ({"reference": "urn:uuid:abc"}, True),
        ({"display": "somebody"}, True),
        (None, True),
        ({"reference": "Patient/p2"}, False),
        ({"reference": "urn:uuid:def"}, False),
    ],
)
def test_records_of_other_patients_are_left_out(subject: Json | None, ours: bool) -> None:
    sent = bundle(person(), condition(subject=subject))
    sent["entry"][0]["fullUrl"] = "urn:uuid:abc"
    assert bool(call({"everything": sent}).problems) is ours


def test_drafts_and_older_records_name_their_patient_in_other_ways() -> None:
    assert not chart(order(subject=None, patient={"reference": "Patient/p2"})).uses
    foreign = bundle(order(subject={"reference": "Patient/p2"}))
    assert not call({}, hook="order-sign", draftOrders=foreign).uses


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"versionId": "2"}, {"versionId": "10"}),
        ({"versionId": 2}, {"versionId": 10}),
        ({"lastUpdated": "2026-01-01T10:00:00+05:00"}, {"lastUpdated": "2026-01-01T09:00:00Z"}),
        ({}, {"lastUpdated": "2026-01-01T09:00:00Z"}),
        ({"versionId": "1", "lastUpdated": "2026-02-01T00:00:00Z"}, {"versionId": "2", "lastUpdated": "2026-01-01T00:00:00Z"}),
    ],
)
def test_the_newer_version_counts(older: Json, newer: Json) -> None:
    versions = [lab(value=1.0, meta=older), lab(value=2.0, meta=newer)]
    for sent in itertools.permutations(versions):
        assert [result.value for result in chart(*sent).results] == [2]


def test_of_two_versions_of_the_same_age_one_counts_whatever_the_order() -> None:
    assert chart(lab(value=1.0), lab(value=2.0)) == chart(lab(value=2.0), lab(value=1.0))


def test_exact_duplicates_count_once_even_without_an_id() -> None:
    sent = order()
    del sent["id"]
    assert len(chart(sent, dict(reversed(sent.items()))).uses) == 1


def test_records_without_an_id_are_not_taken_for_one_another() -> None:
    loose = [{key: value for key, value in order(name).items() if key != "id"} for name in ("tabs", "syrup")]
    assert sorted(use.medicine.name for use in chart(*loose).uses) == ["syrup", "tabs"]


def test_a_resource_without_an_id_takes_that_of_its_full_url() -> None:
    sent = condition()
    del sent["id"]
    page = bundle(sent)
    page["entry"][0]["fullUrl"] = "https://ehr.example/fhir/Condition/c9"
    assert [problem.reference for problem in call({"conditions": page}).problems] == ["Condition/c9"]


def test_the_order_of_entries_changes_nothing() -> None:
    loose = {key: value for key, value in order("mixed").items() if key != "id"}
    records = [lab(), lab(value=1.5, id="o2"), order(), order("syrup", id="m2"), loose, condition(), service()]
    wanted = chart(*records)
    assert len(wanted.uses) == 3
    for sent in itertools.islice(itertools.permutations(records), 0, None, 61):
        assert chart(*sent) == wanted


def test_a_resource_whose_dates_cannot_be_is_noted_and_sinks_no_other() -> None:
    supply = {"expectedSupplyDuration": {"value": 90, "unit": "d"}}
    found = chart(order(status="completed", authoredOn="9999-12-30", dispenseRequest=supply), order("syrup", id="m2"))
    assert [use.reference for use in found.uses] == ["MedicationRequest/m2"]
    assert codes(found) == ["resource-unreadable"]
