"""Feedback on cards and what is remembered of it: HTTP in, HTTP out (rows F1 to F7)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from mgcds.cards import findings_on
from mgcds.language.library import Library
from mgcds.service import answering
from mgcds.service import app as application
from mgcds.service.app import create_app
from mgcds.service.caller import Caller
from mgcds.service.feedback import read_feedback
from mgcds.settings import read_settings
from mgcds.store import Store, StoreError
from tests.service.conftest import FIXTURES, TODAY
from tests.service.test_leaks import CANARY, logged, planted

__all__ = ["logged"]
WARNING, NOTE, CRITICAL, TWO_FINDINGS = (
    "03-ppi-contained-medication",
    "05-unexplained",
    "02-severely-low-mmol",
    "16-order-select-laxative",
)
JSON = {"content-type": "application/json"}
REASON = {"code": "benefit-outweighs-risk", "system": "urn:mgcds:override-reason"}
PATIENT_VIEW = "mgcds-patient-view"


class Site:
    """One worker of a service, and the EHR that calls it. Every call is a hookInstance of its own."""

    def __init__(self, library: Library, **given: Any) -> None:
        settings = read_settings(**{"today": TODAY, "public_url": "https://cds.example.org"} | given)
        self.app = create_app(library, settings)
        self.http = TestClient(self.app, raise_server_exceptions=False)

    def call(self, name: str, change: Callable[[dict[str, Any]], None] = lambda _: None, **headers: str) -> dict[str, Any]:
        request = json.loads((FIXTURES / "requests" / f"{name}.json").read_text(encoding="utf-8"))
        request["hookInstance"] = str(uuid4())
        change(request)
        response = self.http.post(f"/cds-services/mgcds-{request['hook']}", json=request, headers=headers)
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer

    def send(self, body: Any, service: str = PATIENT_VIEW, **headers: str) -> Any:
        return self.http.post(f"/cds-services/{service}/feedback", json=body, headers=headers)

    def override(self, answer: dict[str, Any], days: int = 0, **more: Any) -> None:
        entries = [entry(card["uuid"], days, **more) for card in answer["cards"]]
        response = self.send({"feedback": entries})
        assert response.status_code == 200
        assert taken(response) == (len(entries), 0)


def moment(days_ago: int) -> str:
    """Noon on a day that many days before the day of the fixtures."""
    return (
        datetime.combine(date.fromisoformat(TODAY) - timedelta(days=days_ago), time(12), UTC).isoformat().replace("+00:00", "Z")
    )


def entry(card: str, days: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "card": card,
        "outcome": "overridden",
        "outcomeTimestamp": moment(days),
        "overrideReason": {"reason": REASON},
    } | more


def accepted(card: dict[str, Any]) -> dict[str, Any]:
    made = entry(card["uuid"]) | {"outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}
    del made["overrideReason"]
    return made


def taken(response: Any) -> tuple[int, int]:
    """How many events were received, and how many of them were of unknown cards."""
    counts = response.json()["extension"]["org.mgcds.feedback"]
    return counts["received"], counts["unknown"]


def states(answer: dict[str, Any], state: str) -> dict[str, str]:
    """The rules that ended in a state, with their reasons."""
    rules = answer["extension"]["org.mgcds.evaluation"]["rules"]
    return {rule: end.get("reason", "") for rule, end in rules.items() if end["state"] == state}


def findings(answer: dict[str, Any]) -> dict[str, str]:
    return {f["rule"]: f["indicator"] for card in answer["cards"] for f in findings_on(card)}


@pytest.fixture(scope="module")
def shared(library: Library) -> Site:
    """For tests that leave nothing behind that silences."""
    return Site(library)


@pytest.fixture
def site(library: Library) -> Site:
    return Site(library)


# --- what is remembered


@pytest.mark.parametrize(
    ("name", "days", "silent"),
    [(WARNING, 0, True), (WARNING, 30, True), (WARNING, 31, False), (NOTE, 90, True), (NOTE, 91, False), (CRITICAL, 0, False)],
)
def test_an_override_silences_the_rule_until_its_days_are_over(site: Site, name: str, days: int, silent: bool) -> None:
    first = site.call(name)
    assert findings(first)
    site.override(first, days)
    again = site.call(name)
    assert findings(again) == ({} if silent else findings(first))
    assert set(states(again, "suppressed").items()) >= ({(rule, "overridden") for rule in findings(first)} if silent else set())


def test_an_override_counts_for_every_finding_of_the_card_at_every_hook(site: Site) -> None:
    first = site.call(TWO_FINDINGS)
    assert (len(first["cards"]), len(findings(first))) == (1, 2)
    site.override(first)

    def sign(request: dict[str, Any]) -> None:
        request["hook"] = "order-sign"
        del request["context"]["selections"]

    for answer in (site.call(TWO_FINDINGS), site.call(TWO_FINDINGS, sign)):
        assert answer["cards"] == []
        assert states(answer, "suppressed") == dict.fromkeys(findings(first), "overridden")


def test_a_finding_that_became_worse_shows_again(site: Site) -> None:
    first = site.call(TWO_FINDINGS)
    site.override(first)

    def worse(request: dict[str, Any]) -> None:
        request["prefetch"]["kidney"]["entry"][0]["resource"]["valueQuantity"]["value"] = 20

    again = site.call(TWO_FINDINGS, worse)
    assert set(findings(first).values()) == {"warning"}
    assert "critical" in findings(again).values()
    assert {rule for rule, level in findings(again).items() if level != "critical"} & set(findings(first)) == set()


def test_accepted_does_not_silence_and_may_be_followed_by_an_override(site: Site) -> None:
    answer = site.call(WARNING)
    assert taken(site.send({"feedback": [accepted(answer["cards"][0])]})) == (1, 0)
    assert findings(site.call(WARNING)) == findings(answer)
    site.override(answer)
    assert findings(site.call(WARNING)) == {}


def test_feedback_is_taken_at_the_address_of_any_of_our_services(site: Site) -> None:
    answer = site.call(WARNING)
    assert findings(answer)
    sent = site.send({"feedback": [entry(card["uuid"]) for card in answer["cards"]]}, service="mgcds-order-sign")
    assert (sent.status_code, taken(sent)) == (200, (len(answer["cards"]), 0))
    assert findings(site.call(WARNING)) == {}


def test_another_patient_is_not_silenced(site: Site) -> None:
    def other(request: dict[str, Any]) -> None:
        text = json.dumps(request).replace(request["context"]["patientId"], "somebody-else")
        request |= json.loads(text)

    site.override(site.call(WARNING))
    assert findings(site.call(WARNING)) == {}
    assert findings(site.call(WARNING, other)) != {}


@pytest.mark.parametrize(("other", "tenants"), [("two", ("", "")), ("one", (" east", " west")), ("one", ("", " west"))])
def test_another_issuer_or_tenant_neither_answers_our_cards_nor_is_silenced(
    library: Library, monkeypatch: pytest.MonkeyPatch, other: str, tenants: tuple[str, str]
) -> None:
    class Believing:
        """Takes the Authorization header for the name of a caller; tokens have tests of their own."""

        async def caller(self, authorization: list[str], path: str) -> Caller:
            return Caller(*authorization[0].split()[:1], tenant="".join(authorization[0].split()[1:]))

    monkeypatch.setattr(application, "open_trust", lambda *_: Believing())
    site = Site(library)
    ours = {"authorization": f"https://one.example.org{tenants[0]}"}
    theirs = {"authorization": f"https://{other}.example.org{tenants[1]}"}
    card = site.call(WARNING, **ours)["cards"][0]["uuid"]
    assert taken(site.send({"feedback": [entry(card)]}, **theirs)) == (1, 1)
    assert findings(site.call(WARNING, **ours)) != {}
    assert taken(site.send({"feedback": [entry(card)]}, **ours)) == (1, 0)
    assert findings(site.call(WARNING, **ours)) == {}
    assert findings(site.call(WARNING, **theirs)) != {}


def test_the_evaluation_still_names_the_rule_and_the_reason(site: Site) -> None:
    site.override(site.call(WARNING), 3)
    end = site.call(WARNING)["extension"]["org.mgcds.evaluation"]["rules"]["mg-low-ppi"]
    assert end == {"state": "suppressed", "reason": "overridden"}


def test_days_are_the_sites_calendar_days(library: Library) -> None:
    """Half past eleven in the evening in London is the next day in Berlin."""
    late = moment(31).replace("T12:00", "T23:30")
    for zone, silent in (("UTC", False), ("Europe/Berlin", True)):
        site = Site(library, timezone=zone)
        site.override(site.call(WARNING), outcomeTimestamp=late)
        assert (findings(site.call(WARNING)) == {}) == silent


def test_a_time_to_come_counts_from_its_receipt(library: Library, tmp_path: Path) -> None:
    site = Site(library, data_dir=tmp_path)
    site.override(site.call(WARNING), days=-9000)
    assert findings(site.call(WARNING)) == {}
    later = Site(library, data_dir=tmp_path, today=date.fromisoformat(TODAY) + timedelta(days=31))
    assert findings(later.call(WARNING)) != {}


def test_one_hook_instance_for_two_patients_silences_neither(site: Site) -> None:
    instance = str(uuid4())

    def same(request: dict[str, Any]) -> None:
        request["hookInstance"] = instance

    def other(request: dict[str, Any]) -> None:
        same(request)
        request |= json.loads(json.dumps(request).replace(request["context"]["patientId"], "somebody-else"))

    first, second = site.call(WARNING, same), site.call(WARNING, other)
    assert first["cards"][0]["uuid"] == second["cards"][0]["uuid"]
    assert taken(site.send({"feedback": [entry(first["cards"][0]["uuid"])]})) == (1, 1)
    assert findings(site.call(WARNING)) != {}


# --- where it is kept


def test_a_restart_keeps_memory_in_the_data_folder_only(library: Library, tmp_path: Path) -> None:
    for data_dir, kept in ((tmp_path / "data", True), (None, False)):
        before = Site(library, data_dir=data_dir)
        before.override(before.call(WARNING))
        assert findings(before.call(WARNING)) == {}
        assert (findings(Site(library, data_dir=data_dir).call(WARNING)) == {}) == kept


def test_two_workers_share_the_data_folder(library: Library, tmp_path: Path) -> None:
    one, two = Site(library, data_dir=tmp_path), Site(library, data_dir=tmp_path)
    two.override(one.call(WARNING))
    assert findings(one.call(WARNING)) == findings(two.call(WARNING)) == {}


def test_feedback_may_follow_the_card_at_once_from_many_clinicians(library: Library, tmp_path: Path) -> None:
    workers = [Site(library, data_dir=tmp_path) for _ in range(2)]
    failed: list[object] = []

    def clinician(number: int) -> None:
        try:
            for turn in range(4):
                workers[(number + turn + 1) % 2].override(workers[(number + turn) % 2].call(CRITICAL))
        except AssertionError as error:
            failed.append(error)

    threads = [threading.Thread(target=clinician, args=(number,)) for number in range(4)]
    with workers[0].http, workers[1].http:  # one event loop a worker, as in a process of its own
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def test_nothing_of_a_patient_or_a_comment_stands_in_the_database(library: Library, tmp_path: Path, logged: Any) -> None:
    site = Site(library, data_dir=tmp_path)

    def marked(request: dict[str, Any]) -> None:
        request |= json.loads(json.dumps(request).replace(request["context"]["patientId"], CANARY))
        request["context"]["encounterId"] = CANARY

    uuid = site.call(WARNING, marked)["cards"][0]["uuid"]
    body = planted({"feedback": [entry(uuid)]})
    reason = {"reason": {"code": CANARY, "system": CANARY, "display": CANARY}, "userComment": CANARY}
    body["feedback"][0] |= {"card": uuid, "outcome": "overridden", "outcomeTimestamp": moment(0), "overrideReason": reason}
    body["feedback"][0]["overrideReasons"] = [reason, {"code": CANARY}, CANARY, None]
    assert taken(site.send(body)) == (1, 0)
    said = {"card": uuid, "outcome": "accepted", "outcomeTimestamp": moment(0), "acceptedSuggestions": [{"id": CANARY}]}
    assert taken(site.send({"feedback": [said]})) == (1, 0)
    files = list(tmp_path.iterdir())
    assert len(files) >= 2
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path.name
    assert CANARY not in logged()


# --- when the store fails


def failing(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("the database could not be written (OperationalError)")

    for method in methods:
        monkeypatch.setattr(Store, method, fail)


def test_a_store_that_fails_costs_no_card(site: Site, monkeypatch: pytest.MonkeyPatch, logged: Any) -> None:
    expected = findings(site.call(WARNING))
    site.override(site.call(WARNING))
    assert findings(site.call(WARNING)) == {}
    failing(monkeypatch, "overrides", "show")
    assert findings(site.call(WARNING)) == expected  # rather once too often than not at all
    lines = [json.loads(line) for line in logged().splitlines()]
    assert [line["failures"] for line in lines if line["level"] == "error"] == [1, 2]
    assert site.app.state.memory.failures == 2


def test_feedback_that_cannot_be_stored_is_503(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = site.call(WARNING)
    failing(monkeypatch, "note")
    response = site.send({"feedback": [entry(answer["cards"][0]["uuid"])]})
    assert response.status_code == 503
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.json()["issue"][0]["code"] == "transient"
    monkeypatch.undo()
    site.override(answer)
    assert findings(site.call(WARNING)) == {}


def test_a_slow_store_holds_back_no_card(site: Site, monkeypatch: pytest.MonkeyPatch, logged: Any) -> None:
    go_on = threading.Event()
    recorded = Store.show

    def slow(*given: Any, **named: Any) -> None:
        assert go_on.wait(60)
        recorded(*given, **named)

    monkeypatch.setattr(Store, "show", slow)
    monkeypatch.setattr(answering, "RECORDING_SECONDS", 0.01)
    with site.http:
        answer = site.call(WARNING)
        assert findings(answer)
        assert "the database is slow" in logged()
        go_on.set()
    assert site.app.state.memory.failures == 1


def test_waiting_for_the_disk_keeps_no_probe_and_no_evaluation_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> int:
        entered.set()
        assert go_on.wait(60)
        return 0

    monkeypatch.setattr(Store, "note", slow)
    with site.http:  # one event loop for all calls
        sending = threading.Thread(target=site.send, args=({"feedback": [entry(str(uuid4()))]},))
        sending.start()
        assert entered.wait(60)
        assert site.http.get("/healthz").status_code == 200
        assert findings(site.call(WARNING))
        assert sending.is_alive()
        go_on.set()
        sending.join(timeout=60)


# --- what is taken and what is refused


def test_a_batch_of_many_cards_and_repeats_is_taken(site: Site) -> None:
    cards = [card["uuid"] for _ in range(25) for card in site.call(NOTE)["cards"]]
    batch = {"feedback": [entry(uuid) for uuid in cards] * 2}
    for _ in range(2):
        assert taken(site.send(batch)) == (50, 0)
    with site.app.state.memory._store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM feedback").scalar_one() == 25


def test_a_card_that_is_not_known_is_no_error_and_costs_the_others_nothing(site: Site) -> None:
    """Otherwise one lost card would hold back a client's whole batch for ever."""
    answer = site.call(WARNING)
    response = site.send({"feedback": [entry(str(uuid4())), entry(answer["cards"][0]["uuid"])]})
    assert taken(response) == (2, 1)
    assert findings(site.call(WARNING)) == {}


