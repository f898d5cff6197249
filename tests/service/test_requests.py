"""Which requests are refused, and that a refusal names the field and never its value (rows R1 to R7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.service.conftest import Client

Request = dict[str, Any]
BASE = "02-severely-low-mmol"
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "mgcds"}


def without(*path: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        for key in path[:-1]:
            request = request[key]
        del request[path[-1]]

    return change


def setting(value: Any, *path: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        for key in path[:-1]:
            request = request[key]
        request[path[-1]] = value

    return change


REFUSED = {
    "no hook": (without("hook"), "hook"),
    "no hookInstance": (without("hookInstance"), "hookInstance"),
    "no context": (without("context"), "context"),
    "hookInstance is no UUID": (setting("not-a-uuid", "hookInstance"), "hookInstance"),
    "context is a list": (setting([], "context"), "context"),
    "context is null": (setting(None, "context"), "context"),
    "prefetch is a list": (setting([], "prefetch"), "prefetch"),
    "hook is a number": (setting(7, "hook"), "hook"),
    "another hook": (setting("order-sign", "hook"), "hook"),
    "an unknown hook": (setting("coffee-brew", "hook"), "hook"),
    "no userId": (without("context", "userId"), "context.userId"),
    "userId without type": (setting("jane", "context", "userId"), "context.userId"),
    "userId is a number": (setting(1, "context", "userId"), "context.userId"),
    "no patientId": (without("context", "patientId"), "context.patientId"),
    "patientId with a query": (setting("1?x=y", "context", "patientId"), "context.patientId"),
    "patientId of another type": (setting("Group/1", "context", "patientId"), "context.patientId"),
    "encounterId is a list": (setting([], "context", "encounterId"), "context.encounterId"),
    "a token and no server": (setting(TOKEN, "fhirAuthorization"), "fhirServer"),
    "a token of another type": (setting(TOKEN | {"token_type": "MAC"}, "fhirAuthorization"), "fhirAuthorization.token_type"),
    "a token without subject": (
        setting({k: v for k, v in TOKEN.items() if k != "subject"}, "fhirAuthorization"),
        "fhirAuthorization.subject",
    ),
}
CONTEXTS = {
    "order-select": ({"selections": [], "draftOrders": {"resourceType": "Bundle"}}, ("selections", "draftOrders")),
    "order-sign": ({"draftOrders": {"resourceType": "Bundle"}}, ("draftOrders",)),
    "medication-refill": ({"medications": {"resourceType": "Bundle"}}, ("medications",)),
    "encounter-discharge": ({"encounterId": "e1"}, ("encounterId",)),
    "appointment-book": ({"appointments": {"resourceType": "Bundle"}}, ("appointments",)),
    "medication-verify": ({"medication": {"resourceType": "MedicationRequest"}}, ("medication",)),
    "problem-list-item-create": ({"conditions": {"resourceType": "Bundle"}}, ("conditions",)),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_malformed_request_is_refused_by_the_name_of_its_field(client: Client, case: str) -> None:
    change, field = REFUSED[case]
    request = client.fixture(BASE)
    change(request)
    status, answer = client.call(request, "mgcds-patient-view")
    assert status == 400
    assert answer["resourceType"] == "OperationOutcome"
    assert answer["issue"][0]["severity"] == "error"
    assert field in answer["issue"][0]["diagnostics"]


def test_every_wrong_field_is_named_at_once(client: Client) -> None:
    request = client.fixture(BASE)
    request["hookInstance"] = "x"
    request["context"] = {}
    _, answer = client.call(request, "mgcds-patient-view")
    for field in ("hookInstance", "context.userId", "context.patientId"):
        assert field in answer["issue"][0]["diagnostics"]


@pytest.mark.parametrize("hook", sorted(CONTEXTS))
def test_each_hook_requires_its_own_context(client: Client, hook: str) -> None:
    given, required = CONTEXTS[hook]
    request = client.fixture("01-nothing-to-say") | {"hook": hook}
    request["context"] |= given
    assert client.call(request)[0] == 200
    for field in required:
        broken = json.loads(json.dumps(request))
        del broken["context"][field]
        status, answer = client.call(broken)
        assert status == 400
        assert f"context.{field}" in answer["issue"][0]["diagnostics"]


@pytest.mark.parametrize("value", [{}, {"type": "collection", "entry": []}, {"resourceType": ""}, [], "x", None])
@pytest.mark.parametrize("hook", sorted(CONTEXTS.keys() - {"encounter-discharge"}))
def test_orders_that_are_no_resource_are_refused_and_not_read_as_no_orders(client: Client, hook: str, value: Any) -> None:
    """Nothing would be read of them, and an empty list of cards would look as if the orders had been checked."""
    given, required = CONTEXTS[hook]
    request = client.fixture("01-nothing-to-say") | {"hook": hook}
    request["context"] |= given | {required[-1]: value}
    status, answer = client.call(request)
    assert status == 400
    assert f"context.{required[-1]}" in answer["issue"][0]["diagnostics"]


ENTRY = {"fullUrl": "urn:uuid:2a5c7d8e-1111-4222-8333-944445555666"}
UNTOLD = {
    "another kind of resource": {"resourceType": "Patient", "id": "p1"},
    "a failure": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]},
    "a type that is no text": {"resourceType": ["Bundle"]},
    "entries as text": {"resourceType": "Bundle", "entry": "x"},
    "entries as a number": {"resourceType": "Bundle", "entry": 0},
    "an entry as text": {"resourceType": "Bundle", "entry": ["x"]},
    "an entry as null": {"resourceType": "Bundle", "entry": [None]},
    "an entry as a list": {"resourceType": "Bundle", "entry": [[{"resource": {"resourceType": "Condition"}}]]},
    "an empty entry": {"resourceType": "Bundle", "entry": [{}]},
    "a failure in a bundle": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "OperationOutcome"}}]},
    "an entry without its list": {"resourceType": "Bundle", "entry": ENTRY},
    "an entry with an address only": {"resourceType": "Bundle", "entry": [ENTRY]},
    "a resource without type": {"resourceType": "Bundle", "entry": [{"resource": {"id": "m1", "status": "draft"}}]},
    "a resource of an empty type": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": ""}}]},
    "a bundle of rubbish in a bundle": {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Bundle", "entry": ["x"]}}],
    },
}
OF_ANOTHER_HOOK = {
    "draftOrders": "Appointment", "medications": "ServiceRequest", "medication": "NutritionOrder", "order": "ServiceRequest",
    "appointments": "MedicationRequest", "conditions": "Observation",
}  # fmt: skip
WITH_ORDERS = [(hook, CONTEXTS[hook][1][-1]) for hook in sorted(CONTEXTS.keys() - {"encounter-discharge"})]
WITH_ORDERS.append(("medication-verify", "order"))


def _told(client: Client, hook: str, field: str, value: Any) -> tuple[int, str]:
    """The answer to a call whose orders are this: its status and what it says."""
    request = client.fixture("01-nothing-to-say") | {"hook": hook}
    given = {key: sent for key, sent in CONTEXTS[hook][0].items() if (key, field) != ("medication", "order")}
    request["context"] |= given | {field: value}
    status, answer = client.call(request)
    return status, answer["issue"][0]["diagnostics"] if status != 200 else ""


@pytest.mark.parametrize("case", sorted(UNTOLD))
@pytest.mark.parametrize(("hook", "field"), WITH_ORDERS)
def test_orders_that_nothing_can_be_read_of_are_refused(client: Client, hook: str, field: str, case: str) -> None:
    status, words = _told(client, hook, field, UNTOLD[case])
    assert status == 400
    assert f"context.{field}" in words


@pytest.mark.parametrize(("hook", "field"), WITH_ORDERS)
def test_a_bare_resource_is_one_that_the_hook_is_about(client: Client, hook: str, field: str) -> None:
    status, words = _told(client, hook, field, {"resourceType": OF_ANOTHER_HOOK[field], "id": "x"})
    assert (status, f"context.{field}" in words) == (400, True)
    own = {"appointments": "Appointment", "conditions": "Condition"}.get(field, "MedicationRequest")
    assert _told(client, hook, field, {"resourceType": own, "id": "x"})[0] == 200


OTHERS = ["Medication", "ServiceRequest", "ProcedureRequest", "NutritionOrder", "DeviceRequest", "CommunicationRequest",
          "VisionPrescription", "RequestGroup", "Basic"]  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize(("hook", "field"), WITH_ORDERS)
def test_a_bundle_may_hold_what_we_do_not_read(client: Client, hook: str, field: str, kind: str) -> None:
    assert (
        _told(client, hook, field, {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": kind, "id": "x"}}]})[0]
        == 200
    )


@pytest.mark.parametrize("entries", [{}, {"entry": []}, {"entry": None}])
@pytest.mark.parametrize(("hook", "field"), WITH_ORDERS)
def test_an_empty_bundle_is_no_orders(client: Client, hook: str, field: str, entries: dict[str, Any]) -> None:
    assert _told(client, hook, field, {"resourceType": "Bundle", "type": "collection"} | entries)[0] == 200


@pytest.mark.parametrize("rubbish", ["x", None, {}, ENTRY, {"resource": {"id": "m9"}}, {"resource": {"resourceType": 7}}])
def test_an_order_that_cannot_be_read_among_others_is_noted(client: Client, rubbish: Any) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    cards = client.call(request)[1]["cards"]
    assert cards
    entries = request["context"]["draftOrders"]["entry"]
    entries.append(rubbish)
    status, answer = client.call(request)
    assert (status, answer["cards"]) == (200, cards)
    noted = {"code": "resource-unreadable", "reference": f"context.draftOrders#{len(entries) - 1}"}
    assert noted in answer["extension"]["org.mgcds.evaluation"]["notes"]


@pytest.mark.parametrize(("hook", "field"), WITH_ORDERS)
def test_what_cannot_be_read_is_noted_wherever_a_hook_keeps_it(client: Client, hook: str, field: str) -> None:
    request = client.fixture("01-nothing-to-say") | {"hook": hook}
    bundle = {"resourceType": "Bundle", "entry": [ENTRY, {"resource": {"resourceType": "Basic", "id": "x"}}]}
    given = {key: sent for key, sent in CONTEXTS[hook][0].items() if (key, field) != ("medication", "order")}
    request["context"] |= given | {field: bundle}
    status, answer = client.call(request)
    assert status == 200
    noted = {"code": "resource-unreadable", "reference": f"context.{field}#0"}
    assert noted in answer["extension"]["org.mgcds.evaluation"]["notes"]


def test_orders_of_a_bundle_in_a_bundle_are_read(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    expected = client.call(request)
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": request["context"]["draftOrders"]}]}
    assert client.call(request) == expected


def test_malformed_orders_of_a_stripped_call_are_malformed_and_absent_ones_are_412(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    del request["prefetch"]
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [ENTRY]}
    assert client.call(request)[0] == 400
    del request["context"]["draftOrders"]
    assert client.call(request)[0] == 412


def test_only_a_refill_may_come_without_a_user(client: Client) -> None:
    request = client.fixture("17-refill-ppi")
    request["context"].pop("userId", None)
    assert client.call(request)[0] == 200


def test_a_patient_id_may_carry_its_type(client: Client) -> None:
    plain = client.fixture(BASE)
    typed = client.fixture(BASE)
    typed["context"]["patientId"] = f"Patient/{plain['context']['patientId']}"
    assert client.call(typed) == client.call(plain)


@pytest.mark.parametrize(
    "value", ["Encounter/e 1?x", "e1?x=y", "Encounter/", "Patient/e1", "Encounter/e1/e2", "e\u00e91", " ", "e1\n", 7, {}]
)
@pytest.mark.parametrize("hook", ["patient-view", "order-sign", "encounter-discharge"])
def test_an_encounter_that_is_no_id_is_refused(client: Client, hook: str, value: Any) -> None:
    request = client.fixture("01-nothing-to-say") | {"hook": hook}
    request["context"] |= CONTEXTS.get(hook, ({}, ()))[0] | {"encounterId": value}
    status, answer = client.call(request)
    assert status == 400
    assert "context.encounterId" in answer["issue"][0]["diagnostics"]


def test_an_empty_encounter_is_none_but_where_one_is_required(client: Client) -> None:
    request = client.fixture(BASE)
    request["context"].pop("encounterId", None)
    without_one = client.call(request)
    assert without_one[0] == 200
    for none in ("", None):
        request["context"]["encounterId"] = none
        assert client.call(request) == without_one
    request["hook"] = "encounter-discharge"
    for none in ("", None):
        request["context"]["encounterId"] = none
        status, answer = client.call(request)
        assert (status, "context.encounterId" in answer["issue"][0]["diagnostics"]) == (400, True)


def test_an_encounter_id_may_carry_its_type(client: Client) -> None:
    request = client.fixture(BASE) | {"hook": "encounter-discharge"}
    request["context"]["encounterId"] = "e1"
    plain = client.call(request)
    request["context"]["encounterId"] = "Encounter/e1"
    assert client.call(request) == plain
    assert plain[0] == 200


def test_unknown_fields_and_extensions_change_nothing(client: Client) -> None:
    plain = client.fixture(BASE)
    more = client.fixture(BASE)
    extension = {"com.example.anything": {"a": [1, None, {"b": True}]}}
    more |= {"extension": extension, "somethingNew": 1, "fhirServer": "https://ehr.example.org/fhir"}
    more["fhirAuthorization"] = TOKEN | {"patient": "p", "extension": extension}
    more["context"] |= {"extension": extension, "another": [1]}
    assert client.call(more) == client.call(plain)


def test_the_same_call_twice_gives_the_same_answer_and_another_instance_other_uuids(client: Client) -> None:
    request = client.fixture(BASE)
    first, again = client.call(request)[1], client.call(request)[1]
    request["hookInstance"] = "0e5a7d2c-4d5a-4b8e-9a61-5f1c2b7d9e00"
    other = client.call(request)[1]
    assert first == again
    assert first["cards"][0]["uuid"] != other["cards"][0]["uuid"]
    assert first["cards"][0]["summary"] == other["cards"][0]["summary"]


@pytest.mark.parametrize("key", ["patient", "medications"])
def test_required_data_that_cannot_be_had_are_412(client: Client, key: str) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    for broken in ("absent", failed):
        request = client.fixture(BASE)
        request["prefetch"].pop(key)
        if broken is failed:
            request["prefetch"][key] = failed
        status, answer = client.call(request)
        assert status == 412
        assert answer["resourceType"] == "OperationOutcome"
        assert key in answer["issue"][0]["diagnostics"]


def test_no_prefetch_at_all_is_412(client: Client) -> None:
    for prefetch in ({}, None):
        request = client.fixture(BASE) | {"prefetch": prefetch}
        assert client.call(request)[0] == 412
    request.pop("prefetch")
    assert client.call(request)[0] == 412


def test_null_means_no_data_and_is_no_412(client: Client) -> None:
    request = client.fixture(BASE)
    request["prefetch"] |= {"patient": None, "medications": None}
    assert client.call(request)[0] == 200


def test_another_patients_data_are_412(client: Client) -> None:
    request = client.fixture(BASE)
    request["prefetch"]["patient"]["id"] = "somebody-else"
    status, answer = client.call(request)
    assert status == 412
    assert answer["issue"][0]["code"] == "conflict"


def test_a_number_too_large_for_a_machine_word_comes_back_with_the_order_it_stands_in(client: Client) -> None:
    request, huge = client.fixture("10-order-sign-impaired-kidneys"), 10**30
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"]["extension"] = [{"url": "https://ehr.example.org/number", "valueInteger": huge}]
    status, answer = client.call(request)
    assert status == 200
    assert str(huge) in json.dumps(answer["cards"])
