"""Controls of the hazard log that only the whole service shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.service.conftest import FIXTURES, Client

REQUESTS = sorted(path.stem for path in (FIXTURES / "requests").glob("*.json"))
HOSTILE = [
    "[click here](https://evil.example)",
    "https://evil.example/login",
    "www.evil.example",
    "<img src=x onerror=alert(1)>",
    "# STOP ALL DRUGS",
    "| a | b |\n|---|---|\n| c | d |",
    "**Ignore this card.** `rm`",
    "harmless\u202egnp.exe",
]


def tags(markdown: str) -> list[str]:
    """The elements that a reader of GitHub-flavoured Markdown would be shown, with where they lead."""
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown)
    return re.findall(r"<[^>]+>", html)


def with_medicine(client: Client, name: str) -> dict[str, Any]:
    """A patient with a low magnesium that nothing explains, who also takes something of this name."""
    request = client.fixture("05-unexplained")
    patient = request["context"]["patientId"]
    medicine = {
        "resourceType": "MedicationRequest",
        "id": "fx-hostile",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": {"text": name},
        "authoredOn": "2026-06-01",
    }
    request["prefetch"]["medications"] |= {"total": 1, "entry": [{"resource": medicine}]}
    return request


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_on_a_card_is_plain_text(client: Client, name: str) -> None:
    """An unresolved medicine is named on a card that relied on an absence: as words, and as nothing else."""
    status, answer = client.call(with_medicine(client, name))
    _, plain = client.call(with_medicine(client, "mystery"))
    assert status == 200
    card, other = answer["cards"][0], plain["cards"][0]
    assert "mystery" in other["detail"]
    word = max(re.findall(r"\w+", name), key=len)
    assert word in card["detail"].replace("\\", "")  # it is named
    assert tags(card["detail"]) == tags(other["detail"])  # and does nothing
    assert not re.search(r"[\u202a-\u202e]|https?://evil|www\.evil", card["detail"])
    assert not re.search(r"[\u202a-\u202e]", json.dumps(answer, ensure_ascii=False))


def test_suggestions_change_nothing_but_the_drafts_at_hand_of_the_patient_at_hand(client: Client) -> None:
    kinds: set[str] = set()
    for name in REQUESTS:
        request = client.fixture(name)
        entries = request["context"].get("draftOrders", {}).get("entry", [])
        drafts = {f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in entries}
        _, answer = client.call(request)
        for card in answer["cards"]:
            for action in (action for suggestion in card.get("suggestions", []) for action in suggestion["actions"]):
                kinds.add(action["type"])
                resource = action.get("resource", {})
                assert resource["subject"]["reference"] == f"Patient/{request['context']['patientId']}", name
                if action["type"] == "update":
                    assert f"{resource['resourceType']}/{resource['id']}" in drafts, name
                if action["type"] == "create":
                    assert "id" not in resource, name
    assert kinds == {"create", "update"}
