"""Calls from a browser: only origins that are named, on every answer, and never with credentials."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings, SettingsError, read_settings
from tests.service.conftest import TODAY, Client

ORIGIN = "https://ehr.example.org"
PATH = "/cds-services/mgcds-patient-view"
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def browser(library: Library) -> TestClient:
    settings = Settings(today=TODAY, max_body=300_000, cors_origins=f"{ORIGIN}, https://sandbox.example.org:8443")
    return TestClient(create_app(library, settings), raise_server_exceptions=False)


def preflight(http: TestClient, path: str = PATH, **change: str) -> dict[str, str]:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST",
             "access-control-request-headers": "authorization, content-type"} | change  # fmt: skip
    answer = http.options(path, headers=asked)
    return dict(answer.headers) | {"status": str(answer.status_code)}


@pytest.mark.parametrize("path", [PATH, f"{PATH}/feedback", "/cds-services", "/no-such-place"])
def test_a_preflight_allows_what_clients_send(browser: TestClient, path: str) -> None:
    answer = preflight(browser, path)
    assert (answer["status"], answer[ALLOWED]) == ("200", ORIGIN)
    assert {"authorization", "content-type"} <= {n.strip().lower() for n in answer["access-control-allow-headers"].split(",")}
    assert "POST" in answer["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer
    assert "Origin" in answer["vary"]


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example.org"},
        {"origin": "https://ehr.example.org.evil.example.org"},
        {"origin": "http://ehr.example.org"},
        {"origin": "null"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-headers": "x-anything"},
    ],
)
def test_another_origin_method_or_header_is_refused_with_an_outcome(browser: TestClient, change: dict[str, str]) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"} | change
    answer = browser.options(PATH, headers=asked)
    assert answer.status_code == 403
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ALLOWED not in answer.headers
    assert not [value for value in change.values() if value in answer.text]


def test_errors_can_be_read_by_the_browser_too(browser: TestClient, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    good = client.fixture("02-severely-low-mmol")
    for path, content, status in (
        (PATH, b"{", 400),
        ("/cds-services/nothing", b"{}", 404),
        (PATH, b" " * 300_001, 413),
        ("/cds-services", b"{}", 405),
    ):
        answer = browser.post(path, content=content, headers={"content-type": "application/json", "origin": ORIGIN})
        assert (answer.status_code, answer.headers[ALLOWED]) == (status, ORIGIN)
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
    monkeypatch.setattr(Engine, "evaluate", lambda *_: 1 / 0)
    answer = browser.post(PATH, json=good, headers={"origin": ORIGIN})
    assert (answer.status_code, answer.headers[ALLOWED]) == (500, ORIGIN)


def test_another_origin_gets_an_answer_that_its_browser_will_not_show(browser: TestClient) -> None:
    answer = browser.get("/cds-services", headers={"origin": "https://evil.example.org"})
    assert answer.status_code == 200
    assert ALLOWED not in answer.headers
    assert answer.headers["vary"] == "Origin"
    assert browser.get("/cds-services").headers["vary"] == "Origin"  # or a cache would hand it to a browser


def test_without_named_origins_no_answer_is_for_browsers(client: Client) -> None:
    answer = client.http.get("/cds-services", headers={"origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert client.http.options(PATH, headers={"origin": ORIGIN, "access-control-request-method": "POST"}).status_code == 204


@pytest.mark.parametrize("value", ["*", "https://*.example.org", "ehr.example.org", f"{ORIGIN}/app", f"{ORIGIN},*", "null"])
def test_origins_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MGCDS_CORS_ORIGINS", value)
    with pytest.raises(SettingsError, match="MGCDS_CORS_ORIGINS: name each origin"):
        read_settings()
