"""Heads that are too large, conditional requests, and entries beyond what a chart has."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.computing import Clocks
from mgcds.language.library import Library
from mgcds.service.answering import MOST_READING_SECONDS, Answering
from mgcds.service.app import create_app
from mgcds.service.errors import Refused
from mgcds.service.head import MOST_HEAD, is_known
from mgcds.service.taking import MOST_ENTRIES, MOST_MEDICINES, within_bounds
from mgcds.settings import read_settings
from tests.service.conftest import TODAY, Client


def test_a_head_that_is_too_large_is_431_and_an_address_414(client: Client) -> None:
    long = client.http.get("/cds-services", headers={"x-long": "x" * MOST_HEAD})
    address = client.http.get("/cds-services?x=" + "y" * MOST_HEAD)
    assert (long.status_code, address.status_code) == (431, 414)
    for answer in (long, address):
        assert answer.json()["issue"][0]["code"] == "too-long"
        assert answer.headers["x-request-id"]
    assert client.http.get("/cds-services", headers={"x-long": "x" * (MOST_HEAD - 1000)}).status_code == 200


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (['"a"'], True),
        (['W/"a"'], True),
        (['"b", "a"'], True),
        (['"b",W/"a"'], True),
        (['"b"', '"a"'], True),
        (["*"], True),
        ([' "a" '], True),
        ([], False),
        ([""], False),
        (['"b"'], False),
        (["a"], False),
        (['"ab"'], False),
        (['"b, *"'], False),
    ],
)
def test_if_none_match(told: list[str], known: bool) -> None:
    assert is_known('"a"', told) is known


def test_discovery_is_unchanged_for_lists_and_weak_tags(client: Client) -> None:
    etag = client.http.get("/cds-services").headers["etag"]
    for told in (f'"old", {etag}', f"W/{etag}", "*"):
        again = client.http.get("/cds-services", headers={"if-none-match": told})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "max-age=300"
    assert client.http.get("/cds-services", headers={"if-none-match": '"old"'}).status_code == 200


def request(**prefetch: Any) -> dict[str, Any]:
    return {"context": {}, "prefetch": prefetch}


def bundle(count: int, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource or {}}] * count}


@pytest.mark.parametrize(
    "body",
    [
        request(labs=bundle(MOST_ENTRIES + 1)),
        request(labs=bundle(MOST_ENTRIES // 2 + 1), medications=bundle(MOST_ENTRIES // 2 + 1)),
        request(labs=[{}] * (MOST_ENTRIES + 1)),
        request(labs=[bundle(MOST_ENTRIES)]),
        request(labs={"response": {"status": "200"}, "resource": bundle(MOST_ENTRIES + 1)}),
        request(labs=bundle(200, bundle(60))),
        {"context": {"draftOrders": bundle(MOST_ENTRIES + 1)}},
        {"feedback": [{}] * (MOST_ENTRIES + 1)},
    ],
    ids=["one", "two", "a list", "a list of bundles", "wrapped", "nested", "drafts", "feedback"],
)
def test_more_entries_than_a_chart_has_are_413(body: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        within_bounds(body)
    assert (refused.value.status, refused.value.code) == (413, "too-costly")


@pytest.mark.parametrize(
    "body",
    [
        request(labs=bundle(MOST_ENTRIES)),
        request(labs=None, other=1, more="x", empty=[]),
        {"context": [], "prefetch": "x", "feedback": {}},
        {},
    ],
)
def test_as_many_as_a_chart_has_pass_and_odd_shapes_are_left_to_others(body: dict[str, Any]) -> None:
    assert within_bounds(body) is body


def test_records_of_medicines_have_a_limit_of_their_own(client: Client) -> None:
    medicine = {"resourceType": "MedicationRequest"}
    half = bundle(MOST_MEDICINES // 2, medicine)
    assert within_bounds(request(medications=half, statements=half))
    with pytest.raises(Refused):
        within_bounds(request(medications=half, statements=half, more=[medicine]))


MEDICINE = {"resourceType": "MedicationRequest"}
MANY = bundle(MOST_MEDICINES + 1, MEDICINE)
HIDDEN: dict[str, dict[str, Any]] = {
    "a list in a list": {"medications": [[MEDICINE] * (MOST_MEDICINES + 1)]},
    "a Bundle in a list in a list": {"medications": [[MANY]]},
    "beside an entry that is null": {"medications": {"entry": None, "resource": MANY}},
    "beside an entry that is empty": {"medications": {"entry": [], "resource": MANY}},
    "a wrapper in a wrapper in a list": {"medications": [{"resource": {"resource": MANY}}]},
    "a wrapper in an entry": {"medications": {"resourceType": "Bundle", "entry": [{"resource": {"resource": MANY}}]}},
    "a list in an entry": {
        "medications": {"resourceType": "Bundle", "entry": [{"resource": [MEDICINE] * (MOST_MEDICINES + 1)}]}
    },
    "each under a key of its own": {f"m{number}": MEDICINE for number in range(MOST_MEDICINES + 1)},
}


@pytest.mark.parametrize("prefetch", HIDDEN.values(), ids=HIDDEN.keys())
def test_whoever_wraps_medicines_another_way_gets_no_more_of_them_in(prefetch: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        within_bounds(request(**prefetch))
    assert (refused.value.status, refused.value.code) == (413, "too-costly")


def test_whoever_puts_every_entry_under_a_key_of_its_own_gets_no_more_in() -> None:
    with pytest.raises(Refused) as refused:
        within_bounds(request(**{f"k{number}": {} for number in range(MOST_ENTRIES + 1)}))
    assert refused.value.status == 413


def test_what_stands_below_a_resource_is_not_counted_as_entries() -> None:
    notes = {"resourceType": "Composition", "section": [{"entry": [{}] * MOST_ENTRIES}], "entry": [{}] * (MOST_ENTRIES + 1)}
    assert within_bounds(request(document=notes))


def test_a_request_with_too_many_entries_is_413(client: Client) -> None:
    sent = client.fixture("01-nothing-to-say")
    sent["prefetch"]["labs"] = bundle(MOST_ENTRIES)
    assert client.call(sent)[0] == 413


def test_feedback_with_too_many_entries_is_413(client: Client) -> None:
    body = {"feedback": [{}] * (MOST_ENTRIES + 1)}
    answer = client.http.post("/cds-services/mgcds-patient-view/feedback", json=body)
    outcome = answer.json()
    assert (answer.status_code, outcome["resourceType"], outcome["issue"][0]["code"]) == (413, "OperationOutcome", "too-costly")


@pytest.mark.parametrize(("later", "status"), [(MOST_READING_SECONDS, 200), (MOST_READING_SECONDS + 0.1, 413)])
def test_a_request_that_takes_too_long_to_read_is_413(
    library: Library, monkeypatch: pytest.MonkeyPatch, later: float, status: int
) -> None:
    """The clock that is looked at stands at nothing first, and then at a later time."""
    seconds = iter([0.0])
    clocks = Clocks(computed=lambda: next(seconds, later), passed=count(step=MOST_READING_SECONDS).__next__)
    monkeypatch.setattr("mgcds.service.app.Answering", partial(Answering, clocks=clocks))
    client = Client(TestClient(create_app(library, read_settings(today=TODAY)), raise_server_exceptions=False))
    answered, answer = client.call(client.fixture("12-ppi-and-thiazide-low-mg"))
    assert answered == status
    if status == 413:
        assert answer["resourceType"] == "OperationOutcome"
        assert answer["issue"][0]["code"] == "too-costly"
    else:
        assert answer["cards"]


def test_a_request_that_takes_too_long_to_read_is_described(client: Client) -> None:
    described = client.http.get("/openapi.json").json()["paths"]["/cds-services/{service_id}"]["post"]["responses"]
    assert "takes too long to read" in described["413"]["description"]
