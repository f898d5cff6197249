"""Rows R1 to R12, and of G and P what a request may hold."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from mgcds.cards import findings_on
from mgcds.chart.intake import read_chart
from mgcds.engine.evaluate import Engine
from mgcds.language.rule import HOOKS
from mgcds.settings import SettingsError, read_settings
from tests.conformance.rows import proves
from tests.service.conftest import Client
from tests.service.test_leaks import logged
from tests.unit.chart.test_at_hand import TODAY

__all__ = ["logged"]
Request = dict[str, Any]
BASE = "02-severely-low-mmol"
BUNDLE = {"resourceType": "Bundle", "type": "collection"}
ORDER = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order"}
CONTEXTS: dict[str, dict[str, Any]] = {  # what each hook needs beyond the user and the patient
    "patient-view": {},
    "order-select": {"selections": [], "draftOrders": BUNDLE},
    "order-sign": {"draftOrders": BUNDLE},
    "medication-refill": {"medications": BUNDLE},
    "encounter-discharge": {"encounterId": "e1"},
    "appointment-book": {"appointments": BUNDLE},
    "medication-verify": {"medication": ORDER},
    "problem-list-item-create": {"conditions": BUNDLE},
}
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "mgcds"}


def called(client: Client, hook: str, **more: Any) -> Request:
    request = client.fixture("01-nothing-to-say") | {"hook": hook} | more
    request["context"] |= copy.deepcopy(CONTEXTS[hook])
    return request


def rules(answer: dict[str, Any]) -> set[str]:
    return {finding["rule"] for card in answer["cards"] for finding in findings_on(card)}


def refusal(client: Client, request: Request, service: str | None = None) -> str:
    status, answer = client.call(request, service)
    assert status == 400
    assert answer["resourceType"] == "OperationOutcome"
    text: str = answer["issue"][0]["diagnostics"]
    return text


@pytest.mark.parametrize("hook", HOOKS)
@proves("R1", "call.200")
def test_every_service_answers_a_post(client: Client, hook: str) -> None:
    assert client.call(called(client, hook))[0] == 200
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        refused = client.http.request(method, f"/cds-services/mgcds-{hook}")
        assert (refused.status_code, refused.headers["allow"]) == (405, "OPTIONS, POST")
        assert refused.json()["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize("field", ["hook", "hookInstance", "context"])
@proves("R2", "bad.missing")
def test_required_fields(client: Client, field: str) -> None:
    request = client.fixture(BASE)
    del request[field]
    assert field in refusal(client, request, "mgcds-patient-view")


@pytest.mark.parametrize("value", ["", "7", "x" * 36, 7, None, ["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"]])
@proves("bad.hookInstance-not-uuid")
def test_an_instance_is_a_uuid(client: Client, value: Any) -> None:
    assert "hookInstance" in refusal(client, client.fixture(BASE) | {"hookInstance": value})


@proves("R3", "bad.fhirAuth-no-fhirServer")
def test_a_token_without_a_server_is_refused(client: Client) -> None:
    assert "fhirServer" in refusal(client, client.fixture(BASE) | {"fhirAuthorization": TOKEN})


@proves("R4")
def test_a_token_for_a_patient_without_one_is_a_line_in_the_log(client: Client, logged: Any) -> None:
    request = client.fixture(BASE) | {"fhirAuthorization": TOKEN, "fhirServer": "https://ehr.example.org/fhir"}
    assert client.call(request)[0] == 200
    assert "patient scopes without a patient" in logged()
    request["fhirAuthorization"] = TOKEN | {"patient": request["context"]["patientId"]}
    assert client.call(request)[0] == 200
    assert "patient scopes without a patient" not in logged()


@pytest.mark.parametrize("field", ["access_token", "token_type", "expires_in", "scope", "subject"])
@proves("R5")
def test_the_parts_of_a_token(client: Client, field: str) -> None:
    request = client.fixture(BASE) | {"fhirServer": "https://ehr.example.org/fhir"}
    for token in ({k: v for k, v in TOKEN.items() if k != field}, TOKEN | {field: None}, TOKEN | {field: {}}):
        assert f"fhirAuthorization.{field}" in refusal(client, request | {"fhirAuthorization": token})
    assert "token_type" in refusal(client, request | {"fhirAuthorization": TOKEN | {"token_type": "mac"}})


def contexts() -> Iterator[tuple[str, str]]:
    for hook in HOOKS:
        optional = {"userId"} if hook == "medication-refill" else set()
        yield from ((hook, field) for field in sorted({"userId", "patientId", *CONTEXTS[hook]} - optional))


@pytest.mark.parametrize(("hook", "field"), list(contexts()))
@proves("R6", "bad.context-no")
def test_each_context(client: Client, hook: str, field: str) -> None:
    for change in ("absent", None, 7):
        request = called(client, hook)
        if change == "absent":
            del request["context"][field]
        else:
            request["context"][field] = change
        assert f"context.{field}" in refusal(client, request)


@proves("R6")
def test_ids_are_bare_and_users_are_typed(client: Client) -> None:
    for user in ("Practitioner/p-1.x", "PractitionerRole/7", "Patient/7", "RelatedPerson/7"):
        request = client.fixture(BASE)
        request["context"]["userId"] = user
        assert client.call(request)[0] == 200
    for user in ("7", "Practitioner/", "/7", "Practitioner/7/8", "Practitioner/7?x=1", "Practitioner/ü", ""):
        request["context"]["userId"] = user
        assert "context.userId" in refusal(client, request)


@pytest.mark.parametrize("hook", HOOKS)
@proves("R6")
def test_an_encounter_is_an_id_wherever_it_is_sent(client: Client, hook: str) -> None:
    request = called(client, hook)
    for encounter in ("e1", "Encounter/e1"):
        request["context"]["encounterId"] = encounter
        assert client.call(request)[0] == 200
    request["context"]["encounterId"] = "Encounter/e 1?x"
    assert "context.encounterId" in refusal(client, request)


@pytest.mark.parametrize("hook", [*HOOKS, "coffee-brew", ""])
@proves("R7", "bad.wrong-hook")
def test_a_service_answers_its_own_hook(client: Client, hook: str) -> None:
    for own in HOOKS:
        if own != hook:
            assert refusal(client, called(client, own) | {"hook": hook}, f"mgcds-{own}").startswith("hook")


@proves("R8")
def test_orders_at_hand_need_no_id_and_no_server(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    expected = rules(client.call(request)[1])
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"].pop("id", None)
        entry.pop("fullUrl", None)
    status, answer = client.call(request)
    assert (status, rules(answer)) == (200, expected)


@proves("R8")
def test_orders_that_cannot_be_read_are_not_taken_for_no_orders(client: Client) -> None:
    for orders in ({"resourceType": "Patient"}, BUNDLE | {"entry": "x"}, BUNDLE | {"entry": [{"fullUrl": "urn:uuid:a"}]}):
        request = client.fixture("10-order-sign-impaired-kidneys")
        request["context"]["draftOrders"] = orders
        assert "context.draftOrders" in refusal(client, request)


@proves("R9")
def test_an_order_may_be_signed_again(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    expected = rules(client.call(request)[1])
    entries = request["context"]["draftOrders"]["entry"]
    entries[0]["resource"]["status"] = "active"
    entries.append({"resource": ORDER | {"id": "m-other", "status": "draft", "medicationCodeableConcept": {"text": "water"},
                                         "subject": entries[0]["resource"]["subject"]}})  # fmt: skip
    assert rules(client.call(request)[1]) == expected


@proves("R10")
def test_only_what_was_selected_counts(client: Client) -> None:
    request = client.fixture("16-order-select-laxative")
    assert rules(client.call(request)[1])
    request["context"]["selections"] = []
    assert rules(client.call(request)[1]) == set()


@proves("R10")
def test_a_selection_may_be_absolute_and_one_that_meets_no_draft_silences_nothing(client: Client) -> None:
    request = client.fixture("16-order-select-laxative")
    expected = client.call(request)[1]
    (selected,) = request["context"]["selections"]
    request["context"]["selections"] = [f"https://ehr.example.org/fhir/{selected}"]
    assert client.call(request)[1] == expected
    for entry in request["context"]["draftOrders"]["entry"]:
        entry.pop("fullUrl", None)
    assert client.call(request)[1] == expected
    for missing in (["MedicationRequest/nope"], [""]):
        request["context"]["selections"] = missing
        status, answer = client.call(request)
        assert (status, rules(answer) >= rules(expected)) == (200, True)
        assert {"code": "resource-unreadable"} in answer["extension"]["org.mgcds.evaluation"]["notes"]


@proves("R11", "call.fast")
def test_answering_costs_little_more_than_evaluating(client: Client, engine: Engine) -> None:
    """In processor time, the least of several: hours of a loaded machine do not count."""
    request = client.fixture("12-ppi-and-thiazide-low-mg")

    def evaluated() -> None:
        engine.evaluate(read_chart(hook=request["hook"], context=request["context"], prefetch=request["prefetch"],
                                   terminology=engine.library.terminology, today=TODAY))  # fmt: skip

    def least(work: Any) -> float:
        spent = []
        for _ in range(7):
            started = time.process_time()
            work()
            spent.append(time.process_time() - started)
        return min(spent)

    assert least(lambda: client.call(request)) < 10 * least(evaluated)


@proves("R12", "C2", "uuid-fresh")
def test_an_instance_never_mixes_two_patients(client: Client) -> None:
    low, fine = client.fixture(BASE), client.fixture("01-nothing-to-say")
    fine["hookInstance"] = low["hookInstance"] = str(uuid4())
    assert client.call(low)[1]["cards"]
    assert client.call(fine)[1]["cards"] == []
    first = client.call(low)[1]["cards"]
    again = client.call(low | {"hookInstance": str(uuid4())})[1]["cards"]
    assert not {card["uuid"] for card in first} & {card["uuid"] for card in again}
    assert [card["summary"] for card in first] == [card["summary"] for card in again]


@proves("G8", "tol.extension")
def test_foreign_extensions_change_nothing(client: Client) -> None:
    plain = client.fixture(BASE)
    more = client.fixture(BASE)
    for holder in (more, more["context"], more["prefetch"]["patient"]):
        holder["extension"] = {"com.example.x": {"a": [None, "", {}, 1]}, "com.example.y": None}
    assert client.call(more) == client.call(plain)
    for rubbish in (None, [], "x", 7, {}):
        assert client.call(plain | {"extension": rubbish}) == client.call(plain)


@proves("C16", "tol.prefetch-null")
def test_null_is_no_data(client: Client) -> None:
    request = client.fixture(BASE)
    request["prefetch"] |= {"conditions": None, "statements": None, "medications": None, "patient": None}
    assert client.call(request)[0] == 200


def test_an_optional_key_that_is_absent_is_noted_for_each_question_that_it_leaves_open(client: Client) -> None:
    request = client.fixture(BASE)
    whole = client.call(request)[1]["extension"]["org.mgcds.evaluation"]
    del request["prefetch"]["conditions"]
    status, answer = client.call(request)
    less = answer["extension"]["org.mgcds.evaluation"]
    assert status == 200
    more = [note for note in less["notes"] if note not in whole.get("notes", [])]
    assert {"code": "data-partial", "find": "heart_block"} in more
    assert {note["code"] for note in more} == {"data-partial"}
    assert all("find" in note for note in more)
    request["prefetch"]["conditions"] = None  # no data, which is an answer
    assert client.call(request)[1]["extension"]["org.mgcds.evaluation"].get("notes") == whole.get("notes")


@proves("tol.prefetch-OperationOutcome")
def test_a_failed_search_is_not_no_data(client: Client) -> None:
    request = client.fixture(BASE)
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    request["prefetch"]["conditions"] = failed
    status, answer = client.call(request)
    assert status == 200
    assert {"code": "data-partial"} in answer["extension"]["org.mgcds.evaluation"]["notes"]
    assert client.call(request | {"prefetch": request["prefetch"] | {"medications": failed}})[0] == 412


@proves("tol.prefetch-paged")
def test_a_page_is_not_the_whole(client: Client) -> None:
    request = client.fixture(BASE)
    link = {"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}
    request["prefetch"]["medications"] = {"resourceType": "Bundle", "type": "searchset", "total": 300, "link": [link]}
    status, answer = client.call(request)
    assert status == 200
    assert {"code": "data-partial"} in answer["extension"]["org.mgcds.evaluation"]["notes"]


@proves("G1", "G5", "call.type")
def test_requests_are_strict_json(client: Client) -> None:
    good = json.dumps(client.fixture(BASE))
    path, headers = "/cds-services/mgcds-patient-view", {"content-type": "application/json"}
    assert client.http.post(path, content=good, headers=headers).headers["content-type"] == "application/json"
    for bad in (good[:-1] + ",}", good + " // more", good + good, "/* */" + good, good.replace('"', "'"), good + "\x00"):
        assert client.http.post(path, content=bad, headers=headers).status_code == 400


@proves("G2")
def test_where_tokens_are_checked_the_public_address_is_https(tmp_path: Any) -> None:
    given = {"auth": "required", "clients": tmp_path / "clients.yaml"}
    with pytest.raises(SettingsError, match="https"):
        read_settings(public_url="http://cds.example.org", **given)
    assert read_settings(public_url="https://cds.example.org", **given)
    assert read_settings(public_url="http://127.0.0.1:8000", **given)  # this machine itself, for trying
