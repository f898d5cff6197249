"""Nothing of a request comes back in an error or stands in a log, an audit event or a record, and failures are never empty."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.service import tracing
from mgcds.service.app import create_app
from mgcds.service.logs import configure
from mgcds.settings import read_settings
from mgcds.store import open_database
from mgcds.store.records import exported, records
from tests.service.conftest import TODAY, Client

CANARY = "canaryJaneDoe"
# Headers that a caller may fill as it likes, and that others would copy into logs or traces.
EVERYWHERE = {
    "x-request-id": CANARY, "tracestate": f"vendor={CANARY}", "baggage": f"name={CANARY}", "user-agent": CANARY,
    "traceparent": f"00-{CANARY}-b7ad6b7169203331-01", "referer": f"https://ehr.example.org/{CANARY}",
}  # fmt: skip


def planted(value: Any, *, keep: tuple[str, ...] = ("resourceType", "hook", "hookInstance", "system", "status")) -> Any:
    """The value with the canary in every text, and in a key of every object."""
    if isinstance(value, dict):
        marked = {key: item if key in keep else planted(item) for key, item in value.items()}
        return marked | {f"{CANARY}Key": CANARY}
    if isinstance(value, list):
        return [planted(item) for item in value]
    return f"{CANARY} {value}" if isinstance(value, str) else value


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What the service writes to stderr, with its own configuration of logs."""
    import structlog

    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    configure("DEBUG")
    yield lambda: capsys.readouterr().err
    structlog.configure(**before)
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def spans() -> Iterator[Any]:
    """Every span that the service makes; skipped where the extra for traces is not installed."""
    trace = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra mgcds[otel] is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider.get_tracer("test"))
    yield exporter
    tracing.use(None)


@pytest.fixture
def client(library: Library, tmp_path: Path) -> Client:
    """A service that keeps everything it can: an audit file, a database, and records in it."""
    settings = read_settings(
        today=TODAY, public_url="https://cds.example.org", data_dir=tmp_path / "data", audit_file=tmp_path / "audit.ndjson"
    )
    return Client(TestClient(create_app(library, settings), raise_server_exceptions=True))


@pytest.fixture
def watched(client: Client, logged: Any, spans: Any, tmp_path: Path) -> Any:
    """Gives every place that must never hold anything of a request, by name, once; none of them may be empty."""

    def places() -> dict[str, str]:
        log = logged()
        metrics = client.http.get("/metrics")
        assert metrics.status_code == 200
        told = [span.to_json() for span in spans.get_finished_spans()]  # with events, links, state and resource
        client.http.app.state.memory.recording.recorder.close(60)  # type: ignore[attr-defined]
        found = {
            "log": log,
            "metrics": metrics.text,
            "spans": "\n".join(told),
            "audit": (tmp_path / "audit.ndjson").read_text(encoding="utf-8"),
            "records": _records(open_database(tmp_path / "data")),
        }
        assert "answered" in found["log"]
        assert "mgcds_requests_total{" in found["metrics"]
        assert "mgcds.request_id" in found["spans"]
        assert '"AuditEvent"' in found["audit"]
        assert '"rules"' in found["records"]
        return found

    return places


def _records(database: Database) -> str:
    """Every decision record, as `mgcds records export` prints it."""
    return "\n".join(json.dumps(exported(record_id, decision)) for record_id, decision in records(database))


