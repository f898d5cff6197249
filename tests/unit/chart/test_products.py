"""Which medicine a record is about, and the drafts at hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.chart.small import Json, bundle, call, chart, codes, concept, order

TABS = {"resourceType": "Medication", "id": "d1", "code": concept("tabs")}


def _without_code(**more: Any) -> Json:
    return {key: value for key, value in order(**more).items() if key != "medicationCodeableConcept"}


@pytest.mark.parametrize(
    "more",
    [
        {"medicationReference": {"reference": "Medication/d1"}},
        {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/d1/_history/1"}},
        {"medicationReference": {"reference": "urn:uuid:abc"}},
        {"medicationReference": {"reference": "#x"}, "contained": [TABS | {"id": "x"}]},
        {"medicationReference": {"display": "tabs"}},
        {"medication": {"concept": concept("tabs")}},
        {"medication": {"reference": {"reference": "Medication/d1"}}},
        {"medicationCodeableConcept": concept("tabs"), "resourceType": "MedicationOrder"},
    ],
)
def test_a_medicine_is_found_wherever_it_stands(more: Json) -> None:
    page = bundle(_without_code() | more, TABS)
    page["entry"][1]["fullUrl"] = "urn:uuid:abc"
    assert [use.medicine.name for use in call({"medications": page}).uses] == ["tabs"]


@pytest.mark.parametrize(
    ("target", "more", "named", "noted"),
    [
        ({"reference": "Medication/d1"}, {"drugs": bundle(TABS)}, "tabs", False),
        ({"reference": "Medication/d1", "display": "syrup"}, {}, "syrup", False),
        ({"reference": "Medication/d1"}, {}, "unnamed", True),
    ],
)
def test_a_medication_that_a_server_did_not_include_is_read_elsewhere_or_noted(
    target: Json, more: Json, named: str, noted: bool
) -> None:
    found = call({"medications": bundle(_without_code(medicationReference=target)), **more})
    assert [use.medicine.name for use in found.uses] == [named]
    assert found.unresolved == ((named,) if noted else ())
    assert ("medication-unresolved" in codes(found)) is noted


def test_stated_ingredients_carry_their_strength() -> None:
    strength = {"numerator": {"value": 200, "unit": "mg"}, "denominator": {"value": 2, "unit": "tablet"}}
    stated = {"itemCodeableConcept": {"text": "dust"}, "strength": strength}
    r5 = {
        "item": {"concept": {"text": "sand"}},
        "strengthRatio": {"numerator": {"value": 1, "unit": "g"}, "denominator": {"value": 5, "unit": "mL"}},
    }
    medication = {"resourceType": "Medication", "id": "x", "code": {"text": "mixture"}, "ingredient": [stated, r5]}
    (use,) = chart(_without_code(medicationReference={"reference": "#x"}, contained=[medication])).uses
    assert [(part.name, part.strength, part.unit, part.per) for part in use.medicine.ingredients] == [
        ("dust", Decimal(100), "mg", "unit"),
        ("sand", Decimal("0.2"), "g", "mL"),
    ]


def test_an_unresolved_medicine_is_noted_and_named_while_it_is_in_use() -> None:
    running, over = chart(order("mystery")), chart(order("mystery", status="stopped"))
    assert (codes(running), running.unresolved) == (["medication-unresolved"], ("mystery",))
    assert (codes(over), over.unresolved) == (["medication-unresolved"], ())


def _drafts(*resources: Any, hook: str = "order-sign", **context: Any) -> Any:
    key = "medications" if hook == "medication-refill" else "draftOrders"
    return call({}, hook=hook, **{key: bundle(*resources)}, **context)


def test_a_draft_without_an_id_is_named_by_its_place() -> None:
    loose = {key: value for key, value in order().items() if key != "id"}
    assert [use.reference for use in _drafts(order("syrup"), "rubbish", loose).uses] == [
        "MedicationRequest/m1",
        "context.draftOrders#2",
    ]
    assert [use.reference for use in _drafts(loose, hook="medication-refill").uses] == ["context.medications#0"]


@pytest.mark.parametrize(("status", "counts"), [("draft", True), ("active", True), ("on-hold", True), ("odd", True), (None, True),
                                                ("entered-in-error", False), ("cancelled", False)])  # fmt: skip
def test_a_draft_counts_whatever_its_status_unless_it_is_void(status: str | None, counts: bool) -> None:
    found = _drafts(order(status=status))
    assert [(use.drafted, use.active) for use in found.uses] == ([(True, True)] if counts else [])
    assert list(found.drafts) == (["MedicationRequest/m1"] if counts else [])


def test_a_draft_has_no_end_and_renews_the_order_of_its_id() -> None:
    (use,) = _drafts(order(status="draft", authoredOn="2026-06-15")).uses
    assert use.end is None
    assert "MedicationRequest/m1" in use.links


@pytest.mark.parametrize("selection", ["MedicationRequest/m1", "m1", "urn:uuid:abc"])
def test_selections_name_drafts(selection: str) -> None:
    page = bundle(order(), order("syrup", id="m2"))
    page["entry"][0]["fullUrl"] = "urn:uuid:abc"
    found = call({}, hook="order-select", draftOrders=page, selections=[selection])
    assert [(use.reference, use.selected) for use in found.uses] == [
        ("MedicationRequest/m1", True),
        ("MedicationRequest/m2", False),
    ]


def test_a_drafts_medication_may_come_with_it() -> None:
    found = _drafts(_without_code(medicationReference={"reference": "Medication/d1"}), TABS)
    assert [use.medicine.name for use in found.uses] == ["tabs"]


def test_drafts_of_the_record_are_no_uses() -> None:
    for hook in ("patient-view", "order-sign"):
        assert not call({"medications": bundle(order(status="draft"))}, hook=hook).uses


def test_among_bare_records_drafts_are_the_orders_at_hand_of_an_order_hook() -> None:
    assert [(use.drafted, use.selected) for use in chart(order(status="draft"), hook="order-select").uses] == [(True, True)]
    assert not chart(order(status="draft")).uses


def test_a_draft_beside_the_active_order_of_its_id_leaves_both() -> None:
    found = call({"medications": bundle(order())}, hook="order-sign", draftOrders=bundle(order(status="draft")))
    assert sorted(use.drafted for use in found.uses) == [False, True]


def test_links_name_the_records_of_the_same_order() -> None:
    sent = order(priorPrescription={"reference": "MedicationRequest/m0"}, basedOn=[{"reference": "https://x.org/CarePlan/7"}])
    assert chart(sent).uses[0].links == {"MedicationRequest/m0", "CarePlan/7"}
