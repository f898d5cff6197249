"""Rows C1 to C16, and of G what an answer may hold."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest
from starlette.testclient import TestClient

from mgcds.cards import findings_on
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings
from tests.conformance.rows import proves
from tests.service.conftest import TODAY, Client
from tests.service.test_discovery import empties

Card = dict[str, Any]
Answers = dict[str, dict[str, Any]]
FIELDS = {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links",
          "extension"}  # fmt: skip
MODELS: dict[str, Any] = {"ServiceRequest": ServiceRequest, "MedicationRequest": MedicationRequest}
PATH = "/cds-services/mgcds-patient-view"
ORIGIN = "https://ehr.example.org"


def actions(cards: list[Card]) -> Iterator[dict[str, Any]]:
    for card in cards:
        for suggestion in card.get("suggestions", []):
            yield from suggestion["actions"]


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@proves("C1", "C13", "F8", "call.schema")
def test_an_answer_is_cards_and_an_extension(answers: Answers) -> None:
    for name, answer in answers.items():
        assert set(answer) == {"cards", "extension"}, name  # so no systemActions
        assert isinstance(answer["cards"], list)
        for card in answer["cards"]:
            assert {"summary", "indicator", "source"} <= set(card) <= FIELDS
    assert answers["01-nothing-to-say"]["cards"] == []


@proves("C2")
def test_uuids_are_not_shared(cards: list[Card]) -> None:
    uuids = [UUID(card["uuid"]) for card in cards]
    inside = [UUID(suggestion["uuid"]) for card in cards for suggestion in card.get("suggestions", [])]
    assert len({*uuids, *inside}) == len(uuids) + len(inside)


@proves("C3")
def test_summaries_are_short_sentences(cards: list[Card]) -> None:
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert "\n" not in card["summary"]


@proves("C5")
def test_indicators(cards: list[Card]) -> None:
    assert {card["indicator"] for card in cards} == {"info", "warning", "critical"}


@proves("C6")
def test_sources(cards: list[Card]) -> None:
    for card in cards:
        source = card["source"]
        assert set(source) == {"label", "url", "topic"}  # and no icon
        assert source["label"].strip()
        assert re.fullmatch(r"https://cds\.example\.org/rules(/[a-z0-9-]+)?", source["url"])  # nothing of a patient in it
        assert set(source["topic"]) == {"system", "code", "display"}


@proves("C7", "C9")
def test_suggestions(cards: list[Card]) -> None:
    assert any("suggestions" in card for card in cards)
    for card in cards:
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        assert card.get("selectionBehavior", "any") in ("any", "at-most-one")
        for suggestion in card.get("suggestions", []):
            assert set(suggestion) <= {"label", "uuid", "isRecommended", "actions"}
            assert suggestion["label"].strip()
            assert suggestion["actions"]


@proves("C8", "G9")
def test_codings(cards: list[Card]) -> None:
    reasons = [reason for card in cards for reason in card.get("overrideReasons", [])]
    topics = [card["source"]["topic"] for card in cards]
    for coding in reasons + topics:
        assert set(coding) == {"code", "system", "display"}
        assert all(isinstance(part, str) and part.strip() for part in coding.values())
    assert reasons


@proves("C10", "G4")
def test_actions_are_whole_and_their_resources_are_fhir(cards: list[Card]) -> None:
    for action in actions(cards):
        assert action["type"] in ("create", "update")
        assert set(action) == {"type", "description", "resource"}
        assert action["description"].strip()
        MODELS[action["resource"]["resourceType"]].model_validate(action["resource"])


def at_hand(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The orders in a context by reference, wherever its hook keeps them."""
    context = request["context"]
    found = [context[key] for key in ("medication", "order") if key in context]
    found += [entry["resource"] for key in ("draftOrders", "medications") for entry in context.get(key, {}).get("entry", [])]
    return {f"{resource['resourceType']}/{resource.get('id')}": resource for resource in found}


@proves("C11", "card.semantics")
def test_changes_touch_orders_at_hand_and_nothing_is_deleted(client: Client, answers: Answers) -> None:
    statuses = set()
    for name, answer in answers.items():
        orders = at_hand(client.fixture(name))
        for action in actions(answer["cards"]):
            assert action["type"] != "delete"  # half of a replacement, of which the other half is the clinician's choice
            if action["type"] == "update":
                resource = action["resource"]
                before = orders[f"{resource['resourceType']}/{resource['id']}"]
                assert resource != before
                statuses.add((before["status"], resource["status"]))
    assert statuses == {("draft", "draft"), ("draft", "cancelled")}


@proves("C11")
def test_a_client_that_sends_empty_elements_does_not_get_them_back(client: Client) -> None:
    request = client.fixture("22-draft-to-move")
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"] |= {"note": [], "identifier": [{"value": "", "system": None}], "extension": [{}], "encounter": {}}
    status, answer = client.call(request)
    assert status == 200
    updates = [action["resource"] for action in actions(answer["cards"]) if action["type"] == "update"]
    assert updates
    assert [where for update in updates for where in empties(update)] == []


