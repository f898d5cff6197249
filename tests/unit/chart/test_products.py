"""Which medicine a record is about, and the drafts at hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.chart.small import Json, bundle, call, chart, codes, concept, condition, order, service

TABS = {"resourceType": "Medication", "id": "d1", "code": concept("tabs")}


def _without_code(**more: Any) -> Json:
    return {key: value for key, value in order(**more).items() if key != "medicationCodeableConcept"}


@pytest.mark.parametrize(
    "more",
    [
        {"medicationReference": {"reference": "Medication/d1"}},
        {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/d1/_history/1"}},
        {"medicationReference": {"reference": "d1"}},
        {"medicationReference": {"reference": "urn:uuid:abc"}},
        {"medicationReference": {"reference": "#x"}, "contained": [TABS | {"id": "x"}]},
        {"medicationReference": {"display": "tabs"}},
        {"medicationReference": {"reference": "#x"}, "contained": [TABS | {"id": "x", "code": {"text": "tabs"}}]},
        {"medicationReference": {"reference": "Medication/d1"}, "medicationCodeableConcept": {"text": "as told"}},
        {
            "medicationReference": {"reference": "#x"},
            "contained": [TABS | {"id": "x", "code": {"text": "tabs"}}],
            "medicationCodeableConcept": {"coding": [{"code": "17"}]},
        },
        {"medicationReference": {"display": "of no use"}, "medicationCodeableConcept": concept("tabs")},
        {"medication": {"concept": concept("tabs")}},
        {"medication": {"reference": {"reference": "Medication/d1"}}},
        {"medicationCodeableConcept": {"coding": [{"display": " "}, {"display": " tabs "}]}},
        {"medicationCodeableConcept": {"coding": [{"code": True}, {"code": 7}, {"code": " tabs "}]}},
        {"medicationCodeableConcept": {"system": "http://lab", "code": "tabs"}},
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


def _stated(**more: Any) -> list[tuple[str, Decimal | None]]:
    """Name and strength of the ingredients of a Medication that states one, and sand."""
    listed = [{"itemCodeableConcept": {"text": "dust"}, **more}, {"itemCodeableConcept": {"text": "sand"}, "isActive": True}]
    medication = {"resourceType": "Medication", "id": "x", "code": {"text": "mixture"}, "ingredient": listed}
    (use,) = chart(_without_code(medicationReference={"reference": "#x"}, contained=[medication])).uses
    return [(part.name, part.strength) for part in use.medicine.ingredients]


@pytest.mark.parametrize(
    ("numerator", "denominator", "strength"),
    [
        ({"value": 200, "unit": "mg"}, None, 200),
        ({"value": 200, "unit": "mg", "code": "g"}, None, None),
        ({"value": 200, "unit": "mg"}, {"value": 0, "unit": "mL"}, None),
        ({"value": 200, "unit": "mg"}, {"value": -5, "unit": "mL"}, None),
        ({"unit": "mg"}, {"value": 5, "unit": "mL"}, None),
    ],
)
def test_a_strength_that_contradicts_itself_is_not_believed(numerator: Json, denominator: Any, strength: Any) -> None:
    stated = _stated(strength={"numerator": numerator, "denominator": denominator})
    assert stated == [("dust", strength), ("sand", None)]


def test_what_a_medication_calls_inactive_is_none_of_its_ingredients() -> None:
    assert _stated(isActive=False) == [("sand", None)]


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


def test_what_cannot_be_understood_of_a_draft_is_noted() -> None:
    found = _drafts(order("mystery"), service("no test that we know"))
    assert (codes(found), list(found.drafts)) == (["medication-unresolved"], ["MedicationRequest/m1"])
    supply = {"expectedSupplyDuration": {"value": 90, "unit": "d"}}
    found = _drafts(order(status="completed", authoredOn="9999-12-30", dispenseRequest=supply), order("syrup", id="m2"))
    assert [(note.code, note.reference) for note in found.notes] == [("resource-unreadable", "MedicationRequest/m1")]
    assert [use.reference for use in found.uses] == ["MedicationRequest/m2"]
    loose = {key: value for key, value in condition(onsetDateTime="2026-07-01").items() if key != "id"}
    found = call({}, hook="problem-list-item-create", conditions=bundle(loose))
    assert [(note.code, note.reference) for note in found.notes] == [("future-date", "context.conditions#0")]


def test_a_draft_has_no_end_and_renews_the_order_of_its_id() -> None:
    (use,) = _drafts(order(status="draft", authoredOn="2026-06-15")).uses
    assert use.end is None
    assert "MedicationRequest/m1" in use.links


def _selected(selections: list[str], *resources: Any, urls: tuple[str, ...] = (), hook: str = "order-select") -> Any:
    """The names of selected drafts, and the notes."""
    page = bundle(*resources)
    for entry, url in zip(page["entry"], urls, strict=False):
        entry["fullUrl"] = url
    found = call({}, hook=hook, draftOrders=page, selections=selections)
    return [use.reference for use in found.uses if use.selected], [(note.code, note.reference) for note in found.notes
                                                                   if note.code == "resource-unreadable"]  # fmt: skip


BASE_URL = "https://ehr.example.org/fhir/"


@pytest.mark.parametrize(
    "urls", [(), ("urn:uuid:abc", "urn:uuid:def"), (f"{BASE_URL}MedicationRequest/m1", f"{BASE_URL}MedicationRequest/m2")]
)
@pytest.mark.parametrize("selection", ["MedicationRequest/m1", "m1", f"{BASE_URL}MedicationRequest/m1", "MedicationRequest/m1/_history/3",
                                       f"{BASE_URL}MedicationRequest/m1/_history/3"])  # fmt: skip
def test_selections_name_drafts_with_and_without_a_server(selection: str, urls: tuple[str, ...]) -> None:
    assert _selected([selection], order(), order("syrup", id="m2"), urls=urls) == (["MedicationRequest/m1"], [])


@pytest.mark.parametrize("selection", ["urn:uuid:abc", "abc", "MedicationRequest/abc"])
def test_selections_name_drafts_by_their_full_url(selection: str) -> None:
    drafts = order(), order("syrup", id="m2")
    assert _selected([selection], *drafts, urls=("urn:uuid:abc",)) == (["MedicationRequest/m1"], [])
    loose = {key: value for key, value in order().items() if key != "id"}
    assert _selected([selection], loose, order("syrup", id="m2"), urls=("urn:uuid:abc",)) == (["context.draftOrders#0"], [])


@pytest.mark.parametrize("selection", [f"{BASE_URL}MedicationRequest/s7", "MedicationRequest/s7", "s7"])
def test_selections_name_drafts_by_a_full_url_that_is_not_of_their_id(selection: str) -> None:
    drafts = order(), order("syrup", id="m2")
    assert _selected([selection], *drafts, urls=(f"{BASE_URL}MedicationRequest/s7",)) == (["MedicationRequest/m1"], [])


def test_a_draft_that_is_sent_twice_is_one_order_whichever_came_first() -> None:
    twice = order(status="draft"), order("syrup", status="draft")
    first, last = _drafts(*twice), _drafts(*reversed(twice))
    assert len(first.uses) == 1
    assert (first.uses, first.drafts) == (last.uses, last.drafts)


def test_a_selection_that_meets_nothing_adds_nothing_to_one_that_meets_a_draft() -> None:
    drafts = order(), order("syrup", id="m2")
    for odd in ("MedicationStatement/m2", "MedicationRequest/nope", "", "None", "/", "MedicationRequest/"):
        assert _selected(["MedicationRequest/m1", odd], *drafts) == (["MedicationRequest/m1"], []), odd


@pytest.mark.parametrize("selection", ["MedicationRequest/nope", "MedicationStatement/m1", "", " ", "None", "/", "MedicationRequest/",
                                       f"{BASE_URL}MedicationRequest/nope"])  # fmt: skip
def test_where_no_selection_meets_a_draft_all_count_and_it_is_noted(selection: str) -> None:
    loose = {key: value for key, value in order("syrup").items() if key != "id"}
    every = ["MedicationRequest/m1", "context.draftOrders#1"]
    assert _selected([selection], order(), loose) == (every, [("resource-unreadable", "")])


def test_an_empty_selection_selects_nothing_and_none_is_missed_without_drafts_or_at_another_hook() -> None:
    assert _selected([], order()) == ([], [])
    assert _selected(["MedicationRequest/nope"]) == ([], [])
    assert _selected(["MedicationRequest/nope"], order(), hook="order-sign") == ([], [])


def test_an_empty_selection_never_meets_a_draft_whose_name_ends_in_nothing() -> None:
    drafts = order(id="m1/"), order("syrup", id="m2")
    assert _selected(["", "MedicationRequest/m2"], *drafts, urls=("/",)) == (["MedicationRequest/m2"], [])


def test_a_selected_order_that_no_rule_reads_is_met() -> None:
    meal = {"resourceType": "NutritionOrder", "id": "n1"}
    assert _selected(["NutritionOrder/n1"], order(), meal) == ([], [])


def test_a_drafts_medication_may_come_with_it() -> None:
    found = _drafts(_without_code(medicationReference={"reference": "Medication/d1"}), TABS)
    assert [use.medicine.name for use in found.uses] == ["tabs"]


def test_drafts_of_the_record_are_no_uses() -> None:
    for hook in ("patient-view", "order-sign"):
        assert not call({"medications": bundle(order(status="draft"))}, hook=hook).uses


def test_among_bare_records_drafts_are_the_orders_at_hand_of_an_order_hook() -> None:
    assert [(use.drafted, use.selected) for use in chart(order(status="draft"), hook="order-select").uses] == [(True, True)]
    assert not chart(order(status="draft")).uses


def test_among_bare_records_only_orders_that_are_drafts_are_at_hand() -> None:
    loose = {key: value for key, value in order("syrup", status="draft").items() if key != "id"}
    found = chart(order(), loose, {"resourceType": "Condition", "id": "c1", "status": "draft"}, hook="order-sign")
    assert [(use.reference, use.drafted) for use in found.uses] == [
        ("MedicationRequest/m1", False),
        ("context.draftOrders#0", True),
    ]
    assert list(found.drafts) == ["context.draftOrders#0"]


def test_an_order_among_the_problems_that_are_being_put_on_the_list_is_no_order() -> None:
    found = call({}, hook="problem-list-item-create", conditions=bundle(condition(), order()))
    assert [problem.added for problem in found.problems] == [True]
    assert (found.uses, list(found.drafts)) == ((), [])


def test_a_draft_beside_the_active_order_of_its_id_leaves_both() -> None:
    found = call({"medications": bundle(order())}, hook="order-sign", draftOrders=bundle(order(status="draft")))
    assert sorted(use.drafted for use in found.uses) == [False, True]


def test_links_name_the_records_of_the_same_order() -> None:
    sent = order(priorPrescription={"reference": "MedicationRequest/m0"}, basedOn=[{"reference": "https://x.org/CarePlan/7"}])
    assert chart(sent).uses[0].links == {"MedicationRequest/m0", "CarePlan/7"}


@pytest.mark.parametrize(
    ("denominator", "strength", "per"),
    [
        ({"value": 1, "unit": "L"}, Decimal("0.2"), "mL"),
        ({"value": 100, "unit": "g"}, None, ""),
        ({"value": 24, "unit": "h"}, None, ""),
        ({"value": 1, "unit": "tablet"}, Decimal(200), "unit"),
    ],
)
def test_a_stated_amount_of_a_litre_a_gram_or_a_day_is_not_that_of_one_unit(denominator: Json, strength: Any, per: str) -> None:
    stated = {
        "itemCodeableConcept": {"text": "dust"},
        "strength": {"numerator": {"value": 200, "unit": "mg"}, "denominator": denominator},
    }
    medication = {"resourceType": "Medication", "id": "x", "code": {"text": "mixture"}, "ingredient": [stated]}
    (use,) = chart(_without_code(medicationReference={"reference": "#x"}, contained=[medication])).uses
    (part,) = use.medicine.ingredients
    assert part.strength == strength
    assert strength is None or part.per == per
