"""Bodies that are not what they should be: refused early, with a constant text."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.body import MOST_DEPTH, parse
from mgcds.service.errors import Refused
from mgcds.settings import Settings
from tests.service.conftest import Client
from tests.service.test_leaks import strings

PATH = "/cds-services/mgcds-patient-view"
JSON = {"content-type": "application/json"}

BAD = {
    "empty": b"",
    "cut off": b'{"hook": "patient-view", "contex',
    "a trailing comma": b'{"hook": "patient-view",}',
    "a comment": b'{"hook": "patient-view"} // hello',
    "two values": b"{}{}",
    "a list": b"[]",
    "a text": b'"patient-view"',
    "null": b"null",
    "a duplicate key": b'{"hook": "a", "hook": "a"}',
    "a duplicate key far inside": b'{"prefetch": {"patient": [{"id": "1", "id": "2"}]}}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond floats": b'{"a": 1e999}',
    "an integer of ten thousand digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "Latin-1": '{"a": "ü"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "too deep": b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
    "a hundred thousand deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a NUL": b'{"a": "\x00"}',
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_body_is_400(client: Client, case: str) -> None:
    response = client.http.post(PATH, content=BAD[case], headers=JSON)
    assert response.status_code == 400
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1", "json"],
)
def test_another_content_type_is_415(client: Client, content_type: str) -> None:
    response = client.http.post(PATH, content=b"{}", headers={"content-type": content_type})
    assert response.status_code == 415
    assert response.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/fhir+json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
def test_json_types_are_taken(client: Client, content_type: str) -> None:
    body = json.dumps(client.fixture("01-nothing-to-say")).encode()
    assert client.http.post(PATH, content=body, headers={"content-type": content_type}).status_code == 200


def test_two_content_types_are_none(client: Client) -> None:
    """Whoever stands before us may have looked at the other one."""
    headers = [("content-type", "application/json"), ("content-type", "text/plain")]
    assert client.http.post(PATH, content=b"{}", headers=headers).status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_415(client: Client, encoding: str) -> None:
    response = client.http.post(PATH, content=gzip.compress(b"{}"), headers=JSON | {"content-encoding": encoding})
    assert response.status_code == 415


@pytest.fixture(scope="module")
def small(library: Library) -> TestClient:
    return TestClient(create_app(library, Settings(max_body=1024)), raise_server_exceptions=False)


def test_a_body_that_is_announced_too_long_is_413(small: TestClient) -> None:
    assert small.post(PATH, content=b" " * 1025, headers=JSON).status_code == 413
    assert small.post(PATH, content=b" " * 1024, headers=JSON).status_code == 400


def test_a_body_is_counted_while_it_comes(small: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 512

    assert small.post(PATH, content=endless(), headers=JSON).status_code == 413  # chunked: no length is announced
    assert small.post(PATH, content=b" " * 2000, headers=JSON | {"content-length": "10"}).status_code in (400, 413)
    assert small.post(PATH, content=b"{}", headers=JSON | {"content-length": "9" * 40}).status_code == 413


def test_the_depth_of_real_resources_passes() -> None:
    deep = b'{"a":' * (MOST_DEPTH - 1) + b"{}" + b"}" * (MOST_DEPTH - 1)
    assert parse(deep)
    with pytest.raises(Refused):
        parse(b'{"a":' + deep + b"}")


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":[', b"]}"), (b"[", b"]"), (b'{"a":', b"}")])
def test_depth_counts_lists_and_objects_alike(opening: bytes, closing: bytes) -> None:
    """Lists in objects were counted as one level, so that resources could be nested twice as deeply."""
    pairs = (MOST_DEPTH - 2) // (len(closing))
    within = opening * pairs + b"{}" + closing * pairs
    assert parse(b'{"a":' + within + b"}")
    with pytest.raises(Refused, match="too deeply"):
        parse(b'{"a":[' + within + b"]}")


def test_a_byte_order_mark_is_taken(client: Client) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(client.fixture("01-nothing-to-say")).encode()
    assert client.http.post(PATH, content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"cut \ud83d here"', "cut \ufffd here"),
        (r'"\udc00\ud800"', "\ufffd\ufffd"),
        (r'"whole \ud83d\ude00"', "whole \U0001f600"),
        (r'"no escape \\ud83d"', r"no escape \ud83d"),
        (r'"\\\ud83d"', "\\\ufffd"),
    ],
)
def test_half_a_character_becomes_a_mark_instead_of_sinking_the_request(written: str, read: str) -> None:
    assert parse(f'{{"a": {written}}}'.encode())["a"] == read


def test_marks_and_half_characters_that_are_not_taken() -> None:
    for sent in (
        b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}',  # one byte order mark is passed over, two are not
        b'{"a": \xef\xbb\xbf1}',  # nor one that stands anywhere else
        b'{"a": "\xed\xa0\xbd"}',  # half a character as bytes is not UTF-8
        rb'{"\ud83d": 1, "\udc00": 2}',  # two names become the same
    ):
        with pytest.raises(Refused):
            parse(sent)
    assert parse(b'\xef\xbb\xbf{"\xef\xbb\xbf": 1}') == {"\ufeff": 1}


@pytest.mark.parametrize("name", ["10-order-sign-impaired-kidneys", "22-draft-to-move", "13-text-only-dosage"])
def test_half_a_character_in_any_text_sinks_nothing_behind_the_reader(client: Client, name: str) -> None:
    """The answer can be written, and so can the database: nothing of either half is left."""
    request = client.fixture(name)
    memory = client.http.app.state.memory  # type: ignore[attr-defined]
    before, statuses, path = memory.failures, set(), f"/cds-services/mgcds-{request['hook']}"
    for container, key in strings(request):
        kept = container[key]
        container[key] = f"{kept}\ud83d"
        body = b"\xef\xbb\xbf" + json.dumps(request).encode()
        response = client.http.post(path, content=body, headers=JSON)
        container[key] = kept
        statuses.add(response.status_code)
        assert "ud83d" not in response.text
        json.dumps(response.json(), ensure_ascii=False).encode()
    assert {200, 400} <= statuses <= {200, 400, 412}
    assert memory.failures == before


def test_half_a_character_in_feedback_is_dropped_with_the_comment(client: Client) -> None:
    _, answer = client.call(client.fixture("02-severely-low-mmol"))
    entry = {"card": answer["cards"][0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-06-15T10:00:00Z",
             "overrideReason": {"reason": {"code": "x\udc00"}, "userComment": "cut \ud83d"}}  # fmt: skip
    body = b"\xef\xbb\xbf" + json.dumps({"feedback": [entry]}).encode()
    response = client.http.post(f"{PATH}/feedback", content=body, headers=JSON)
    assert (response.status_code, response.json()["extension"]["org.mgcds.feedback"]["unknown"]) == (200, 0)


def test_half_a_character_in_a_drug_name_does_not_sink_the_cards(client: Client) -> None:
    request = client.fixture("10-order-sign-impaired-kidneys")
    whole = client.call(request)[1]
    body = json.dumps(request).replace('"draftOrders"', '"note": "\\ud83d", "draftOrders"', 1)
    response = client.http.post("/cds-services/mgcds-order-sign", content=body, headers=JSON)
    assert response.json() == whole


def test_numbers_keep_what_was_written() -> None:
    assert [repr(number) for number in parse(b'{"a": [0.1, 1.70, 12345.678901234, 3]}')["a"]] == [
        "0.1",
        "1.7",
        "12345.678901234",
        "3",
    ]
