"""What the two youngest hooks have at hand, read into the chart."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mgcds.chart.facts import Chart
from mgcds.chart.intake import read_chart
from mgcds.terminology import Terminology

TODAY = date(2026, 6, 15)
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1960-01-01"}


def order(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "authoredOn": "2026-06-15",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "magnesium oxide 400 mg tablet"},
    } | more  # fmt: skip


def condition(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "code": {"text": "Myasthenia gravis"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    } | more  # fmt: skip


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


def read(terminology: Terminology, hook: str, prefetch: dict[str, Any], **context: Any) -> Chart:
    told = {"userId": "Practitioner/u", "patientId": "p1", **context}
    given = {"patient": PATIENT, "medications": bundle(), **prefetch}
    return read_chart(hook=hook, context=told, prefetch=given, terminology=terminology, today=TODAY)


@pytest.mark.parametrize("key", ["medication", "order"])
def test_the_verified_order_is_read_once_though_it_is_active_already(terminology: Terminology, key: str) -> None:
    chart = read(terminology, "medication-verify", {"medications": bundle(order())}, **{key: order()})
    assert [(use.reference, use.drafted) for use in chart.uses] == [("MedicationRequest/m1", True)]
    assert set(chart.drafts) == {"MedicationRequest/m1"}


def test_an_empty_bundle_under_one_field_hides_no_order_under_the_other(terminology: Terminology) -> None:
    chart = read(terminology, "medication-verify", {}, medication=bundle(), order=order())
    assert [(use.reference, use.drafted) for use in chart.uses] == [("MedicationRequest/m1", True)]


def test_a_failure_among_the_orders_is_noted_by_its_place(terminology: Terminology) -> None:
    drafts = bundle(order(status="draft"), {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]})
    chart = read(terminology, "order-sign", {}, draftOrders=drafts)
    assert [use.reference for use in chart.uses] == ["MedicationRequest/m1"]
    assert [(note.code, note.reference) for note in chart.notes] == [("resource-unreadable", "context.draftOrders#1")]


def test_an_order_without_id_is_named_by_its_place(terminology: Terminology) -> None:
    bare = order()
    del bare["id"]
    chart = read(terminology, "medication-verify", {}, medication=bare)
    assert [use.reference for use in chart.uses] == ["context.medication#0"]


def test_another_patients_order_is_not_read(terminology: Terminology) -> None:
    chart = read(terminology, "medication-verify", {}, medication=order(subject={"reference": "Patient/p2"}))
    assert chart.uses == ()


def test_a_new_problem_is_marked_and_an_old_one_is_not(terminology: Terminology) -> None:
    old = condition(id="c0", code={"text": "Crohn's disease"})
    chart = read(terminology, "problem-list-item-create", {"conditions": bundle(old)}, conditions=bundle(condition()))
    assert {(problem.reference, problem.added) for problem in chart.problems} == {
        ("Condition/c0", False),
        ("Condition/c1", True),
    }


def test_a_new_problem_without_id_is_named_by_its_place_and_may_not_be_refuted(terminology: Terminology) -> None:
    bare = condition()
    del bare["id"]
    refuted = condition(id="c9", verificationStatus={"coding": [{"code": "refuted"}]})
    chart = read(terminology, "problem-list-item-create", {}, conditions=bundle(refuted, bare))
    assert [problem.reference for problem in chart.problems] == ["context.conditions#1"]


def test_other_hooks_do_not_look_for_conditions_in_the_context(terminology: Terminology) -> None:
    assert read(terminology, "patient-view", {}, conditions=bundle(condition())).problems == ()
