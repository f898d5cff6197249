"""Elements that only some versions of FHIR have, each by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chart.small import Json, bundle, call, chart, codes, concept, condition, dosage, order, procedure, service


def old_order(**more: Any) -> Json:
    made = {"resourceType": "MedicationOrder", "id": "m1", "status": "active", "patient": {"reference": "Patient/p1"}}
    return made | {"medicationCodeableConcept": concept("tabs"), "dateWritten": "2026-01-01"} | more


def days(record: Json) -> tuple[str | None, str | None, bool]:
    (use,) = chart(record).uses
    return use.start and use.start.text, use.end and use.end.text, use.active


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (old_order(), ("2026-01-01", None, True)),
        (old_order(status="stopped", dateEnded="2026-03-01"), ("2026-01-01", "2026-03-01", False)),
        (old_order(dateEnded="2026-03-01"), ("2026-01-01", "2026-03-01", False)),
        (order(authoredOn="2026-01-01", effectiveDosePeriod={"start": "2026-02-01", "end": "2026-05-01"}), ("2026-02-01", "2026-05-01", False)),
        (order(authoredOn="2026-01-01", status="stopped", statusChanged="2026-03-01"), ("2026-01-01", "2026-03-01", False)),
        (order(authoredOn="2026-01-01", status="completed", statusChanged="2026-03-01"), ("2026-01-01", "2026-01-01", False)),
        (order(resourceType="MedicationStatement", status="recorded", effectiveTiming={"event": ["2026-03-02", "2026-03-01"]}), ("2026-03-01", "2026-03-02", False)),
        (order(resourceType="MedicationStatement", status="recorded", effectiveTiming={"repeat": {"boundsPeriod": {"start": "2026-03-01"}}}),
         ("2026-03-01", None, True)),
        (order(resourceType="MedicationAdministration", status="completed", effectiveTimeDateTime="2026-06-01"), ("2026-06-01", "2026-06-01", False)),
        (order(resourceType="MedicationAdministration", status="completed", occurencePeriod={"start": "2026-06-01", "end": "2026-06-02"}),
         ("2026-06-01", "2026-06-02", False)),
        (order(resourceType="MedicationAdministration", status="completed", occurenceDateTime="2026-06-01"), ("2026-06-01", "2026-06-01", False)),
        (order(resourceType="MedicationAdministration", status="completed", occurrencePeriod={"start": "2026-06-01", "end": "2026-06-02"}),
         ("2026-06-01", "2026-06-02", False)),
        (order(resourceType="MedicationStatement", status="recorded", dateAsserted="2026-06-01", effectiveTiming={"code": {"text": "BID"}}),
         (None, None, True)),
        (old_order(authoredOn="2026-02-01"), ("2026-02-01", None, True)),
    ],
)  # fmt: skip
def test_dates_that_only_some_versions_have(record: Json, expected: tuple[str | None, str | None, bool]) -> None:
    assert days(record) == expected


@pytest.mark.parametrize(
    ("adherence", "active"),
    [
        (None, True), ("taking", True), ("taking-not-as-directed", True), ("unknown", True), ("stopped-as-directed", False),
        ("not-taking", None), ("on-hold", None), ("local", None),
    ],
)  # fmt: skip
def test_the_adherence_of_a_statement(adherence: str | None, active: bool | None) -> None:
    more = {"adherence": {"code": {"coding": [{"code": adherence}]}}} if adherence else {}
    found = chart(order(resourceType="MedicationStatement", status="recorded", **more))
    assert [use.active for use in found.uses] == ([] if active is None else [active])
    assert codes(found) == (["status-ignored"] if adherence == "local" else [])


@pytest.mark.parametrize(
    "record",
    [
        order(resourceType="MedicationAdministration", status="in-progress", wasNotGiven=True),
        order(resourceType="MedicationAdministration", status="in-progress", notGiven=True),
        order(
            resourceType="MedicationDispense",
            status="completed",
            notDone=True,
            whenHandedOver="2026-06-14",
            daysSupply={"value": 9},
        ),
        order(resourceType="MedicationStatement", status="active", taken="n"),
        order(resourceType="MedicationStatement", status="entered-in-error", wasNotTaken=True),
        procedure("bypass", "completed", notPerformed=True),
        procedure("bypass", "completed", notDone=True),
        procedure("bypass", "aborted"),
    ],
)
def test_what_was_not_given_or_not_done_is_no_fact(record: Json) -> None:
    found = chart(record)
    assert not found.uses
    assert not found.problems


@pytest.mark.parametrize("status", ["requested", "received", "accepted", "planned", "in-progress", "suspended", "draft"])
def test_an_older_order_is_pending_while_it_is_open(status: str) -> None:
    for kind in ("ProcedureRequest", "DiagnosticOrder"):
        assert chart(service(status=status) | {"resourceType": kind}).requests


@pytest.mark.parametrize("status", ["proposed", "review", "completed", "rejected", "aborted", "cancelled", "failed"])
def test_an_older_order_that_is_proposed_or_over_is_not(status: str) -> None:
    for kind in ("ProcedureRequest", "DiagnosticOrder"):
        assert not chart(service(status=status) | {"resourceType": kind}).requests


@pytest.mark.parametrize("status", ["rejected", "aborted", "cancelled", "failed"])
def test_an_older_draft_that_is_over_is_not_pending(status: str) -> None:
    for kind in ("ProcedureRequest", "DiagnosticOrder"):
        drafts = bundle(service(status=status) | {"resourceType": kind})
        assert not call({}, hook="order-sign", draftOrders=drafts).requests


def test_an_older_procedure_that_is_suspended_goes_on() -> None:
    assert chart(procedure("washing", "suspended")).problems


def test_an_older_administration_tells_its_order_and_its_reason() -> None:
    given = order(
        resourceType="MedicationAdministration",
        prescription={"reference": "MedicationRequest/m0"},
        reasonGiven=[concept("gout")],
    )
    (use,) = chart(given | {"status": "in-progress"}).uses
    assert (use.links, use.indications) == ({"MedicationRequest/m0"}, {"gout"})


def test_each_item_of_a_diagnostic_order_has_a_status_of_its_own() -> None:
    items = [{"code": concept("salt-order"), "status": "cancelled"}, {"code": concept("surgery"), "status": "in-progress"}]
    sent = {"resourceType": "DiagnosticOrder", "id": "d", "status": "accepted", "item": items}
    assert [request.concepts for request in chart(sent).requests] == [{"surgery"}]
    assert not chart(sent | {"status": "completed"}).requests


def test_an_older_order_is_due_when_it_is_scheduled() -> None:
    for when in (
        {"scheduledDateTime": "2026-06-20"}, {"scheduledPeriod": {"start": "2026-06-20"}}, {"scheduledTiming": {"event": ["2026-06-20"]}},
    ):  # fmt: skip
        (request,) = chart(service("surgery", "accepted", **when) | {"resourceType": "ProcedureRequest"}).requests
        assert request.due is not None
        assert request.due.text == "2026-06-20"


R5_MEDICATION = {"resourceType": "Medication", "id": "d1", "ingredient": [
    {"item": {"reference": {"reference": "Substance/s"}}, "strengthQuantity": {"value": 5, "unit": "mg"}},
    {"item": {"concept": concept("other")}, "strengthRatio": {"numerator": {"value": 4, "unit": "mg"}, "denominator": {"value": 2}}},
    {"item": {"reference": {"reference": "Substance/gone", "display": "dust"}}},
]}  # fmt: skip
OLD_MEDICATION = {"resourceType": "Medication", "id": "d1", "product": {"form": {"text": "Tablet"}, "ingredient": [
    {"item": {"reference": "Substance/s"}, "amount": {"numerator": {"value": 5, "unit": "mg"}}},
    {"item": {"reference": "#other"}, "amount": {"numerator": {"value": 4, "unit": "mg"}, "denominator": {"value": 2}}},
    {"item": {"reference": "Substance/gone", "display": "dust"}},
]}, "contained": [{"resourceType": "Substance", "id": "other", "code": concept("other")}]}  # fmt: skip


@pytest.mark.parametrize("medication", [R5_MEDICATION, OLD_MEDICATION])
@pytest.mark.parametrize("is_contained", [False, True])
def test_ingredients_by_reference(medication: Json, is_contained: bool) -> None:
    substance = {"resourceType": "Substance", "id": "s", "code": {"concept": concept("saltine")}}
    sent = {key: value for key, value in order().items() if key != "medicationCodeableConcept"}
    inner = [*medication.get("contained", []), medication]
    if is_contained:
        found = chart(sent | {"contained": inner, "medication": {"reference": {"reference": "#d1"}}}, substance)
    else:
        found = chart(sent | {"medication": {"reference": {"reference": "Medication/d1"}}}, medication, substance)
    (use,) = found.uses
    assert [(part.name, part.strength) for part in use.medicine.ingredients] == [("saltine", 5), ("other", 2), ("dust", None)]


def test_reasons_of_every_version() -> None:
    contained = {"contained": [condition(id="why")]}
    for reason in (
        {"reason": [{"concept": concept("gout")}]}, {"reason": [{"reference": {"reference": "Condition/c1"}}]},
        {"reasonCodeableConcept": concept("gout")}, {"reasonReference": {"reference": "#why"}, **contained},
        {"reason": [{"reference": {"reference": "#why"}}], **contained},
    ):  # fmt: skip
        kind = "MedicationOrder" if "reasonCodeableConcept" in reason else "MedicationRequest"
        uses = chart(order(**reason) | {"resourceType": kind}, condition()).uses
        assert [use.indications for use in uses] == [{"gout"}], reason
    for key, value in (
        ("reasonForUseCodeableConcept", concept("gout")),
        ("reasonForUseReference", {"reference": "Condition/c1"}),
    ):
        (use,) = chart(order(resourceType="MedicationStatement", **{key: value}), condition()).uses
        assert use.indications == {"gout"}


def test_words_of_a_whole_dosage_are_no_dose_but_are_noted() -> None:
    assert codes(chart(order(renderedDosageInstruction="two with lunch"))) == ["dosage-unreadable"]
    assert not codes(chart(order(renderedDosageInstruction="one a day", dosageInstruction=[dosage()])))


LATER = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Timing.repeat."


def test_times_of_a_later_version_are_read_beside_extensions_that_are_not() -> None:
    extensions = [{"url": "http://local/why", "valueCode": "mon"}, {"url": f"{LATER}count", "valueInteger": 3}, {"id": "bare"},
                  {"url": f"{LATER}timeOfDay", "valueTime": "08:00:00"}, {"url": f"{LATER}timeOfDay", "valueTime": "20:00:00"},
                  {"url": f"{LATER}dayOfWeek", "valueCode": "mon"}]  # fmt: skip
    (use,) = chart(order(dosageInstruction=[dosage() | {"timing": {"repeat": {"extension": extensions}}}])).uses
    assert [(each.minutes, each.weekdays) for each in use.times] == [((480, 1200), frozenset({0}))]
    assert use.portions[0].high == 800


@pytest.mark.parametrize(
    "needed", [{"asNeeded": True}, {"asNeededFor": [concept("cramps")]}, {"asNeededFor": concept("cramps")}]
)
def test_what_is_taken_as_needed_has_no_daily_dose_in_any_version(needed: Json) -> None:
    (use,) = chart(order(dosageInstruction=[dosage() | needed])).uses
    assert use.portions[0].high is None


@pytest.mark.parametrize("key", ["doseQuantity", "quantityQuantity", "quantity", "dose"])
def test_a_dose_may_stand_under_the_name_of_any_version(key: str) -> None:
    flat = {"timing": dosage()["timing"], key: {"value": 2, "unit": "tablet"}}
    for record in (order(dosageInstruction=[flat]), order(resourceType="MedicationStatement", dosage=[flat])):
        (use,) = chart(record).uses
        assert use.portions[0].high == 800


@pytest.mark.parametrize("key", ["doseRange", "quantityRange"])
def test_a_range_of_doses_may_stand_under_the_name_of_any_version(key: str) -> None:
    ends = {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2, "unit": "tablet"}}
    (use,) = chart(order(dosageInstruction=[{"timing": dosage()["timing"], key: ends}])).uses
    assert (use.portions[0].low, use.portions[0].high) == (400, 800)


def test_moments_that_are_written_out_are_doses_of_their_day() -> None:
    def use(*events: str) -> Any:
        rate = [{"doseQuantity": {"value": 1, "unit": "tablet"}}]
        (found,) = chart(order(dosageInstruction=[{"timing": {"event": list(events)}, "doseAndRate": rate}])).uses
        return found.times[0].minutes, found.portions[0].low, found.portions[0].high

    assert use("2026-06-15T08:00:00Z", "2026-06-15T20:00:00+02:00") == ((480, 1080), 800, 800)
    assert use("2026-06-15T08:00:00Z", "2026-06-16T08:00:00Z") == ((480,), 400, 400)
    assert use("2026-06-15T08:00:00Z", "2026-06-15T09:00:00Z", "2026-06-16T08:00:00Z") == ((480, 540), 400, 800)
    assert use("2026-06-15", "soon") == (None, None, None)
