"""What a request does not bring is fetched from its FHIR server: what, when, and with what in the request's place."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import read_settings
from tests.service.conftest import TODAY
from tests.service.ehr import EMPTY, FAILED, TOKEN, Ehr, named, notes_of, rules_of, states_of
from tests.service.fault_server import Answer, FaultServer, Json


@pytest.fixture(scope="module")
def http(library: Library) -> Iterator[TestClient]:
    settings = read_settings(today=TODAY, fetch_deadline_ms=20_000)  # only the tests of the deadline should meet it
    with TestClient(create_app(library, settings), raise_server_exceptions=False) as http:
        yield http


@pytest.fixture
def ehr(http: TestClient) -> Iterator[Ehr]:
    with FaultServer(lambda _: Answer(FAILED, status=500)) as server:
        yield Ehr(http, server)


@pytest.fixture(autouse=True)
def check(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", ""))


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """What the service writes to stderr, with its own configuration of logs."""
    import structlog

    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    configure("DEBUG")
    yield lambda: capsys.readouterr().err
    structlog.configure(**before)
    logging.root.handlers[:], logging.root.level = handlers, level


@named("fb.fetches")
def test_without_prefetch_everything_is_fetched_and_the_cards_are_the_same(ehr: Ehr) -> None:
    ehr.faults["Observation"] = lambda asked: Answer(ehr.request["prefetch"].get(ehr.key_of(asked.path), EMPTY))
    status, answer = ehr.call(ehr.without())
    assert status == 200
    assert rules_of(answer) == rules_of(ehr.call(ehr.request)[1]) != []
    assert notes_of(answer) == set()
    assert sorted(map(str, map(ehr.key_of, [asked.path for asked in ehr.server.asked]))) == sorted(ehr.templates)


@named("fb.fetch-only-missing")
@pytest.mark.parametrize("key", ["patient", "medications", "conditions", "magnesium"])
def test_only_what_is_missing_is_fetched(ehr: Ehr, key: str) -> None:
    request = ehr.without(key)
    request["prefetch"] |= {name: EMPTY for name in ehr.templates if name not in ehr.request["prefetch"]}
    status, answer = ehr.call(request)
    assert (status, rules_of(answer)) == (200, rules_of(ehr.call(ehr.request)[1]))
    assert [ehr.key_of(asked.path) for asked in ehr.server.asked] == [key]


@named("fb.fetch-only-missing")
def test_nothing_is_asked_where_nothing_is_missing(ehr: Ehr) -> None:
    request = ehr.without("none")
    request["prefetch"] |= {name: EMPTY for name in ehr.templates if name not in ehr.request["prefetch"]}
    assert ehr.call(request)[0] == 200
    assert ehr.server.asked == []


def test_a_clients_own_keys_count_by_what_is_in_them(ehr: Ehr) -> None:
    request = ehr.without("conditions", "magnesium", "kidney", "seldom")
    sent = ehr.request["prefetch"]
    entries = [entry for key in ("magnesium", "kidney", "seldom") for entry in sent[key].get("entry", [])]
    request["prefetch"] |= {"myProblems": sent["conditions"], "myLabs": {**EMPTY, "total": len(entries), "entry": entries}}
    assert ehr.call(request)[0] == 200
    assert ehr.server.asked == []


@named("tol.prefetch-null")
def test_null_means_no_data_and_is_not_fetched(ehr: Ehr) -> None:
    request = ehr.without()
    request["prefetch"] = dict.fromkeys(ehr.templates)
    assert ehr.call(request)[0] == 200
    assert ehr.server.asked == []


@named("tol.prefetch-OperationOutcome")
@pytest.mark.parametrize("failed", [FAILED, {**EMPTY, "entry": [{"resource": FAILED}]}])
def test_what_the_client_failed_to_get_is_not_fetched(ehr: Ehr, failed: Json) -> None:
    request = ehr.without("none")
    request["prefetch"] |= {name: EMPTY for name in ehr.templates if name not in ehr.request["prefetch"]}
    status, answer = ehr.call(request | {"prefetch": request["prefetch"] | {"conditions": failed}})
    assert (status, notes_of(answer)) == (200, {"data-partial"})
    assert ehr.call(request | {"prefetch": request["prefetch"] | {"medications": failed}})[0] == 412
    own = {key: value for key, value in request["prefetch"].items() if key != "conditions"} | {"problem_list": failed}
    assert ehr.call(request | {"prefetch": own})[0] == 200
    assert ehr.server.asked == []


def test_a_warning_alone_means_no_data(ehr: Ehr) -> None:
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}
    ehr.faults["conditions"] = Answer({**EMPTY, "entry": [{"resource": warning, "search": {"mode": "outcome"}}]})
    states = states_of(ehr.call(ehr.without("conditions"))[1])
    ehr.faults["conditions"] = Answer(EMPTY)
    assert states == states_of(ehr.call(ehr.without("conditions"))[1])
    ehr.faults["conditions"] = Answer(FAILED, status=500)
    assert states != states_of(ehr.call(ehr.without("conditions"))[1])


@named("fb.bearer")
def test_each_read_carries_the_token_and_nothing_else_of_the_caller(ehr: Ehr) -> None:
    headers = {"cookie": "session=1", "x-forwarded-for": "10.0.0.9", "authorization": "Bearer of-the-call"}
    ehr.http.post(f"/cds-services/mgcds-{ehr.hook}", json=ehr.without(), headers=headers)
    assert len(ehr.server.asked) == len(ehr.templates)
    for asked in ehr.server.asked:
        assert asked.headers.pop("host") == f"127.0.0.1:{ehr.server.port}"
        assert asked.headers == {"authorization": f"Bearer {TOKEN}", "accept": "application/fhir+json", "accept-encoding": "gzip",
                                 "user-agent": "mgcds", "connection": "keep-alive"}  # fmt: skip


def test_without_authorization_there_is_no_token(ehr: Ehr) -> None:
    request = ehr.without("magnesium")
    del request["fhirAuthorization"]
    assert ehr.call(request)[0] == 200
    assert all("authorization" not in asked.headers for asked in ehr.server.asked)


@pytest.mark.parametrize("token", ["a b", "a\r\nx-evil: 1", "tök"])
def test_a_token_that_is_no_header_is_not_sent(ehr: Ehr, token: str) -> None:
    request = ehr.without()
    request["fhirAuthorization"]["access_token"] = token
    assert ehr.call(request)[0] == 412
    assert ehr.server.asked == []


def test_cookies_of_the_server_are_not_kept(ehr: Ehr) -> None:
    ehr.faults["*"] = Answer(EMPTY, headers={"set-cookie": "session=other-patient; Path=/"})
    ehr.call(ehr.without())
    ehr.call(ehr.without())
    assert all("cookie" not in asked.headers for asked in ehr.server.asked)


def test_connections_are_kept(ehr: Ehr) -> None:
    for _ in range(5):
        assert ehr.call(ehr.without("magnesium"))[0] == 200
    assert len(ehr.server.asked) > ehr.server.connections


@named("fb.no-query-injection")
@pytest.mark.parametrize("patient_id", ["1&_count=0", "1/../../admin", "1?x=1", "1#x", "..", ".", "1%26x", "1 2", "1\n2"])
def test_a_patient_id_cannot_add_to_a_query(ehr: Ehr, patient_id: str) -> None:
    request = ehr.without()
    request["context"]["patientId"] = patient_id
    assert ehr.call(request)[0] in (400, 412)
    assert ehr.server.asked == []


@named("fb.412-nothing", "fb.412-OperationOutcome")
def test_without_prefetch_and_server_required_data_cannot_be_had(ehr: Ehr) -> None:
    request = ehr.without()
    del request["fhirServer"], request["fhirAuthorization"]
    status, outcome = ehr.call(request)
    assert (status, outcome["resourceType"], outcome["issue"][0]["code"]) == (412, "OperationOutcome", "required")


@named("fb.partial")
@pytest.mark.parametrize("key", ["patient", "medications"])
def test_required_data_that_the_server_does_not_give_is_412(ehr: Ehr, key: str) -> None:
    ehr.faults[key] = Answer(FAILED, status=404)
    status, outcome = ehr.call(ehr.without())
    assert (status, outcome["resourceType"]) == (412, "OperationOutcome")
    assert outcome["issue"][0]["diagnostics"] == f"Required data could not be had: {key}."


@named("fb.partial")
def test_optional_data_that_the_server_does_not_give_is_not_known_and_the_card_says_so(ehr: Ehr) -> None:
    before = states_of(ehr.call(ehr.without())[1])
    ehr.faults["conditions"] = ehr.faults["kidney"] = Answer(FAILED, status=404)
    status, answer = ehr.call(ehr.without())
    assert (status, notes_of(answer)) == (200, {"data-partial"})
    assert {state for rule, state in states_of(answer).items() if before[rule] != state} == {"not-evaluable"}
    incomplete = answer["cards"][-1]
    assert incomplete["source"]["topic"]["code"] == "incomplete"
    assert incomplete["detail"].endswith("could not be decided: conditions.")


def test_another_patient_is_refused(ehr: Ehr) -> None:
    ehr.faults["patient"] = Answer({"resourceType": "Patient", "id": "somebody-else", "birthDate": "1950"})
    status, outcome = ehr.call(ehr.without())
    assert (status, outcome["issue"][0]["code"]) == (412, "conflict")


def test_records_of_another_patient_do_not_count(ehr: Ehr) -> None:
    foreign = copy.deepcopy(ehr.request["prefetch"]["magnesium"])
    for entry in foreign["entry"]:
        entry["resource"]["subject"] = {"reference": "Patient/somebody-else"}
    ehr.faults["magnesium"] = Answer(foreign)
    _, answer = ehr.call(ehr.without("magnesium"))
    assert "mg-low-ppi-diuretic" not in rules_of(answer)
    assert "resource-unreadable" in notes_of(answer)


@named("fb.token-not-echoed", "bad.error-echoes-no-secrets")
@pytest.mark.parametrize(
    "fault",
    [None, Answer(FAILED, status=401), Answer(raw=b"<html>", headers={"content-type": "text/html"}), Answer(reset=True),
     Answer(status=302, headers={"location": "http://127.0.0.1:1/"}), Answer(raw=b"{", headers={"x": "y"})],
    ids=["good", "401", "html", "reset", "redirect", "truncated"],
)  # fmt: skip
def test_token_patient_and_address_stand_in_no_log_and_no_answer(ehr: Ehr, fault: Answer | None, logged: Any) -> None:
    if fault:
        ehr.faults["*"] = fault
    own = {f"key-of-{ehr.patient_id}": {**EMPTY, "link": [{"relation": "next", "url": f"{ehr.server.base}/Condition?page=2"}],
           "entry": ehr.request["prefetch"]["conditions"].get("entry", [])}}  # fmt: skip
    status, answer = ehr.call(ehr.without() | {"prefetch": own})
    assert len(ehr.server.asked) > 1
    written = logged()
    assert '"event": "fetched"' in written
    assert all(secret not in written + (str(answer) if status != 200 else "") for secret in
               (TOKEN, ehr.patient_id, str(ehr.server.port), "127.0.0.1"))  # fmt: skip
    assert TOKEN not in str(answer)


def test_the_plan_shows_no_token() -> None:
    from mgcds.service.lacking import Plan
    from mgcds.service.origins import Reach, Server

    assert TOKEN not in repr(Plan(Server("https://ehr.example.org", Reach.PUBLIC), (), {}, TOKEN))


def test_connections_are_closed_at_shutdown(library: Library) -> None:
    with FaultServer(lambda _: Answer(FAILED, status=500)) as server:
        with TestClient(create_app(library, read_settings(today=TODAY))) as http:
            Ehr(http, server).call(Ehr(http, server).without())
        assert server.closed.wait(10)