TAKEN: dict[str, dict[str, Any]] = {
    "no reason": {"overrideReason": None},
    "comment only": {"overrideReason": {"userComment": "seen last week"}},
    "reason without display": {"overrideReason": {"reason": REASON}},
    "reason without system": {"overrideReason": {"reason": {"code": "not-applicable"}}},
    "reason and empty comment": {"overrideReason": {"reason": REASON, "userComment": ""}},
    "a reason of somebody else": {"overrideReason": {"reason": {"code": "x", "system": "urn:oid:1.2.3"}}},
    "a list of codings": {"overrideReasons": [REASON, {"code": "x", "system": "urn:oid:1.2.3", "display": "X"}]},
    "a list of blocks": {"overrideReasons": [{"reason": REASON, "userComment": "y"}]},
    "a list of anything": {"overrideReasons": [None, 1, {}, {"reason": 1}, {"code": ["x"]}]},
    "unknown fields": {"extension": {"com.example": {"a": None}}, "somethingNew": 1},
    "an upper-case uuid": {},
}
TIMES = ["2026-06-15T08:00:00Z", "2026-06-15T08:00:00.123Z", "2026-06-15T08:00:00.123456789Z", "2026-06-15T10:00:00+02:00",
         "2026-06-14T23:00:00.5-09:00", "2026-06-15t08:00:00z", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00Z"]  # fmt: skip


@pytest.mark.parametrize("case", sorted(TAKEN))
def test_shapes_that_clients_send_are_taken(site: Site, case: str) -> None:
    uuid = site.call(WARNING)["cards"][0]["uuid"]
    given = {key: value for key, value in (entry(uuid) | TAKEN[case]).items() if value is not None}
    if case.startswith("an upper"):
        given["card"] = uuid.upper()
    assert taken(site.send({"feedback": [given], "extension": {"com.example": 1}})) == (1, 0)
    assert findings(site.call(WARNING)) == {}


@pytest.mark.parametrize("text", TIMES)
def test_times_of_rfc_3339_are_taken(shared: Site, text: str) -> None:
    card = shared.call(CRITICAL)["cards"][0]["uuid"]
    assert taken(shared.send({"feedback": [entry(card, outcomeTimestamp=text)]})) == (1, 0)


def test_reasons_are_kept_as_our_codes(site: Site) -> None:
    card = site.call(WARNING)["cards"][0]["uuid"]
    foreign = {"code": "not-applicable", "system": "urn:oid:1.2.3"}
    site.send({"feedback": [entry(card, overrideReasons=[{"code": "patient-declined"}, {"reason": foreign}, REASON])]})
    assert kept_reasons(site) == ["benefit-outweighs-risk", "other", "patient-declined"]


def kept_reasons(site: Site) -> list[str]:
    """The reasons of the only feedback that is stored."""
    with site.app.state.memory._store._engine.connect() as connection:
        (kept,) = connection.exec_driver_sql("SELECT reasons FROM feedback").scalars()
    found: list[str] = json.loads(kept)
    return found


@pytest.mark.parametrize(
    ("coding", "kept"),
    [
        ({"system": "urn:standard", "code": "refuses"}, "patient-declined"),
        ({"system": "urn:standard", "code": "too-costly"}, "other"),
        ({"system": "urn:else", "code": "refuses"}, "other"),
        ({"code": "refuses"}, "other"),
        ({"system": "urn:standard", "code": "patient-declined"}, "other"),
        ({"system": ["urn:standard"], "code": "refuses"}, "other"),
        ({"system": "urn:standard", "code": ["refuses"]}, "other"),
    ],
)
def test_a_standard_reason_is_counted_under_the_reason_of_ours_that_names_it(
    library: Library, coding: dict[str, Any], kept: str
) -> None:
    declined = replace(library.reasons["patient-declined"], same_as=frozenset({("urn:standard", "refuses")}))
    site = Site(replace(library, reasons={**library.reasons, "patient-declined": declined}))
    card = site.call(WARNING)["cards"][0]["uuid"]
    assert taken(site.send({"feedback": [entry(card, overrideReason=None, overrideReasons=[coding])]})) == (1, 0)
    assert kept_reasons(site) == [kept]


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("action-completed", "already-managed"),
        ("patient-refuses", "patient-declined"),
        ("cds-not-applicable", "not-applicable"),
        ("patient-ineligible", "not-applicable"),
        ("patient-contraindication", "not-applicable"),
        ("too-costly-uncovered", "other"),
        ("service-not-available", "other"),
        ("recipient-does-not-understand", "other"),
    ],
)
def test_the_override_reasons_of_cds_hooks_3_are_counted(site: Site, code: str, kept: str) -> None:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes", "code": code}
    site.override(site.call(WARNING), overrideReason={"reason": coding})
    (numbers,) = site.app.state.memory.numbers(30)
    assert dict(numbers.reasons) == {kept: 1}


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in entry(str(uuid4())).items() if key != field}


