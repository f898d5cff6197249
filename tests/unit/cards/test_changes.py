"""Orders at hand as a suggestion leaves them."""

from __future__ import annotations

import copy

import pytest

from mgcds.cards.changes import withdrawn, without_empties

DRAFT = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order", "subject": {"reference": "P/1"}}


@pytest.mark.parametrize(
    ("kind", "status", "after"),
    [
        ("MedicationRequest", "draft", "cancelled"),
        ("MedicationRequest", None, "cancelled"),
        ("MedicationRequest", "active", "stopped"),
        ("MedicationRequest", "on-hold", "stopped"),
        ("MedicationOrder", "draft", "stopped"),
        ("MedicationRequest", ["draft"], "cancelled"),
        ("MedicationRequest", {"value": 7}, "cancelled"),
    ],
)
def test_an_order_is_withdrawn_by_its_status_alone(kind: str, status: object, after: str) -> None:
    draft = DRAFT | {"resourceType": kind, "status": status}
    before = copy.deepcopy(draft)
    assert withdrawn(draft) == before | {"status": after}
    assert draft == before  # what the client sent is left as it is


def test_what_is_no_order_of_a_medicine_is_not_withdrawn() -> None:
    assert withdrawn({"resourceType": "MedicationStatement", "status": "active"}) is None
    assert withdrawn({}) is None


def test_nothing_empty_of_the_client_comes_back() -> None:
    sent = {"a": None, "b": "", "c": [], "d": {}, "e": [None, {"f": [""]}, 0, False], "g": {"h": {"i": None}}}
    assert without_empties(sent) == {"e": [0, False]}


def test_a_null_that_keeps_a_place_in_fhir_stays() -> None:
    sent = {"event": ["2026-06-15", None], "_event": [None, {"extension": [{"url": "x", "valueString": "y"}]}]}
    assert without_empties(sent) == sent
