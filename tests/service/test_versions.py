"""The real application gives one patient the same cards in every version of FHIR."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.conftest import Client
from tests.unit.chart.build import bundle
from tests.unit.chart.patients import CASES, Case
from tests.unit.chart.versions import VERSIONS, as_named_in_r4, written_in

KEYS = {
    "medications": ("Medication",),
    "conditions": ("Condition", "Encounter"),
    "procedures": ("Procedure",),
    "orders": ("ServiceRequest",),
    "observations": ("Observation",),
}


def answer(client: Client, version: str, case: Case) -> dict[str, Any]:
    prefetch = {"patient": written_in(version, case.patient)}
    for key, kinds in KEYS.items():
        mine = [record for record in case.records if record["resourceType"].startswith(kinds)]
        prefetch[key] = bundle(*(written_in(version, record) for record in mine))
    context: dict[str, Any] = {"userId": "Practitioner/x", "patientId": "p"}
    if case.drafts:
        context["draftOrders"] = bundle(*(written_in(version, draft) for draft in case.drafts))
    elif any(record["resourceType"] == "Appointment" for record in case.records):
        context["appointments"] = bundle(*(written_in(version, r) for r in case.records if r["resourceType"] == "Appointment"))
    call = {"hook": case.hook, "hookInstance": "5f71e7d4-554d-5659-9aaa-3eb6a5ca7eb8", "context": context, "prefetch": prefetch}
    status, body = client.call(call)
    assert status == 200, body
    return body


def shown(body: dict[str, Any]) -> Any:
    """The answer without suggestions, whose resources are of one version."""
    hidden = ("suggestions", "selectionBehavior")
    cards = [{key: value for key, value in card.items() if key not in hidden} for card in body["cards"]]
    return as_named_in_r4([cards, body["extension"]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cards_are_those_of_r4(client: Client, case: Case) -> None:
    expected = answer(client, "R4", case)
    assert tuple(card["source"]["topic"]["code"] for card in expected["cards"]) == case.topics
    for version in VERSIONS:
        assert shown(answer(client, version, case)) == shown(expected), version


@pytest.mark.parametrize("version", VERSIONS)
def test_a_draft_is_moved_in_its_own_version_or_not_at_all(client: Client, version: str) -> None:
    (case,) = [case for case in CASES if case.name == "a draft that could be moved"]
    (card,) = answer(client, version, case)["cards"]
    moved = [
        action["resource"] for each in card.get("suggestions", []) for action in each["actions"] if action["type"] == "update"
    ]
    if version == "DSTU2":  # it has no times of day
        assert not moved
        return
    (resource,) = moved
    sent = written_in(version, case.drafts[0])
    assert resource["dosageInstruction"][0]["timing"]["repeat"].pop("timeOfDay") != ["07:00:00"]
    del sent["dosageInstruction"][0]["timing"]["repeat"]["timeOfDay"]
    assert resource == sent