REFUSED: dict[str, tuple[Any, str]] = {
    "no feedback": ({}, "feedback"),
    "feedback is an object": ({"feedback": {}}, "feedback"),
    "feedback is null": ({"feedback": None}, "feedback"),
    "feedback is empty": ({"feedback": []}, "feedback"),
    "an entry is a text": ({"feedback": ["x"]}, "feedback"),
    "no card": ({"feedback": [without("card")]}, "feedback.card"),
    "card is no uuid": ({"feedback": [entry("card-1")]}, "feedback.card"),
    "no outcome": ({"feedback": [without("outcome")]}, "feedback.outcome"),
    "an outcome we do not know": ({"feedback": [entry(str(uuid4()), outcome="ignored")]}, "feedback.outcome"),
    "no time": ({"feedback": [without("outcomeTimestamp")]}, "feedback.outcomeTimestamp"),
    "accepted without suggestions": ({"feedback": [entry(str(uuid4()), outcome="accepted")]}, "feedback.acceptedSuggestions"),
    "accepted with none": (
        {"feedback": [entry(str(uuid4()), outcome="accepted", acceptedSuggestions=[])]}, "feedback.acceptedSuggestions"
    ),
    "a suggestion without id": (
        {"feedback": [entry(str(uuid4()), outcome="accepted", acceptedSuggestions=[{}])]}, "feedback.acceptedSuggestions.id"
    ),
    "an empty reason": ({"feedback": [entry(str(uuid4()), overrideReason={})]}, "feedback.overrideReason"),
    "a reason without code": (
        {"feedback": [entry(str(uuid4()), overrideReason={"reason": {"system": "x"}})]}, "feedback.overrideReason.reason.code"
    ),
    "a blank comment": ({"feedback": [entry(str(uuid4()), overrideReason={"userComment": " "})]}, "feedback.overrideReason"),
}  # fmt: skip
BAD_TIMES = ["", "yesterday", "2026-06-15", "2026-06-15T08:00:00", "2026-06-15T08:00Z", "2026-13-15T08:00:00Z", 1781510400,
             "2026-06-15T25:00:00Z", "2026-06-15T08:00:00+0200", "0001-01-01T00:00:00+10:00", None, []]  # fmt: skip


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_malformed_batch_is_refused_by_the_name_of_its_field(shared: Site, case: str) -> None:
    body, field = REFUSED[case]
    response = shared.send(body)
    assert response.status_code == 400
    assert response.json()["resourceType"] == "OperationOutcome"
    assert f" {field}." in response.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("value", BAD_TIMES, ids=repr)
