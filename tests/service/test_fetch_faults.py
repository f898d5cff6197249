"""Servers that are slow, broken, hostile or not there cost their own data and the deadline at most."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service import fetch, fhir_read
from mgcds.service.app import create_app
from mgcds.settings import read_settings
from tests.service.conftest import TODAY
from tests.service.ehr import EMPTY, FAILED, Ehr, named, notes_of, rules_of, states_of
from tests.service.fault_server import Answer, FaultServer

HTML = Answer(raw=b"<html>Please sign in</html>", headers={"content-type": "text/html"})


@pytest.fixture(scope="module")
def http(library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(library, read_settings(today=TODAY, fetch_deadline_ms=20_000))) as http:
        yield http


@pytest.fixture(scope="module")
def hasty(library: Library) -> Iterator[TestClient]:
    with TestClient(create_app(library, read_settings(today=TODAY, fetch_deadline_ms=1_500))) as http:
        yield http


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(lambda _: Answer(FAILED, status=500)) as server:
        yield server


@pytest.fixture
def ehr(http: TestClient, server: FaultServer) -> Ehr:
    return Ehr(http, server)


@pytest.fixture(autouse=True)
def check(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", ""))


def big(size: int) -> bytes:
    return json.dumps(EMPTY | {"text": {"div": " " * size}}).encode()


BAD = {
    "fb.server-401": Answer(FAILED, status=401),
    "fb.server-403": Answer(FAILED, status=403),
    "fb.server-404": Answer(FAILED, status=404),
    "fb.server-500": Answer(FAILED, status=500),
    "fb.server-html": HTML,
    "html-called-json": Answer(raw=b"<html>Please sign in</html>"),
    "empty": Answer(raw=b""),
    "json-cut-off": Answer(raw=b'{"resourceType": "Bundle", "entry": ['),
    "body-cut-off": Answer(EMPTY | {"text": "x" * 500}, short=True),
    "no-object": Answer([EMPTY]),
    "duplicate-keys": Answer(raw=b'{"resourceType": "Bundle", "resourceType": "Bundle"}'),
    "not-a-number": Answer(raw=b'{"resourceType": "Bundle", "total": NaN}'),
    "too-deep": Answer(raw=b'{"resourceType": "Bundle", "a": ' + b"[" * 500 + b"]" * 500 + b"}"),
    "not-utf-8": Answer(raw=b'{"resourceType": "Bundle", "a": "\xff"}'),
    "wrong-type": Answer({"resourceType": "Basic", "id": "1"}),
    "outcome": Answer(FAILED),
    "entries-that-are-no-list": Answer(EMPTY | {"entry": {"resource": {"resourceType": "Basic"}}}),
    "another-search": Answer(EMPTY | {"entry": [{"resource": {"resourceType": "Basic", "id": "1"}}]}),
    "huge": Answer(raw=big(fhir_read.MOST_PAGE)),
    "gzip-bomb": Answer(raw=big(2 * fhir_read.MOST_PAGE), packed=True),
    "gzip-cut-off": Answer(raw=b"\x1f\x8b\x08\x00\x00", headers={"content-encoding": "gzip"}),
    "gzip-without-its-end": Answer(raw=gzip.compress(b'{"resourceType": "Bundle"}')[:-8], headers={"content-encoding": "gzip"}),
    "json-called-html": Answer(EMPTY, headers={"content-type": "text/html"}),
    "not-gzip": Answer(raw=b'{"resourceType": "Bundle"}', headers={"content-encoding": "gzip"}),
    "another-encoding": Answer(raw=b"x", headers={"content-encoding": "br"}),
    "too-many-entries": Answer(EMPTY | {"entry": [{}] * (fhir_read.MOST_ENTRIES + 1)}),
    "always-reset": Answer(reset=True),
    "no-http": Answer(raw=b"", status=99),
    "no-content": Answer(raw=b"", status=204),
}


@pytest.mark.parametrize("fault", BAD.values(), ids=BAD.keys())
def test_an_answer_that_is_no_answer_fails_like_none(ehr: Ehr, fault: Answer) -> None:
    ehr.faults["conditions"] = Answer(FAILED, status=400)
    nothing = ehr.call(ehr.without("conditions"))[1]
    ehr.faults["conditions"] = fault
    status, answer = ehr.call(ehr.without("conditions"))
    assert (status, states_of(answer)) == (200, states_of(nothing))
    assert notes_of(answer) == {"data-partial"}
    del ehr.faults["conditions"]
    assert states_of(ehr.call(ehr.without("conditions"))[1]) != states_of(nothing)

    ehr.faults["medications"] = fault
    status, outcome = ehr.call(ehr.without("medications"))
    assert (status, outcome["resourceType"]) == (412, "OperationOutcome")


def test_a_packed_answer_is_unpacked(ehr: Ehr) -> None:
    ehr.faults["magnesium"] = Answer(ehr.request["prefetch"]["magnesium"], packed=True)
    assert rules_of(ehr.call(ehr.without("magnesium"))[1]) == rules_of(ehr.call(ehr.request)[1])


@named("fb.dead-server")
def test_a_server_that_is_not_there_is_412_without_required_data(ehr: Ehr) -> None:
    with FaultServer(lambda _: Answer(FAILED)) as gone:
        dead = gone.base
    assert ehr.call(ehr.without() | {"fhirServer": dead})[0] == 412
    status, answer = ehr.call(ehr.without("conditions") | {"fhirServer": dead})
    assert (status, notes_of(answer)) == (200, {"data-partial"})


@named("fb.slow-server")
def test_a_slow_server_costs_the_deadline_and_no_more(hasty: TestClient, server: FaultServer) -> None:
    ehr = Ehr(hasty, server)
    assert ehr.call(ehr.without())[0] == 200  # warm
    ehr.faults["Observation"] = Answer(EMPTY, delay=30)
    started = time.monotonic()
    status, answer = ehr.call(ehr.without())
    assert time.monotonic() - started < 20  # the server would take 30
    assert (status, notes_of(answer)) == (200, {"data-partial"})
    assert answer["cards"][-1]["source"]["topic"]["code"] == "incomplete"
    ehr.faults["patient"] = Answer(raw=b" ", drip=True)
    assert ehr.call(ehr.without())[0] == 412


def test_a_slow_server_holds_up_nobody_else(hasty: TestClient, server: FaultServer) -> None:
    ehr = Ehr(hasty, server)
    ehr.faults["*"] = Answer(EMPTY, delay=30)
    assert ehr.call(ehr.without())[0] == 412
    ehr.faults.clear()
    assert ehr.call(ehr.without())[0] == 200


def test_a_deadline_of_zero_fetches_nothing(library: Library, server: FaultServer) -> None:
    with TestClient(create_app(library, read_settings(today=TODAY, fetch_deadline_ms=0))) as http:
        ehr = Ehr(http, server)
        assert ehr.call(ehr.without())[0] == 412
        assert ehr.call(ehr.without("conditions"))[0] == 200
    assert server.asked == []


@pytest.mark.parametrize(
    "first",
    [Answer(reset=True), *(Answer(FAILED, status=status) for status in (502, 503, 504))],
    ids=["reset", "502", "503", "504"],
)
def test_one_read_that_was_cut_off_or_met_a_busy_server_is_sent_again(ehr: Ehr, first: Answer) -> None:
    answers = iter([first, Answer(ehr.request["prefetch"]["magnesium"])])
    ehr.faults["magnesium"] = lambda _: next(answers)
    request = ehr.without("magnesium")
    assert rules_of(ehr.call(request)[1]) == rules_of(ehr.call(ehr.request)[1])


@pytest.mark.parametrize(
    ("fault", "times"),
    [(Answer(reset=True), 2), (Answer(FAILED, status=503), 2), (Answer(FAILED, status=500), 1), (Answer(FAILED, status=429), 1),
     (HTML, 1)],
    ids=["reset", "503", "500", "429", "html"],
)  # fmt: skip
def test_no_read_is_sent_more_than_twice(ehr: Ehr, fault: Answer, times: int) -> None:
    ehr.faults["conditions"] = fault
    ehr.call(ehr.without("conditions"))
    assert [asked.kind for asked in ehr.server.asked if asked.kind == "Condition"] == ["Condition"] * times


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(ehr: Ehr, status: int) -> None:
    with FaultServer(lambda _: Answer(EMPTY)) as canary:
        for target in (f"{canary.base}/Condition", f"{ehr.server.base}/Condition?elsewhere=1"):
            ehr.faults["conditions"] = Answer(EMPTY, status=status, headers={"location": target})
            code, answer = ehr.call(ehr.without("conditions"))
            assert (code, notes_of(answer)) == (200, {"data-partial"})
        assert canary.connections == 0
    assert not [asked for asked in ehr.server.asked if "elsewhere" in asked.path]


def test_all_answers_together_are_bounded(ehr: Ehr) -> None:
    """Each is just small enough; together they are not."""
    ehr.faults["Observation"] = Answer(raw=big(fhir_read.MOST_PAGE - 1000))
    laboratory = [key for key, template in ehr.templates.items() if template.startswith("Observation")]
    one, all_ = ehr.without(laboratory[0]), ehr.without(*laboratory)
    one["prefetch"] |= dict.fromkeys(laboratory[1:], EMPTY)
    assert notes_of(ehr.call(one)[1]) == set()
    assert notes_of(ehr.call(all_)[1]) == {"data-partial"}


def test_a_bomb_is_never_unpacked_whole() -> None:
    bomb = gzip.compress(bytes(12 * fhir_read.MOST_PAGE))

    class Body(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield bomb

    async def read() -> str:
        async with httpx2.AsyncClient() as client:
            with pytest.raises(fhir_read.Failed) as failure:
                await fhir_read.Reader(client, {})._bounded(
                    httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Body())
                )
        return failure.value.code

    tracemalloc.start()
    try:
        assert anyio.run(read) == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 5 * fhir_read.MOST_PAGE
    finally:
        tracemalloc.stop()


def test_a_fault_of_ours_with_one_key_costs_that_key_alone(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fetch.kind_of

    def failing(template: str) -> str:
        if template.startswith("Condition"):
            raise ZeroDivisionError("with a patient in it")
        return real(template)

    monkeypatch.setattr(fetch, "kind_of", failing)
    status, answer = ehr.call(ehr.without())
    assert (status, notes_of(answer)) == (200, {"data-partial"})


def test_the_environment_names_no_proxy(ehr: Ehr, monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
    with FaultServer(lambda _: Answer(EMPTY)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        with TestClient(create_app(library, read_settings(today=TODAY, fetch_deadline_ms=20_000))) as http:
            assert Ehr(http, ehr.server).call(ehr.without())[0] == 200
        assert proxy.connections == 0


def test_eight_reads_of_one_request_are_sent_at_once(ehr: Ehr) -> None:
    ehr.faults["*"] = Answer(EMPTY, until=lambda: len(ehr.server.asked) >= fetch.AT_ONCE)
    ehr.call(ehr.without())
    assert ehr.server.connections == fetch.AT_ONCE
    assert len(ehr.server.asked) == len(ehr.templates)
