"""Requests and feedback in the shapes of real EHRs, against the real application with that EHR's dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from mgcds.cards.dialect import lost
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import read_settings
from mgcds.store import open_database
from mgcds.store.tables import feedback
from tests.service.conftest import FIXTURES, Client
from tests.service.test_fixtures import cards_of
from tests.service.test_operations import counted

FOLDER = FIXTURES / "dialects"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
ANSWERED = sorted(name for name, expected in EXPECTED["requests"].items() if isinstance(expected, list))
REFUSED = sorted(set(EXPECTED["requests"]) - set(ANSWERED))
Answer = dict[str, Any]
Make = Callable[..., Client]


@pytest.fixture(scope="module")
def make(library: Library) -> Make:
    made: dict[Any, Client] = {}

    def client(name: str, **given: Any) -> Client:
        dialect = name.partition("-")[0].replace("sandbox", "spec")
        key = (dialect, *given.values())
        if key not in made:
            app = create_app(library, read_settings(today=EXPECTED["today"], dialect=dialect,
                                                    public_url="https://cds.example.org", **given))  # fmt: skip
            made[key] = Client(TestClient(app, raise_server_exceptions=False))
        return made[key]

    return client


def request(name: str) -> Answer:
    found: Answer = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_every_file_has_an_expectation() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} - {"expected"} == set(EXPECTED["requests"])
    assert {path.stem for path in (FOLDER / "feedback").glob("*.json")} == set(EXPECTED["feedback"])


@pytest.mark.parametrize("name", ANSWERED)
def test_the_cards_are_right_and_alive_in_that_ehr(make: Make, name: str) -> None:
    status, answer = make(name).call(request(name))
    assert status == 200, answer
    assert cards_of(answer) == EXPECTED["requests"][name]
    states = {ended["state"] for ended in answer["extension"]["org.mgcds.evaluation"]["rules"].values()}
    assert "error" not in states
    for card in answer["cards"]:
        assert lost(card) == []
        if name.startswith("oracle"):
            assert {"links", "suggestions", "selectionBehavior"}.isdisjoint(card)
        typed = "com.epic.cdshooks.card.detail.content-type" in card.get("extension", {})
        assert typed == name.startswith("epic")


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_without_its_data_is_refused_and_counted(make: Make, name: str) -> None:
    client, service = make(name), f"mgcds-{request(name)['hook']}"
    before = counted(client).get(("mgcds_stripped_requests_total", service), 0)
    status, answer = client.call(request(name))
    assert (status, answer["resourceType"]) == (EXPECTED["requests"][name], "OperationOutcome")
    assert counted(client)["mgcds_stripped_requests_total", service] == before + 1


@pytest.mark.parametrize("name", ANSWERED)
def test_what_we_do_not_know_changes_nothing(make: Make, name: str) -> None:
    """Extensions of the vendor are there to be ignored; our answer is the same without them."""
    whole, bare = request(name), request(name)
    for key in ("extension", "user", "patient"):
        bare.pop(key, None)
    assert make(name).call(whole) == make(name).call(bare)


def test_a_newer_result_under_a_local_code_is_not_guessed_at(make: Make) -> None:
    _, answer = make("epic").call(request("epic-patient-view-diagnosis"))
    (finding,) = answer["cards"][0]["extension"]["org.mgcds.findings"]
    (level,) = (because for because in finding["because"] if because["find"] == "serum_mg")
    assert (level["value"], level["date"]) == (1.5, "2026-06-08")
    assert {"code": "data-partial"} in answer["extension"]["org.mgcds.evaluation"]["notes"]


@pytest.mark.parametrize("name", sorted(EXPECTED["feedback"]))
def test_feedback_is_taken_stored_and_remembered(make: Make, tmp_path: Path, name: str) -> None:
    expected = EXPECTED["feedback"][name]
    client = make(name, data_dir=tmp_path)
    asked = request(expected["after"])
    assert client.call(asked)[0] == 200
    body = json.loads((FOLDER / "feedback" / f"{name}.json").read_text(encoding="utf-8"))
    for _ in range(2):  # sent again, it changes nothing
        sent = client.http.post(f"/cds-services/mgcds-{asked['hook']}/feedback", json=body)
        assert (sent.status_code, sent.json()["extension"]["org.mgcds.feedback"]["unknown"]) == (200, 0)
    with open_database(tmp_path).connect() as connection:
        rows = connection.execute(select(feedback.c.outcome, feedback.c.reasons, feedback.c.outcome_at)).all()
    stored = sorted([row.outcome, row.reasons] for row in rows)
    assert stored == sorted(expected["stored"])
    if name.startswith("sandbox"):
        assert all(row.outcome_at.microsecond for row in rows)
    words = [str(part) for entry in body["feedback"] for part in _comments(entry) if part]
    written = b"".join(path.read_bytes() for path in tmp_path.glob("mgcds.sqlite3*"))
    assert not [word for word in words if word.encode() in written]
    rules = client.call(asked)[1]["extension"]["org.mgcds.evaluation"]["rules"]
    silent = {rule for rule, ended in rules.items() if ended == {"state": "suppressed", "reason": "overridden"}}
    assert silent == set(expected["silent"])


def _comments(entry: Answer) -> list[Any]:
    blocks = [entry.get("overrideReason") or {}, *entry.get("overrideReasons", [])]
    return [block.get("userComment") for block in blocks]
