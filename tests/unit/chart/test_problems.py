"""Conditions, procedures and encounters that hold now; orders and appointments not yet done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chart.small import Json, bundle, call, chart, codes, concept, condition, person, procedure, service


@pytest.mark.parametrize("clinical", ["active", "recurrence", "relapse", None])
def test_an_active_condition_is_a_problem(clinical: str | None) -> None:
    (problem,) = chart(condition(clinical=clinical, onsetDateTime="2025-01-05")).problems
    assert problem.concepts == {"gout"}
    assert problem.onset is not None
    assert problem.onset.text == "2025-01-05"


@pytest.mark.parametrize("clinical", ["inactive", "remission", "resolved"])
def test_a_condition_that_is_over_is_none(clinical: str) -> None:
    assert not chart(condition(clinical=clinical)).problems


def test_statuses_of_older_fhir_are_plain_codes() -> None:
    assert chart(condition() | {"clinicalStatus": "active", "verificationStatus": "confirmed"}).problems
    assert not chart(condition() | {"clinicalStatus": "remission"}).problems


def test_a_local_coding_in_front_does_not_hide_the_status() -> None:
    ours = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}
    assert not chart(condition() | {"clinicalStatus": {"coding": [{"system": "urn:x", "code": "17"}, ours]}}).problems


@pytest.mark.parametrize(("verification", "holds"), [("refuted", False), ("entered-in-error", False), ("differential", True)])
def test_only_what_was_refuted_or_entered_in_error_is_left_out(verification: str, holds: bool) -> None:
    assert bool(chart(condition(verificationStatus={"coding": [{"code": verification}]})).problems) is holds


@pytest.mark.parametrize(
    ("clinical", "abated", "holds"),
    [
        ("active", {"abatementDateTime": "2026-06-14"}, False),
        ("active", {"abatementDateTime": "2026-06-15"}, True),
        ("recurrence", {"abatementDateTime": "2026-06-15"}, True),
        ("relapse", {"abatementString": "last spring"}, True),
        ("active", {"abatementBoolean": True}, True),
        (None, {"abatementAge": {"value": 40, "code": "a"}}, False),
        (None, {"abatementAge": {"value": 40}}, False),
        (None, {"abatementRange": {"low": {"value": 40}}}, False),
        (None, {"abatementPeriod": {"start": "2026-01-01", "end": "2026-07-01"}}, True),
        (None, {"abatementPeriod": {"start": "2026-01-01", "end": "2026-02-01"}}, False),
        (None, {"abatementDateTime": "2026-06-15"}, False),
        (None, {"abatementDateTime": "2026-07-01"}, True),
        (None, {"abatementString": "last spring"}, False),
        (None, {"abatementBoolean": True}, False),
        (None, {"abatementBoolean": False}, True),
    ],
)
def test_abatement_ends_a_condition(clinical: str | None, abated: Json, holds: bool) -> None:
    assert bool(chart(condition(clinical=clinical, **abated)).problems) is holds


@pytest.mark.parametrize(
    ("onset", "first", "last"),
    [
        ({"onsetPeriod": {"start": "2026-03"}}, "2026-03-01", "2026-03-31"),
        ({"onsetString": "2024"}, "2024-01-01", "2024-12-31"),
        ({"onsetAge": {"value": 40, "code": "a"}}, "2020-01-01", "2020-12-31"),
        ({"onsetAge": {"value": 0, "code": "a"}}, "1980-01-01", "1980-12-31"),
        ({"onsetAge": {"value": 6, "unit": "mo"}}, "1980-07-01", "1980-07-31"),
        ({"onsetDateTime": "2026-06-15"}, "2026-06-15", "2026-06-15"),
    ],
)
def test_onset_may_be_a_period_words_or_an_age(onset: Json, first: str, last: str) -> None:
    (problem,) = chart(condition(**onset)).problems
    assert problem.onset is not None
    assert (problem.onset.first.isoformat(), problem.onset.last.isoformat()) == (first, last)


def _onset(birth: str | None, age: Json) -> tuple[str, str] | None:
    (problem,) = call({"patient": person(birth), "conditions": bundle(condition(onsetAge=age))}).problems
    return problem.onset and (problem.onset.first.isoformat(), problem.onset.last.isoformat())


def test_an_onset_at_an_age_falls_on_a_day_that_its_month_has() -> None:
    assert _onset("1980-01-31", {"value": 1, "code": "mo"}) == ("1980-02-29", "1980-03-30")
    assert _onset("1980-12-31", {"value": 2, "code": "mo"}) == ("1981-02-28", "1981-03-30")


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        (None, {"value": 40, "code": "a"}),
        ("1980", {"value": 40, "unit": "mg"}),
        ("1980", {"value": 40}),
        ("1980", {"code": "a"}),
        ("1980", {"value": -1, "code": "a"}),
        ("1980", {"value": 1800, "code": "a"}),
    ],
)
def test_an_onset_at_an_age_that_tells_no_day_is_not_known(birth: str | None, age: Json) -> None:
    assert _onset(birth, age) is None


def test_an_onset_in_words_is_not_known() -> None:
    assert chart(condition(onsetString="as a child")).problems[0].onset is None


def test_an_onset_after_today_is_noted() -> None:
    found = chart(condition(onsetDateTime="2026-07-01"))
    assert not found.problems
    assert codes(found) == ["future-date"]


@pytest.mark.parametrize(
    ("status", "more", "holds"),
    [
        ("in-progress", {}, True),
        ("on-hold", {}, True),
        ("active", {}, True),
        ("completed", {"performedDateTime": "2026-06-15"}, True),
        ("completed", {"performedDateTime": "2026-03-18"}, True),
        ("completed", {"performedDateTime": "2026-03-17"}, False),
        (None, {"performedDateTime": "2026-06-01"}, True),
        ("completed", {"performedDateTime": "2026-06-01"}, True),
        ("completed", {"performedPeriod": {"start": "2025-01-01", "end": "2026-06-01"}}, True),
        ("completed", {"performedDateTime": "2026-01-01"}, False),
        ("completed", {}, False),
        ("not-done", {}, False),
        ("entered-in-error", {}, False),
        ("in-progress", {"notPerformed": True}, False),
    ],
)
def test_a_procedure_holds_while_it_runs_and_for_its_days_after(status: Any, more: Json, holds: bool) -> None:
    assert bool(chart(procedure("washing", status, **more)).problems) is holds


def test_a_procedure_that_lasts_for_ever_needs_no_date() -> None:
    assert chart(procedure("bypass", "completed")).problems


def test_a_procedure_after_today_is_noted() -> None:
    for when in ({"performedDateTime": "2026-07-01"}, {"performedPeriod": {"start": "2026-07-01"}}):
        found = chart(procedure("bypass", "completed", **when))
        assert (found.problems, codes(found)) == ((), ["future-date"])


def test_a_running_encounter_can_say_what_a_procedure_says() -> None:
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "in-progress", "type": [concept("comfort")]}
    assert [problem.concepts for problem in chart(encounter).problems] == [{"comfort"}]
    assert not chart(encounter | {"status": "finished"}).problems


@pytest.mark.parametrize("status", ["in-progress", "arrived", "triaged"])
@pytest.mark.parametrize("key", ["type", "serviceType", "reasonCode"])
def test_an_encounter_says_it_by_type_service_or_reason(status: str, key: str) -> None:
    encounter = {"resourceType": "Encounter", "id": "e1", "status": status, "period": {"start": "2026-06-14"}}
    (problem,) = chart(encounter | {key: [concept("a bed by the window"), concept("comfort")]}).problems
    assert (problem.concepts, problem.reference, problem.onset and problem.onset.text) == (
        {"comfort"},
        "Encounter/e1",
        "2026-06-14",
    )


def test_a_record_is_called_as_it_is_written_else_by_its_meaning() -> None:
    coded = {"coding": concept("surgery")["coding"]}
    worded = coded | {"text": "Hip replacement"}
    for code, name in ((coded, "surgery"), (worded, "Hip replacement")):
        found = chart(
            procedure("", "in-progress") | {"code": code}, service() | {"code": code}, _appointment(reasonCode=[code])
        )
        assert [each.name for each in (*found.problems, *found.requests)] == [name] * 3
    two = {"coding": [*concept("surgery")["coding"], *concept("salt-order")["coding"]]}
    assert chart(service() | {"code": two}).requests[0].name == "salt-order"


@pytest.mark.parametrize("status", ["active", "draft", "on-hold"])
def test_an_open_order_is_pending(status: str) -> None:
    (request,) = chart(service(status=status, occurrenceDateTime="2026-06-20")).requests
    assert (request.concepts, request.reference, request.booked) == ({"salt-order"}, "ServiceRequest/r1", False)
    assert request.due is not None
    assert request.due.text == "2026-06-20"


@pytest.mark.parametrize(
    "more",
    [{"status": "completed"}, {"status": "revoked"}, {"intent": "proposal"}, {"intent": "option"}, {"doNotPerform": True}],
)
def test_what_is_done_proposed_or_forbidden_is_not_pending(more: Json) -> None:
    assert not chart(service() | more).requests


def test_older_forms_of_an_order_count() -> None:
    assert chart(service() | {"resourceType": "ProcedureRequest"}).requests
    items: Any = {"resourceType": "DiagnosticOrder", "item": [{"code": concept("salt-order")}], "code": None}
    assert chart(service(status="requested") | items).requests


def test_an_order_for_a_procedure_is_a_booking() -> None:
    assert chart(service("surgery")).requests[0].booked
    two = {"coding": [*concept("salt-order")["coding"], *concept("surgery")["coding"]]}
    assert chart(service() | {"code": two}).requests[0].booked


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"status": "draft", "intent": "proposal"}, True),
        ({"status": "unknown"}, True),
        ({"status": "revoked"}, False),
        ({"status": "entered-in-error"}, False),
    ],
)
def test_a_drafted_laboratory_order_counts_unless_it_is_void(more: Json, counts: bool) -> None:
    found = call({}, hook="order-sign", draftOrders=bundle(service() | more))
    assert [request.reference for request in found.requests] == (["ServiceRequest/r1"] if counts else [])


def test_a_drafted_laboratory_order_is_pending_too() -> None:
    draft = service(status="active")
    del draft["id"]
    found = call({}, hook="order-sign", draftOrders={"resourceType": "Bundle", "entry": [{"resource": draft}]})
    assert [request.reference for request in found.requests] == ["context.draftOrders#0"]
    assert found.drafts["context.draftOrders#0"] == draft


def _appointment(**more: Any) -> Json:
    return {"resourceType": "Appointment", "id": "a1", "status": "booked", "start": "2026-06-20T08:00:00Z",
            "reasonCode": [concept("surgery")], **more}  # fmt: skip


def test_an_appointment_of_the_context_or_of_the_record_is_a_booking() -> None:
    for found in (
        chart(_appointment()),
        call({}, appointments={"resourceType": "Bundle", "entry": [{"resource": _appointment()}]}),
    ):
        (request,) = found.requests
        assert request.booked
        assert request.due is not None
        assert request.due.text == "2026-06-20"


@pytest.mark.parametrize("status", ["proposed", "pending", "booked", "arrived", "checked-in", "waitlist"])
@pytest.mark.parametrize("key", ["reasonCode", "serviceType"])
def test_an_appointment_that_is_planned_is_a_booking_of_its_reason_or_service(status: str, key: str) -> None:
    (request,) = chart(_appointment(status=status, reasonCode=None) | {key: [concept("surgery")]}).requests
    assert request.concepts == {"surgery"}


def test_an_appointment_for_a_laboratory_test_books_no_procedure() -> None:
    both = {"coding": [*concept("salt-order")["coding"], *concept("surgery")["coding"]]}
    (request,) = chart(_appointment(reasonCode=[concept("salt-order"), both])).requests
    assert request.concepts == {"surgery"}


def test_an_appointment_of_another_patient_or_cancelled_is_none() -> None:
    assert not chart(_appointment(participant=[{"actor": {"reference": "Patient/p2"}}])).requests
    assert not chart(_appointment(status="cancelled")).requests
