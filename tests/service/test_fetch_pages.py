"""Bundles of several pages: fetched or prefetched, they are followed on the same server, and what is missing is said."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service import fhir_pages
from mgcds.service.app import create_app
from mgcds.service.fetch import AT_ONCE
from mgcds.settings import read_settings
from tests.service.conftest import TODAY
from tests.service.ehr import EMPTY, FAILED, TOKEN, Ehr, named, notes_of, rules_of
from tests.service.fault_server import Answer, FaultServer, Json

LOW = "mg-low-ppi-diuretic"  # needs the low magnesium and both drugs


@pytest.fixture(scope="module")
def http(library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(library, read_settings(today=TODAY, fetch_deadline_ms=20_000))) as http:
        yield http


@pytest.fixture
def ehr(http: TestClient) -> Iterator[Ehr]:
    with FaultServer(lambda _: Answer(FAILED, status=500)) as server:
        yield Ehr(http, server)


@pytest.fixture(autouse=True)
def check(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", ""))


def page(entries: list[Json], link: str = "", **more: object) -> Json:
    links = [{"relation": "self", "url": "x"}, *([{"relation": "next", "url": link}] if link else [])]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries} | more


def split(ehr: Ehr, key: str, *links: str) -> list[Json]:
    """The entries of a key, one a page; the first page leads to the first link, and so on."""
    entries = ehr.request["prefetch"][key]["entry"]
    assert len(entries) > len(links) > 0
    return [page([entry], link) for entry, link in zip(entries, links, strict=False)] + [page(entries[len(links) :])]


def test_the_record_has_enough_to_split(ehr: Ehr) -> None:
    assert LOW in rules_of(ehr.call(ehr.request)[1])
    assert len(ehr.request["prefetch"]["medications"]["entry"]) > 1
    assert LOW not in rules_of(ehr.call(ehr.request | {"prefetch": first_page_only(ehr)})[1])


def first_page_only(ehr: Ehr) -> Json:
    prefetch = copy.deepcopy(ehr.request["prefetch"])
    prefetch["medications"]["entry"] = prefetch["medications"]["entry"][:1]
    return prefetch


@named("tol.prefetch-paged")
@pytest.mark.parametrize("relative", [False, True, None])
def test_further_pages_of_a_fetched_search_are_had(ehr: Ehr, relative: bool | None) -> None:
    path = "/fhir/MedicationRequest?page=2&of=%7Ba%7D"
    link = {False: f"http://127.0.0.1:{ehr.server.port}{path}", True: "MedicationRequest?page=2&of=%7Ba%7D", None: path}[
        relative
    ]
    first, second = split(ehr, "medications", link)
    ehr.faults["medications"], ehr.pages[path] = Answer(first), second
    status, answer = ehr.call(ehr.without("medications"))
    assert (status, notes_of(answer)) == (200, notes_of(ehr.call(ehr.without("none"))[1]))
    assert rules_of(answer) == rules_of(ehr.call(ehr.request)[1])
    assert {asked.headers["authorization"] for asked in ehr.server.asked} == {f"Bearer {TOKEN}"}


@named("tol.prefetch-paged")
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("key", ["medications", "theirDrugs"])
def test_further_pages_of_a_prefetched_bundle_are_had(ehr: Ehr, key: str, wrapped: bool) -> None:
    first, second = split(ehr, "medications", f"{ehr.server.base}/MedicationRequest?page=2")
    ehr.pages["/fhir/MedicationRequest?page=2"] = second
    request = everything(ehr)
    del request["prefetch"]["medications"]
    request["prefetch"][key] = {"response": {"status": "200 OK"}, "resource": first} if wrapped else first
    _, answer = ehr.call(request)
    assert (rules_of(answer), notes_of(answer)) == (rules_of(ehr.call(ehr.request)[1]), set())
    assert len(ehr.server.asked) == 1
    assert ehr.server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def everything(ehr: Ehr) -> Json:
    """A request that lacks nothing."""
    request = ehr.without("none")
    request["prefetch"] = {key: ehr.request["prefetch"].get(key, EMPTY) for key in ehr.templates}
    return request


@named("tol.prefetch-paged")
def test_without_a_server_a_paged_bundle_is_partial_and_the_card_says_so(ehr: Ehr) -> None:
    request = everything(ehr)
    del request["fhirServer"], request["fhirAuthorization"]
    request["prefetch"]["conditions"] = page(request["prefetch"]["conditions"].get("entry", []), "http://ehr.example.org/2")
    _, answer = ehr.call(request)
    assert notes_of(answer) == {"data-partial"}
    assert "part of the records (conditions)" in answer["cards"][0]["detail"]
    whole = ehr.call(everything(ehr))[1]
    assert rules_of(whole) == rules_of(answer)
    assert "part of the records" not in str(whole)


@pytest.mark.parametrize("prefetched", [True, False])
@pytest.mark.parametrize(
    "form", ["{}", "//{}", "http:\\\\{}", "http://x@{}", "http://127.0.0.1:1@{}", "http://{}#@127.0.0.1:{{port}}"]
)
def test_a_page_on_another_server_is_not_asked_for(ehr: Ehr, form: str, prefetched: bool) -> None:
    with FaultServer(lambda _: Answer(EMPTY)) as canary:
        there = canary.base.removeprefix("http://") if form != "{}" else canary.base
        link = form.format(f"{there}/MedicationRequest?page=2").replace("{port}", str(ehr.server.port))
        first, _ = split(ehr, "medications", link)
        request = everything(ehr)
        if prefetched:
            request["prefetch"]["medications"] = first
        else:
            del request["prefetch"]["medications"]
            ehr.faults["medications"] = Answer(first)
        status, answer = ehr.call(request)
        assert (status, notes_of(answer)) == (200, {"data-partial"})
        assert canary.connections == 0
    assert len(ehr.server.asked) == (0 if prefetched else 1)


@pytest.mark.parametrize("link", ["https://127.0.0.1:{port}/fhir/x", "http://localhost:{port}/fhir/x", "http://x:y@127.0.0.1:{port}/fhir/x", "file:///etc/passwd", "http://[::1", "a b", "\u2028", "http://127.0.0.1:{port}0/fhir/x"])  # fmt: skip
def test_same_server_means_same_scheme_host_and_port(ehr: Ehr, link: str) -> None:
    request = everything(ehr)
    request["prefetch"]["conditions"] = page([], link.format(port=ehr.server.port))
    status, answer = ehr.call(request)
    assert (status, notes_of(answer)) == (200, {"data-partial"})
    assert ehr.server.asked == []


def test_a_page_without_entries_leads_on_to_the_next(ehr: Ehr) -> None:
    first, last = split(ehr, "medications", "MedicationRequest?page=2")
    empty = page([], "MedicationRequest?page=3")
    del empty["entry"]
    ehr.faults["medications"] = Answer(first)
    ehr.pages |= {"/fhir/MedicationRequest?page=2": empty, "/fhir/MedicationRequest?page=3": last}
    request = everything(ehr)
    del request["prefetch"]["medications"]
    _, answer = ehr.call(request)
    assert (rules_of(answer), notes_of(answer)) == (rules_of(ehr.call(ehr.request)[1]), set())


def test_pages_that_go_round_in_a_circle_end(ehr: Ehr) -> None:
    request = everything(ehr)
    request["prefetch"]["conditions"] = page([], "Condition?page=2")
    ehr.pages["/fhir/Condition?page=2"] = page([], "Condition?page=3")
    ehr.pages["/fhir/Condition?page=3"] = page([], "Condition?page=2")
    assert notes_of(ehr.call(request)[1]) == {"data-partial"}
    assert len(ehr.server.asked) == 2


def test_pages_without_end_end(ehr: Ehr) -> None:
    request = everything(ehr)
    request["prefetch"]["conditions"] = page([], "Condition?page=0")
    ehr.faults["Condition"] = lambda asked: Answer(page([], f"Condition?page={int(asked.path.split('=')[-1]) + 1}"))
    assert notes_of(ehr.call(request)[1]) == {"data-partial"}
    assert len(ehr.server.asked) == fhir_pages.MOST_PAGES - 1


def test_a_page_that_cannot_be_had_leaves_the_others(ehr: Ehr) -> None:
    first, _ = split(ehr, "medications", "MedicationRequest?page=2")
    ehr.faults["MedicationRequest"] = Answer(FAILED, status=500)
    ehr.faults["medications"] = Answer(first)
    status, answer = ehr.call(ehr.without("medications"))
    assert (status, "data-partial" in notes_of(answer)) == (200, True)
    assert LOW not in rules_of(answer)


def test_a_deadline_leaves_the_pages_that_were_there(library: Library) -> None:
    settings = read_settings(today=TODAY, fetch_deadline_ms=1_500)
    with TestClient(create_app(library, settings)) as http, FaultServer(lambda _: Answer(FAILED)) as server:
        ehr = Ehr(http, server)
        first, _ = split(ehr, "medications", "MedicationRequest?page=2")
        request = everything(ehr)
        del request["prefetch"]["medications"]
        ehr.faults["MedicationRequest"] = Answer(EMPTY, delay=30)
        ehr.faults["medications"] = Answer(first)
        status, answer = ehr.call(request)
    assert (status, notes_of(answer)) == (200, {"data-partial"})


def test_a_deadline_that_comes_before_its_turn_leaves_the_page_that_the_client_sent(library: Library) -> None:
    settings = read_settings(today=TODAY, fetch_deadline_ms=300)
    with TestClient(create_app(library, settings)) as http, FaultServer(lambda _: Answer(FAILED)) as server:
        ehr = Ehr(http, server)
        first, _ = split(ehr, "medications", "MedicationRequest?page=2")
        request = everything(ehr)
        request["prefetch"]["medications"] = first
        for key in [key for key in ehr.templates if key not in ("patient", "medications", "conditions")][:AT_ONCE]:
            del request["prefetch"][key]
            ehr.faults[key] = Answer(EMPTY, delay=30)
        status, answer = ehr.call(request)
        asked = len(server.asked)
    assert (status, asked, "data-partial" in notes_of(answer)) == (200, AT_ONCE, True)


def results(first: int, many: int) -> list[Json]:
    """Magnesium results, one a day, the newest first, each of 2.0 mg/dL."""
    code = {"coding": [{"system": "http://loinc.org", "code": "19123-9"}]}
    return [{"resource": {"resourceType": "Observation", "id": f"mg{n}", "status": "final", "code": code,
             "effectiveDateTime": f"2026-0{5 - n // 28}-{28 - n % 28:02}", "valueQuantity": {"value": 2.0, "unit": "mg/dL"}}}
            for n in range(first, first + many)]  # fmt: skip


def test_no_more_of_the_newest_results_are_fetched_than_are_of_use(ehr: Ehr) -> None:
    request = everything(ehr)
    del request["prefetch"]["magnesium"]
    ehr.faults["magnesium"] = Answer(page(results(0, 10), "Observation?page=2", total=300))
    assert notes_of(ehr.call(request)[1]) == set()
    assert len(ehr.server.asked) == 1


def undated(entry: Json) -> Json:
    return {"resource": {name: value for name, value in entry["resource"].items() if name != "effectiveDateTime"}}


@pytest.mark.parametrize(
    "entries",
    [results(0, 9), [*results(1, 9), *results(0, 1)], [*results(0, 9), undated(results(9, 1)[0])]],
    ids=["too-few", "not-sorted", "one-without-a-date"],
)
def test_results_that_may_lack_the_newest_are_completed(ehr: Ehr, entries: list[Json]) -> None:
    request = everything(ehr)
    del request["prefetch"]["magnesium"]
    ehr.faults["magnesium"] = Answer(page(entries, "Observation?page=2", total=11))
    ehr.pages["/fhir/Observation?page=2"] = page(results(20, 11 - len(entries)), total=11)
    assert "data-partial" not in notes_of(ehr.call(request)[1])
    assert len(ehr.server.asked) == 2


@pytest.mark.parametrize(("many", "notes"), [(10, set()), (9, {"data-partial"})])
def test_a_client_that_sent_as_many_of_the_newest_as_it_was_asked_for_sent_all(ehr: Ehr, many: int, notes: set[str]) -> None:
    request = everything(ehr)
    del request["fhirServer"], request["fhirAuthorization"]
    paged, counted = page(results(0, many), "http://ehr.example.org/2"), page(results(0, many), total=300)
    for bundle in (paged, counted, {"response": {"status": "200 OK"}, "resource": counted}):
        request["prefetch"]["magnesium"] = bundle
        assert notes_of(ehr.call(request)[1]) == notes


def test_results_dated_by_the_instant_are_known_for_the_newest_too(ehr: Ehr) -> None:
    request = everything(ehr)
    del request["fhirServer"], request["fhirAuthorization"]
    entries = results(0, 10)
    for entry in entries:
        entry["resource"]["effectiveInstant"] = f"{entry['resource'].pop('effectiveDateTime')}T08:00:00Z"
    request["prefetch"]["magnesium"] = page(entries, total=300)
    assert notes_of(ehr.call(request)[1]) == set()