def test_times_that_are_none_are_refused(shared: Site, value: Any) -> None:
    response = shared.send({"feedback": [entry(str(uuid4()), outcomeTimestamp=value)]})
    assert response.status_code == 400
    assert "feedback.outcomeTimestamp" in response.json()["issue"][0]["diagnostics"]


def test_one_wrong_entry_and_nothing_is_stored(site: Site) -> None:
    answer = site.call(WARNING)
    good = entry(answer["cards"][0]["uuid"])
    assert site.send({"feedback": [good, good | {"outcome": "maybe"}]}).status_code == 400
    assert findings(site.call(WARNING)) == findings(answer)


def test_what_refuses_calls_refuses_feedback(shared: Site) -> None:
    path, good = f"/cds-services/{PATIENT_VIEW}/feedback", json.dumps({"feedback": [entry(str(uuid4()))]}).encode()
    refusals = {
        404: lambda: shared.send({"feedback": [entry(str(uuid4()))]}, service="mgcds-nothing"),
        405: lambda: shared.http.get(path),
        413: lambda: shared.http.post(path, content=good + b" " * 6_000_000, headers=JSON),
        415: lambda: shared.http.post(path, content=good, headers={"content-type": "text/plain"}),
        400: lambda: shared.http.post(path, content=good[:-9], headers=JSON),
    }
    for status, refuse in refusals.items():
        response = refuse()
        assert (response.status_code, response.json()["resourceType"]) == (status, "OperationOutcome")