def bad_requests(client: Client) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Every way to be refused, each full of canaries: (method, path, body, headers)."""
    good = client.fixture("02-severely-low-mmol")
    path, json_type = "/cds-services/mgcds-patient-view", {"content-type": "application/json"}
    marked = json.dumps(planted(good)).encode()
    yield "POST", path, marked, json_type
    yield "POST", path, marked[:-30], json_type
    yield "POST", path, marked.replace(b'"hook":', b'"hook": 1, "hook":', 1), json_type
    yield "POST", path, marked, {"content-type": f"text/{CANARY}"}
    yield "POST", path, marked, json_type | {"content-encoding": CANARY}
    yield "POST", path, marked + b" " * 6_000_000, json_type
    yield "POST", f"/cds-services/{CANARY}", marked, json_type
    yield "PUT", path, marked, json_type
    yield "GET", f"/{CANARY}?{CANARY}={CANARY}", b"", {}
    for field in ("hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization"):
        for value in (CANARY, [CANARY], {CANARY: CANARY}, {"access_token": CANARY, "scope": [CANARY]}):
            yield "POST", path, json.dumps(good | {field: value}).encode(), json_type
    for field in ("userId", "patientId", "encounterId"):
        for value in (f"{CANARY}?{CANARY}", {CANARY: CANARY}, [CANARY]):
            request = client.fixture("02-severely-low-mmol")
            request["context"][field] = value
            yield "POST", path, json.dumps(request).encode(), json_type


def test_no_refusal_echoes_the_request(client: Client, watched: Any) -> None:
    refused = 0
    for method, path, body, headers in bad_requests(client):
        headers |= EVERYWHERE
        response = client.http.request(method, path, content=body, headers=headers)
        if response.status_code >= 400:
            refused += 1
            assert response.json()["resourceType"] == "OperationOutcome"
            assert CANARY not in response.text
            assert CANARY not in str(response.headers)
    assert refused > 30
    for place, text in watched().items():
        assert CANARY not in text, place


def strings(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) whose value is a text."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, str):
            yield value, key
        elif isinstance(item, dict | list):
            yield from strings(item)


@pytest.mark.parametrize("name", ["02-severely-low-mmol", "11-laxative-as-needed-referenced", "22-draft-to-move"])
def test_a_canary_in_any_one_text_of_a_request_is_found_nowhere_but_in_cards(client: Client, watched: Any, name: str) -> None:
    """One at a time, so that the others still lead deep into the service; in place of the text, and inside it."""
    request = client.fixture(name)
    service = f"mgcds-{request['hook']}"
    seen = set()
    for number, (container, key) in enumerate(strings(request)):
        before = container[key]
        container[key] = CANARY if number % 2 else f"{before}{CANARY}"
        response = client.http.post(f"/cds-services/{service}", json=request, headers=EVERYWHERE)
        container[key] = before
        seen.add(response.status_code)
        assert CANARY not in str(response.headers), key
        assert response.status_code == 200 or CANARY not in response.text, key
    assert {200, 400} <= seen <= {200, 400, 412}
    for place, text in watched().items():
        assert CANARY not in text, place


def test_a_canary_in_any_one_text_of_feedback_is_found_nowhere(client: Client, watched: Any) -> None:
    _, answer = client.call(client.fixture("02-severely-low-mmol"))
    body = {
        "feedback": [
            {
                "card": answer["cards"][0]["uuid"],
                "outcome": "overridden",
                "outcomeTimestamp": f"{TODAY}T10:00:00Z",
                "overrideReason": {
                    "reason": {"code": "other", "system": "urn:mgcds:override-reason", "display": "Other"},
                    "userComment": "a comment",
                },
                "overrideReasons": [{"reason": {"code": "x", "system": "y", "display": "z"}, "userComment": "more"}],
                "acceptedSuggestions": [{"id": "an id"}],
                "extension": {"org.example.note": "a note"},
            }
        ]
    }
    path, seen = "/cds-services/mgcds-patient-view/feedback", set()
    for container, key in strings(body):
        before = container[key]
        container[key] = f"{before}{CANARY}"
        response = client.http.post(path, json=body, headers=EVERYWHERE)
        container[key] = before
        seen.add(response.status_code)
        assert CANARY not in response.text + str(response.headers), key
    assert seen == {200, 400}
    for place, text in watched().items():
        assert CANARY not in text, place


def test_a_page_that_is_not_there_does_not_echo_its_name(client: Client) -> None:
    response = client.http.get(f"/rules/{CANARY}")
    assert (response.status_code, CANARY in response.text) == (404, False)


def test_a_call_logs_what_happened_and_not_to_whom(client: Client, watched: Any) -> None:
    request = planted(client.fixture("02-severely-low-mmol"))
    request |= {key: client.fixture("02-severely-low-mmol")[key] for key in ("context", "hookInstance")}
    request["context"] |= {"encounterId": CANARY, "patientId": CANARY}
    request["prefetch"]["patient"]["id"] = CANARY
    assert client.call(request, "mgcds-patient-view")[0] == 200
    places = watched()
    for place, text in places.items():
        assert CANARY not in text, place
    text = places["log"]
    lines = [json.loads(line) for line in text.splitlines()]
    (answered,) = (line for line in lines if line["event"] == "answered")  # one line a request
    assert (answered["endpoint"], answered["service"]) == ("call", "mgcds-patient-view")
    assert sum(answered["states"].values()) > 0
    assert answered["cards"] >= 0
    assert (answered["status"], answered["method"]) == (200, "POST")
    assert answered["ms"] > 0
    assert re.fullmatch(r"[0-9a-f]{32}", answered["request_id"])


def test_an_unexpected_failure_is_500_and_logs_its_type_only(
    client: Client, watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.call(client.fixture("02-severely-low-mmol"))

    def fail(*_: object) -> None:
        raise RuntimeError(f"patient {CANARY}")

    monkeypatch.setattr(Engine, "evaluate", fail)
    response = client.http.post("/cds-services/mgcds-patient-view", json=client.fixture("02-severely-low-mmol"))
    assert response.status_code == 500
    assert response.json()["issue"][0] == {
        "severity": "fatal",
        "code": "exception",
        "diagnostics": "The service failed; nothing was decided.",
    }
    assert response.headers["x-request-id"]
    places = watched()
    for place, text in places.items():
        assert CANARY not in text, place
    failed = next(json.loads(line) for line in places["log"].splitlines() if json.loads(line)["event"] == "failed")
    assert failed["kind"] == "RuntimeError"


def test_lines_of_other_libraries_hold_no_arguments_and_no_traceback(logged: Any) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("uvicorn.error").error("request %s failed", CANARY, exc_info=sys.exc_info())
    text = logged()
    assert CANARY not in text
    assert json.loads(text)["kind"] == "ValueError"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing-here", 404),
        ("POST", "/cds-services/mgcds-nothing", 404),
        ("GET", "/cds-services/mgcds-patient-view", 405),
        ("PUT", "/cds-services/mgcds-patient-view", 405),
        ("DELETE", "/cds-services/mgcds-patient-view", 405),
        ("POST", "/cds-services", 405),
        ("POST", "/healthz", 405),
        ("POST", "/rules", 405),
    ],
)
def test_other_addresses_and_methods_are_refused_with_an_outcome(client: Client, method: str, path: str, status: int) -> None:
    response = client.http.request(method, path, json={} if method == "POST" else None)
    assert response.status_code == status
    assert response.json()["resourceType"] == "OperationOutcome"
    assert ("allow" in response.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/cds-services", "/rules", "/healthz", "/readyz", "/rules/", "/cds-services/"])
def test_head_answers_as_get_without_a_body(client: Client, path: str) -> None:
    head, get = client.http.head(path), client.http.get(path, follow_redirects=False)
    assert (head.status_code, head.content) == (200, b"")
    assert get.status_code == 200
    assert head.headers["content-length"] == get.headers["content-length"]


def test_options_says_which_methods_there_are(client: Client) -> None:
    response = client.http.options("/cds-services")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert client.http.options("/cds-services/mgcds-order-sign").headers["allow"] == "OPTIONS, POST"


def test_answers_about_patients_are_never_stored(client: Client) -> None:
    response = client.http.post("/cds-services/mgcds-patient-view", json=client.fixture("02-severely-low-mmol"))
    assert response.headers["cache-control"] == "no-store"


def test_health_names_the_library(client: Client, library: Library) -> None:
    known = {"rules": len(library.rules), "library": library.hash}
    assert client.http.get("/healthz").json() == {"status": "ok", **known}
    assert client.http.get("/readyz").json() == {"status": "ready", **known}


def test_the_interface_is_described_with_its_refusals(client: Client) -> None:
    described = client.http.get("/openapi.json").json()["paths"]["/cds-services/{service_id}"]["post"]
    assert {"200", "400", "404", "412", "413", "415", "500"} <= set(described["responses"])
    assert "hookInstance" in json.dumps(described["requestBody"])
    assert client.http.get("/docs").status_code == 200


def test_the_frameworks_own_telemetry_is_off(client: Client) -> None:
    """It would record exceptions with their texts; if it is reached another way one day, this shows it."""
    telemetry = getattr(client.http.app, "_native_telemetry", None)
    assert telemetry is None or not telemetry.enabled()
