"""Which kinds of data a request supplied."""

from __future__ import annotations

from typing import Any

import pytest

from mgcds.chart.supply import failed_in
from tests.unit.chart.small import Json, bundle, call, chart, codes, condition, lab, order, outcome, procedure, service

LABORATORY = {"salts", "scores"}


@pytest.mark.parametrize(
    ("prefetch", "supplied"),
    [
        ({"orders": []}, {"orders"}),
        ({"conditions": [condition()]}, {"conditions"}),
        ({"conditions": [outcome("error")]}, set()),
        ({"conditions": "none"}, set()),
        ({"conditions": bundle(outcome("fatal"))}, set()),
        ({"conditions": bundle(outcome("information"))}, {"conditions"}),
        ({"conditions": bundle(outcome("error"), condition())}, {"conditions"}),
        ({"conditions": {"response": {"status": "404 Not Found"}, "resource": None}}, set()),
        ({"conditions": {"response": {"status": "200 OK"}, "resource": None}}, {"conditions"}),
        ({"conditions": {"id": "neither a resource nor a wrapper"}}, set()),
        ({"conditions": bundle(outcome("error"), outcome("information"))}, set()),
        ({"conditions": bundle(outcome("information"), outcome("error"))}, set()),
        ({"conditions": bundle(outcome("error") | {"issue": [{"severity": "warning"}, {"severity": "error"}]})}, set()),
        ({"conditions": {"resourceType": "Bundle", "entry": [], "issue": [{"severity": "error"}]}}, {"conditions"}),
        ({"problemList": bundle(outcome("information"))}, {"conditions"}),
        ({"one": bundle(condition()), "two": outcome("error")}, {"conditions"}),
        ({"everything": bundle(order(), condition(), service(), procedure("bypass", "completed"))},
         {"medications", "conditions", "orders", "procedures"}),
        ({"salts": bundle(lab())}, {"salts"}),
        ({"anything": bundle(lab())}, LABORATORY),
        ({"vitalSigns": None}, LABORATORY),
        ({"labOrders": None}, {"orders"}),
        ({"medication_orders": None}, {"medications"}),
        ({"medicationDispenses": None}, set()),
        ({"medicationAdministrations": None}, set()),
        ({"home-meds": None}, {"medications"}),
        ({"labsOfToday": None}, LABORATORY),
        ({"conditionList": None}, {"conditions"}),
        ({"pastProcedures": None}, {"procedures"}),
        ({"thePatient": None}, {"patient"}),
        ({"patient": None}, {"patient"}),
        ({"problemList": None}, {"conditions"}),
        ({"x": bundle(link=[{"relation": "self", "url": "MedicationStatement/_search?patient=1"}])}, {"statements"}),
        ({"x": bundle(link=[{"relation": "self", "url": "https://ehr/fhir/Observation?code=1"}])}, LABORATORY),
        ({"x": {"resource": bundle(link=[{"relation": "self", "url": "Condition?patient=1"}])}}, {"conditions"}),
        ({"x": bundle(link=[{"relation": "previous", "url": "Condition?patient=1"}])}, set()),
    ],
)  # fmt: skip
def test_what_was_supplied(prefetch: Json, supplied: set[str]) -> None:
    assert call(prefetch).supplied == supplied


def test_no_prefetch_at_all_supplies_nothing() -> None:
    assert call(None).supplied == frozenset()
    assert call([1]).supplied == frozenset()


@pytest.mark.parametrize("value", [outcome("error"), bundle(condition(), total=2), bundle(condition(), outcome("error")),
                                   bundle(condition(), link=[{"relation": "next", "url": "x"}]),
                                   {"resource": bundle(condition(), total=2)}])  # fmt: skip
def test_what_is_incomplete_is_noted(value: Json) -> None:
    assert codes(call({"conditions": value})) == ["data-partial"]


def test_included_resources_do_not_make_a_page_incomplete() -> None:
    page: Any = bundle(condition(), order(), total=1)
    page["entry"][1]["search"] = {"mode": "include"}
    assert not codes(call({"conditions": page}))
    page["entry"][0]["search"] = {"score": 1}
    assert not codes(call({"conditions": page}))
    page["entry"][0]["search"] = {"mode": "outcome"}
    assert codes(call({"conditions": page})) == ["data-partial"]


def test_of_bare_records_every_kind_counts_as_supplied() -> None:
    kinds = {"patient", "medications", "statements", "conditions", "procedures", "orders"}
    assert chart().supplied == kinds | LABORATORY


def test_an_entry_that_is_no_resource_is_noted_and_sinks_no_other() -> None:
    page = bundle(condition(), 5, {"id": "without a type"})
    page["entry"] += ["text", None]
    found = call({"conditions": page})
    assert len(found.problems) == 1
    assert codes(found) == ["resource-unreadable"]


def test_an_entry_without_a_resource_is_nothing_to_note() -> None:
    page = bundle(condition())
    page["entry"].append({"fullUrl": "urn:uuid:1", "response": {"status": "204"}})
    assert not codes(call({"conditions": page}))


@pytest.mark.parametrize(
    ("prefetch", "failed"),
    [
        ({"conditions": outcome("error")}, {"conditions"}),
        ({"conditions": None, "salts": bundle(condition())}, set()),
        ({"problemList": outcome("error")}, {"conditions"}),
        ({"vitalSigns": {"response": {"status": "500"}, "resource": None}}, LABORATORY),
        ({"anything": outcome("fatal")}, set()),
        ({"conditions": bundle(outcome("information"))}, set()),
    ],
)
def test_what_the_client_failed_to_get(prefetch: Json, failed: set[str]) -> None:
    assert failed_in(prefetch, LABORATORY) == failed


@pytest.mark.parametrize(
    ("key", "partial"), [("conditions", {"conditions"}), ("myProblems", {"conditions"}), ("salts", {"salts"})]
)
def test_what_was_supplied_in_part(key: str, partial: set[str]) -> None:
    more = [{"relation": "next", "url": "x"}]
    assert call({key: bundle(condition(), link=more), "procedures": bundle()}).partial == partial