def test_no_refusal_of_feedback_echoes_it(shared: Site, logged: Any) -> None:
    for body in (planted({"feedback": [entry(str(uuid4()))]}), {"feedback": CANARY}, [CANARY], {CANARY: [CANARY]}):
        response = shared.send(body)
        assert response.status_code == 400
        assert CANARY not in response.text
    assert shared.send({"feedback": []}, service=CANARY).status_code == 404
    assert CANARY not in logged()


def test_an_answer_to_feedback_is_json_and_not_stored(shared: Site) -> None:
    response = shared.send({"feedback": [entry(str(uuid4()))]})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"


def test_the_interface_describes_feedback(shared: Site) -> None:
    described = shared.http.get("/openapi.json").json()["paths"]["/cds-services/{service_id}/feedback"]["post"]
    assert {"200", "400", "404", "413", "415", "503"} <= set(described["responses"])
    assert "outcomeTimestamp" in json.dumps(described["requestBody"])


def test_the_suggestions_that_were_taken_are_kept_once_each_and_foreign_ids_are_not() -> None:
    ours = [uuid4(), uuid4()]
    taken = [{"id": str(each)} for each in (*ours, ours[0])] + [{"id": "take-the-first"}]
    accepted = {**entry(str(uuid4())), "outcome": "accepted", "acceptedSuggestions": taken}
    (event,) = read_feedback({"feedback": [accepted]}, {})
    assert event.suggestions == tuple(sorted(ours))