@proves("C11", "C1")
def test_a_pharmacist_may_stop_the_order_that_is_verified(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys") | {"hook": "medication-verify"}
    drafts = request["context"].pop("draftOrders")["entry"]
    order = next(e["resource"] for e in drafts if e["resource"]["resourceType"] == "MedicationRequest") | {"status": "active"}
    request["context"]["medication"] = order
    request["prefetch"]["medications"] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": order}]}
    status, answer = client.call(request)
    assert status == 200
    stopped = [action["resource"] for action in actions(answer["cards"]) if action["type"] == "update"]
    assert [(one["id"], one["status"]) for one in stopped] == [(order["id"], "stopped")]
    other = copy.deepcopy(request)
    del other["context"]["medication"]
    other["context"]["order"] = order
    assert client.call(other) == (status, answer)


@proves("C1")
def test_a_problem_that_is_added_is_what_cards_are_about(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys") | {"hook": "problem-list-item-create"}
    entry = request["context"].pop("draftOrders")["entry"][0]
    patient = f"Patient/{request['context']['patientId']}"
    request["prefetch"]["medications"] = {"resourceType": "Bundle", "type": "searchset",
                                          "entry": [{"resource": entry["resource"] | {"status": "active"}}]}  # fmt: skip
    condition = {"resourceType": "Condition", "subject": {"reference": patient}, "code": {"text": "Myasthenia gravis"},
                 "clinicalStatus": {"coding": [{"code": "active"}]}}  # fmt: skip
    request["context"]["conditions"] = {"resourceType": "Bundle", "entry": [{"resource": condition}]}
    status, answer = client.call(request)
    assert status == 200
    findings = [finding for card in answer["cards"] for finding in findings_on(card)]
    assert findings
    for finding in findings:
        assert "context.conditions#0" in {because.get("reference") for because in finding["because"]}


@proves("C12")
def test_links(cards: list[Card]) -> None:
    links = [link for card in cards for link in card.get("links", [])]
    assert links
    for link in links:
        assert set(link) == {"label", "url", "type"}
        assert link["label"].strip()
        assert link["type"] == "absolute"
        assert re.fullmatch(r"https://cds\.example\.org/rules/[a-z0-9-]+", link["url"])


@proves("C4", "card.semantics")
def test_nothing_of_a_chart_acts_in_the_text(client: Client) -> None:
    """A draft whose name is markup: it is named, and it does nothing."""
    request = client.fixture("10-order-sign-impaired-kidneys")
    markup = 'magnesium oxide <img src="https://evil.example.org/x.png"> [click](javascript:alert(1)) <script>alert(1)</script>'
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"]["medicationCodeableConcept"] = {"text": markup}
    status, answer = client.call(request)
    assert status == 200
    for card in answer["cards"]:
        for text in (card["summary"], card["detail"], *(s["label"] for s in card.get("suggestions", []))):
            assert not re.search(r"<[a-zA-Z/!]|(?<!\\)\]\(", text)


@proves("G3", "call.no-null-empty")
def test_answers_hold_nothing_empty(answers: Answers) -> None:
    for name, answer in answers.items():
        found = [where for where in empties(answer) if where != ".cards"]
        assert found == [], name


@proves("G7")
def test_no_action_selection_behaviour(client: Client, answers: Answers) -> None:
    assert not [key for answer in answers.values() for key, _ in walk(answer) if key == "actionSelectionBehavior"]
    assert "actionSelectionBehavior" not in client.http.get("/cds-services").text


@proves("G8")
def test_our_extensions_are_objects_with_names_of_their_own(answers: Answers) -> None:
    blocks = [item for answer in answers.values() for key, item in walk(answer)
              if key == "extension" and isinstance(item, dict)]  # fmt: skip
    assert blocks
    assert {name for block in blocks for name in block} == {"org.mgcds.evaluation", "org.mgcds.card", "org.mgcds.findings"}


@proves("G8")
def test_every_card_has_the_key_of_its_facts(client: Client) -> None:
    """The card that says the check was incomplete too: a client that shows a card once a day goes by the key."""
    request = client.fixture("19-results-failed")
    (first, again) = (client.call(request | {"hookInstance": str(uuid4())})[1]["cards"] for _ in range(2))
    assert "incomplete" in [card["source"]["topic"]["code"] for card in first]
    assert all(card["extension"]["org.mgcds.card"]["key"] for card in first)
    assert [card["extension"]["org.mgcds.card"] for card in first] == [card["extension"]["org.mgcds.card"] for card in again]
    assert len({card["extension"]["org.mgcds.card"]["key"] for card in first}) == len(first)


@proves("C16")
def test_a_card_that_rests_on_partial_data_says_so(client: Client) -> None:
    """Which kidneys the patient has was asked for and not supplied: the card names it."""
    request = client.fixture("09-above-limit-healthy-kidneys")
    del request["prefetch"]["kidney"]
    status, answer = client.call(request)
    assert status == 200
    assert answer["cards"]
    said = " ".join(card["detail"] for card in answer["cards"])
    assert "Not available" in said or "could not be had" in said


REFUSALS: dict[str, tuple[str, str, dict[str, str], bytes, int, str]] = {
    "malformed": ("POST", PATH, {}, b"{", 400, "structure"),
    "not an object": ("POST", PATH, {}, b"[]", 400, "structure"),
    "wrong fields": ("POST", PATH, {}, b"{}", 400, "invalid"),
    "no such service": ("POST", "/cds-services/mgcds-x", {}, b"{}", 404, "not-found"),
    "no such address": ("GET", "/x", {}, b"", 404, "not-found"),
    "no such rule": ("GET", "/rules/x", {}, b"", 404, "not-found"),
    "no such file": ("GET", "/static/x.css", {}, b"", 404, "not-found"),
    "another method": ("PUT", PATH, {}, b"{}", 405, "not-supported"),
    "a method nobody knows": ("BREW", PATH, {}, b"{}", 405, "not-supported"),
    "another type": ("POST", PATH, {"content-type": "text/plain"}, b"{}", 415, "not-supported"),
    "another charset": ("POST", PATH, {"content-type": "application/json; charset=latin-1"}, b"{}", 415, "not-supported"),
    "compressed": ("POST", PATH, {"content-encoding": "gzip"}, b"{}", 415, "not-supported"),
    "too large": ("POST", PATH, {}, b" " * 100_001, 413, "too-long"),
    "a head too large": ("GET", "/cds-services", {"x-long": "x" * 40_000}, b"", 431, "too-long"),
    "an address too long": ("GET", f"/cds-services?{'x' * 40_000}", {}, b"", 414, "too-long"),
    "feedback malformed": ("POST", f"{PATH}/feedback", {}, b"{}", 400, "invalid"),
    "feedback nowhere": ("POST", "/cds-services/mgcds-x/feedback", {}, b"{}", 404, "not-found"),
}


@pytest.fixture(scope="module")
def small(library: Library) -> TestClient:
    settings = Settings(today=TODAY, max_body=100_000, cors_origins=ORIGIN)
    return TestClient(create_app(library, settings), raise_server_exceptions=False)


@pytest.mark.parametrize("case", sorted(REFUSALS))
@proves("C14", "C15", "bad.OperationOutcome", "bad.no-null-empty", "bad.error-echoes-no-secrets")
def test_every_refusal_is_an_outcome_with_a_code(small: TestClient, case: str) -> None:
    method, path, headers, body, status, code = REFUSALS[case]
    secret = {"authorization": "Bearer canarySecret", "x-canary": "canarySecret"}
    answer = small.request(method, path, headers={"content-type": "application/json"} | headers | secret, content=body)
    assert answer.status_code == status
    outcome = answer.json()
    assert (outcome["resourceType"], len(outcome["issue"])) == ("OperationOutcome", 1)
    issue = outcome["issue"][0]
    assert set(issue) == {"severity", "code", "diagnostics"}
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert list(empties(outcome)) == []
    assert answer.headers["content-type"] == "application/json"
    assert ("allow" in answer.headers) == (status == 405)
    assert "canarySecret" not in answer.text + str(answer.headers)
    head = small.head(path.partition("?")[0]) if method == "GET" and status == 404 else None
    assert head is None or (head.status_code, head.content) == (404, b"")


@proves("C15")
def test_an_answer_is_json_whatever_the_client_would_like(client: Client) -> None:
    """We do not negotiate: a client that names other types gets JSON, and no 406 keeps a card from a clinician."""
    request = client.fixture("02-severely-low-mmol")
    for accept in ("text/html", "application/xml;q=0.9", "application/fhir+json", "*/*;q=0", ""):
        answer = client.http.post(PATH, json=request, headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


@proves("C14")
def test_a_failure_of_ours_is_an_outcome_and_never_no_cards(
    small: TestClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "evaluate", lambda *_: 1 / 0)
    answer = small.post(PATH, json=client.fixture("02-severely-low-mmol"))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (500, "exception")


@proves("cors.preflight", "cors.no-credentials", "cors.errors")
def test_browsers_of_named_origins_may_call(small: TestClient) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST",
             "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    allowed = small.options(PATH, headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "access-control-allow-credentials" not in allowed.headers
    refused = small.post(PATH, content=b"{", headers={"origin": ORIGIN, "content-type": "application/json"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, ORIGIN)
    assert "access-control-allow-origin" not in small.options(PATH, headers=asked | {"origin": "https://x.example"}).headers


@proves("C15")
def test_head_and_options_are_answered(client: Client) -> None:
    for path in ("/cds-services", "/rules", "/healthz", "/openapi.json"):
        head, get = client.http.head(path), client.http.get(path)
        assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", get.headers["content-type"])
    options = client.http.options(PATH)
    assert (options.status_code, options.headers["allow"], options.content) == (204, "OPTIONS, POST", b"")
    assert json.loads(client.http.options("/x").content)["resourceType"] == "OperationOutcome"
