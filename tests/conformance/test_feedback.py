"""Rows F1 to F8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.rows import proves
from tests.service.conftest import Client
from tests.service.test_discovery import empties

PATH = "/cds-services/mgcds-patient-view/feedback"
REASON = {"code": "not-applicable", "system": "urn:mgcds:override-reason", "display": "Does not apply"}


def overridden(card: str = "", **more: Any) -> dict[str, Any]:
    return {"card": card or str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-06-15T08:00:00Z"} | more


def accepted(card: str = "", *suggestions: str) -> dict[str, Any]:
    return overridden(card) | {"outcome": "accepted", "acceptedSuggestions": [{"id": one} for one in suggestions]}


def send(client: Client, *entries: Any) -> Any:
    return client.http.post(PATH, json={"feedback": list(entries)})


@proves("F1", "fdbk.batch-50", "fdbk.repeat", "fdbk.no-null-empty")
def test_many_cards_in_one_call_and_again(client: Client) -> None:
    known = client.call(client.fixture("02-severely-low-mmol"))[1]["cards"][0]["uuid"]
    batch = [overridden(overrideReason={"reason": REASON}) for _ in range(50)] + [accepted(known, str(uuid4()))]
    for _ in range(2):
        answer = send(client, *batch)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["extension"]["org.mgcds.feedback"] == {"received": 51, "unknown": 50}
        assert list(empties(answer.json())) == []


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no card": lambda e: e.pop("card"),
    "no outcome": lambda e: e.pop("outcome"),
    "no time": lambda e: e.pop("outcomeTimestamp"),
    "another outcome": lambda e: e.update(outcome="ignored"),
    "card is no uuid": lambda e: e.update(card="7"),
    "a time without a zone": lambda e: e.update(outcomeTimestamp="2026-06-15T08:00:00"),
    "a day": lambda e: e.update(outcomeTimestamp="2026-06-15"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
@proves("F2", "fdbk.rejects")
def test_an_entry_needs_card_outcome_and_time(client: Client, case: str) -> None:
    entry = overridden()
    WRONG[case](entry)
    answer = send(client, overridden(), entry)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "invalid")


@pytest.mark.parametrize("body", [{}, {"feedback": []}, {"feedback": None}, {"feedback": {}}, {"feedback": [None]}])
@proves("fdbk.rejects")
def test_a_body_needs_a_list(client: Client, body: Any) -> None:
    assert client.http.post(PATH, json=body).status_code == 400


@proves("F3", "fdbk.rejects-accepted-none")
def test_accepted_names_suggestions(client: Client) -> None:
    assert send(client, accepted("", str(uuid4()))).status_code == 200
    assert send(client, accepted("")).status_code == 400
    assert send(client, overridden() | {"outcome": "accepted"}).status_code == 400
    assert send(client, overridden() | {"outcome": "accepted", "acceptedSuggestions": [{}]}).status_code == 400


@proves("F4", "fdbk.comment-only", "fdbk.rejects-empty-overrideReason")
def test_a_reason_is_a_coding_or_a_comment(client: Client) -> None:
    for reason in ({"reason": REASON}, {"userComment": "seen"}, {"reason": REASON, "userComment": "seen"}):
        assert send(client, overridden(overrideReason=reason)).status_code == 200
    assert send(client, overridden()).status_code == 200
    for reason in ({}, {"userComment": ""}, {"reason": {}}):
        assert send(client, overridden(overrideReason=reason)).status_code == 400


@proves("F5", "F8")
def test_a_card_may_be_accepted_and_then_overridden(client: Client) -> None:
    card = client.call(client.fixture("02-severely-low-mmol"))[1]["cards"][0]
    assert send(client, accepted(card["uuid"], card["suggestions"][0]["uuid"])).status_code == 200
    assert send(client, overridden(card["uuid"])).status_code == 200
    assert client.call(client.fixture("02-severely-low-mmol"))[1]["cards"][0] == card  # critical: shown again


@proves("F6", "fdbk.millis")
def test_what_the_reference_client_sends_is_taken(client: Client) -> None:
    plain = {"code": "not-applicable", "system": "urn:mgcds:override-reason"}
    for moment in ("2026-06-15T08:00:00.123Z", "2026-06-15T08:00:00.123456+00:00", "2026-06-15T10:00:00+02:00"):
        assert send(client, overridden(outcomeTimestamp=moment, overrideReason={"reason": plain})).status_code == 200


@proves("F2")
def test_optional_fields_may_be_null(client: Client) -> None:
    """Some serialisers write every field. Null is absent, also where accepted needs suggestions."""
    nothing = dict.fromkeys(("acceptedSuggestions", "overrideReason", "overrideReasons", "extension"))
    assert send(client, overridden(**nothing)).status_code == 200
    assert send(client, overridden(**nothing) | {"outcome": "accepted"}).status_code == 400


@proves("F7")
def test_feedback_is_refused_as_calls_are(client: Client) -> None:
    assert client.http.post(PATH, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert client.http.post(PATH, content=b" " * 5_300_000, headers={"content-type": "application/json"}).status_code == 413
    assert client.http.post("/cds-services/mgcds-x/feedback", json={}).status_code == 404
    assert client.http.get(PATH).status_code == 405
