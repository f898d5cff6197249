"""What operators see: counts, probes, one log line a request, its id, and traces; none of it about anybody."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mgcds.engine.session import Session
from mgcds.language.library import Library
from mgcds.service import tracing
from mgcds.service.app import create_app
from mgcds.service.operations import Lasting
from mgcds.settings import read_settings
from mgcds.store import Store, StoreError
from tests.service.conftest import TODAY, Client
from tests.service.running import Running
from tests.service.test_leaks import CANARY, planted, spans

__all__ = ["spans"]

CALL = "/cds-services/mgcds-patient-view"


@pytest.fixture
def fresh(library: Library) -> Client:
    """A service that has counted nothing yet."""
    return Client(TestClient(create_app(library, read_settings(today=TODAY)), raise_server_exceptions=False))


def counted(client: Client) -> dict[tuple[str, ...], float]:
    """Every sample: (name, label values in the order of label names) -> value."""
    text = client.http.get("/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_call_is_counted_by_service_status_rule_and_step(fresh: Client, library: Library) -> None:
    request = fresh.fixture("02-severely-low-mmol")
    _, answer = fresh.call(request)
    assert fresh.call({"hook": "patient-view"})[0] == 400
    found = counted(fresh)
    assert found["mgcds_requests_total", "call", "mgcds-patient-view", "200"] == 1
    assert found["mgcds_requests_total", "call", "mgcds-patient-view", "400"] == 1
    assert found["mgcds_request_seconds_count", "call"] == 2
    assert all(found["mgcds_step_seconds_count", step] == 1 for step in ("read", "evaluate", "cards"))
    rules = answer["extension"]["org.mgcds.evaluation"]["rules"]
    assert rules
    for rule, ended in rules.items():
        assert found["mgcds_rule_outcomes_total", rule, ended["state"]] == 1
    cards = [key for key in found if key[0] == "mgcds_cards_total"]
    assert sum(found[key] for key in cards) == len(answer["cards"]) > 0
    assert found["mgcds_library_info", library.hash, "0.1.0"] == 1
    assert (found["mgcds_workers",], found["mgcds_degraded",]) == (1, 0)


def test_what_is_not_understood_is_counted(fresh: Client) -> None:
    request = fresh.fixture("02-severely-low-mmol")
    request["prefetch"]["medications"] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
                                "subject": {"reference": "Patient/fx-02"},
                                "medicationCodeableConcept": {"text": "a potion"}}}],
    }  # fmt: skip
    assert fresh.call(request)[0] == 200
    assert counted(fresh)["mgcds_notes_total", "medication-unresolved"] == 1


def test_a_request_that_came_without_any_data_is_counted_as_stripped(fresh: Client) -> None:
    request = fresh.fixture("02-severely-low-mmol")
    fresh.call(request)
    assert ("mgcds_stripped_requests_total", "mgcds-patient-view") not in counted(fresh)
    del request["prefetch"]
    assert fresh.call(request)[0] == 412
    assert counted(fresh)["mgcds_stripped_requests_total", "mgcds-patient-view"] == 1


def test_engines_that_differ_are_counted_by_rule(fresh: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Session.run

    def lying(self: Session, *given: Any) -> Any:
        ruling = honest(self, *given)
        return type(ruling)(ruling.words, dict.fromkeys(ruling.levels, None), ruling.focused, ruling.suppressing)

    monkeypatch.setattr(Session, "run", lying)
    _, answer = fresh.call(fresh.fixture("02-severely-low-mmol"))
    differing = {
        rule for rule, ended in answer["extension"]["org.mgcds.evaluation"]["rules"].items() if ended["state"] == "error"
    }
    found = counted(fresh)
    assert differing
    assert {key[2] for key in found if key[0] == "mgcds_rule_errors_total"} == differing
    assert {key[1] for key in found if key[0] == "mgcds_rule_errors_total"} == {"engines-differ"}


def test_a_store_that_fails_is_counted_and_the_cards_still_go_out(fresh: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("the database could not be read")

    monkeypatch.setattr(Store, "overrides", fail)
    status, answer = fresh.call(fresh.fixture("02-severely-low-mmol"))
    assert (status, bool(answer["cards"])) == (200, True)
    assert counted(fresh)["mgcds_store_failures_total",] == 1


def test_feedback_is_counted_by_outcome(fresh: Client) -> None:
    _, answer = fresh.call(fresh.fixture("02-severely-low-mmol"))
    card = answer["cards"][0]["uuid"]
    at = f"{TODAY}T10:00:00Z"
    events = [
        {"card": card, "outcome": "overridden", "outcomeTimestamp": at},
        {"card": "0d3bb5b4-5f3c-5d0a-9d0c-000000000000", "outcome": "overridden", "outcomeTimestamp": at},
        {"card": card, "outcome": "accepted", "outcomeTimestamp": at, "acceptedSuggestions": [{"id": "x"}]},
    ]
    assert fresh.http.post(f"{CALL}/feedback", json={"feedback": events}).status_code == 200
    found = counted(fresh)
    assert found["mgcds_feedback_events_total", "overridden"] == 2
    assert found["mgcds_feedback_events_total", "accepted"] == 1
    assert found["mgcds_feedback_unknown_cards_total",] == 1


def test_no_caller_can_add_a_label(fresh: Client) -> None:
    before = set(counted(fresh))
    request = planted(fresh.fixture("02-severely-low-mmol"))
    for path in (f"/cds-services/{CANARY}", f"/{CANARY}", f"/rules/{CANARY}", f"{CALL}/{CANARY}", "/cds-services//", "//"):
        for method in ("GET", "POST", CANARY):
            fresh.http.request(
                method, path, content=json.dumps(request), headers={"x-request-id": CANARY, "user-agent": CANARY}
            )
    fresh.call(request, "mgcds-patient-view")
    text = fresh.http.get("/metrics").text
    assert CANARY not in text
    added = {key[1] for key in set(counted(fresh)) - before if key[0] == "mgcds_requests_total"}
    assert added <= {"call", "pages", "other", "discovery", "metrics"}


def test_metrics_may_be_switched_off_or_ask_for_a_token(library: Library) -> None:
    def asked(headers: dict[str, str] | None = None, **given: Any) -> int:
        app = create_app(library, read_settings(auth="off", **given))
        return TestClient(app).get("/metrics", headers=headers).status_code

    token = "a-token-of-many-characters"
    assert asked() == 200
    assert asked(metrics="off") == 404
    assert asked(host="0.0.0.0") == 404  # others can ask, and nobody said that they may
    assert asked(host="0.0.0.0", metrics="on") == 200
    assert asked(host="0.0.0.0", metrics_token=token) == 401
    assert asked({"authorization": "Bearer another"}, metrics_token=token) == 401
    assert asked({"authorization": f"Bearer {token}"}, host="0.0.0.0", metrics_token=token) == 200
    assert asked({"authorization": f"Bearer {token}"}, metrics="off", metrics_token=token) == 404


def test_secrets_may_be_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mgcds_metrics_token").write_text("a-token-of-many-characters\n")
    monkeypatch.setenv("MGCDS_SECRETS_DIR", str(tmp_path))
    token = read_settings().metrics_token
    assert token is not None
    assert token.get_secret_value() == "a-token-of-many-characters"


@pytest.mark.parametrize("given", ["0123456789abcdef", "5C4F.1-2_3", "0b8f6a52-3f5e-4a57-9c5c-0f1d2e3a4b5c"])
def test_a_safe_request_id_is_kept(client: Client, given: str) -> None:
    assert client.http.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["abc", "a" * 65, "JaneDoe-1950", "Jane Doe, born 1950", "a/b/c/d/e/f", "-starts-oddly", "ümlaut-ümlaut"]
)
def test_any_other_is_replaced(client: Client, given: str) -> None:
    answer = client.http.get("/healthz", headers={"x-request-id": given.encode()})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_readiness_tells_of_degraded_and_stopping(library: Library) -> None:
    lasting = Lasting()
    http = TestClient(create_app(library, read_settings(), lasting))
    lasting.condition.degraded = True
    assert (http.get("/readyz").status_code, http.get("/readyz").json()["status"]) == (200, "degraded")
    assert "mgcds_degraded 1.0" in http.get("/metrics").text
    lasting.condition.stopping = True
    answer = http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")
    assert answer.headers["connection"] == "close"


def test_one_application_follows_another_on_the_same_store_and_counts(library: Library) -> None:
    lasting = Lasting()
    settings = read_settings(today=TODAY)
    first = create_app(library, settings, lasting)
    client = Client(TestClient(first))
    _, answer = client.call(client.fixture("02-severely-low-mmol"))
    second = Client(TestClient(create_app(library, settings, lasting)))
    events = [{"card": answer["cards"][0]["uuid"], "outcome": "overridden", "outcomeTimestamp": f"{TODAY}T10:00:00Z"}]
    taken = second.http.post(f"{CALL}/feedback", json={"feedback": events}).json()
    assert taken["extension"]["org.mgcds.feedback"] == {"received": 1, "unknown": 0}
    assert counted(second)["mgcds_requests_total", "call", "mgcds-patient-view", "200"] == 1


def test_two_workers_are_counted_together(tmp_path: Path) -> None:
    with Running("--workers", "2", MGCDS_DATA_DIR=str(tmp_path)) as service:
        calls = 0
        deadline = time.monotonic() + 60
        while len(service.workers_that_answered()) < 2:
            service.call()
            calls += 1
            assert time.monotonic() < deadline
        service.until(lambda: service.metric("mgcds_workers") == 2)
        # whichever worker is asked, it tells of both
        for _ in range(8):
            assert service.metric("mgcds_step_seconds_count") == 3 * calls
        assert service.metric("mgcds_request_seconds_count") > calls


def test_a_request_is_one_span_with_its_steps_below(client: Client, spans: Any) -> None:
    request = planted(client.fixture("02-severely-low-mmol"))
    request |= {key: client.fixture("02-severely-low-mmol")[key] for key in ("context", "hookInstance")}
    request["context"]["patientId"] = request["prefetch"]["patient"]["id"] = CANARY
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = client.http.post(
        CALL, json=request, headers={"traceparent": parent, "tracestate": f"vendor={CANARY}", "baggage": f"name={CANARY}"}
    )
    assert answer.status_code == 200
    made = {span.name: span for span in spans.get_finished_spans()}
    assert set(made) == {"POST call", "read", "evaluate", "cards"}
    root = made["POST call"]
    assert all(made[step].parent.span_id == root.context.span_id for step in ("read", "evaluate", "cards"))
    assert f"{root.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["mgcds.service"] == "mgcds-patient-view"
    assert root.attributes["mgcds.request_id"] == answer.headers["x-request-id"]
    assert CANARY not in "".join(span.to_json() for span in made.values())


def test_a_failure_leaves_no_text_in_a_span(
    library: Library, client: Client, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mgcds.engine.evaluate import Engine

    def fail(*_: object) -> None:
        raise RuntimeError(f"patient {CANARY}")

    monkeypatch.setattr(Engine, "evaluate", fail)
    assert client.call(client.fixture("02-severely-low-mmol"))[0] == 500
    made = {span.name: span for span in spans.get_finished_spans()}
    assert made["POST call"].attributes["http.response.status_code"] == 500
    assert not made["POST call"].status.is_ok
    assert CANARY not in "".join(span.to_json() for span in made.values())


def test_no_span_is_made_unless_a_collector_is_named() -> None:
    assert not tracing.is_asked_for({})
    assert tracing.is_asked_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    assert not tracing.is_asked_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"})


def test_spans_reach_a_collector() -> None:
    """A real process sends to a collector on loopback; what arrives names the steps and nobody."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra mgcds[otel] is not installed")
    import gzip
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    collector = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{collector.server_port}"
        with Running(OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_BSP_SCHEDULE_DELAY="100") as service:
            service.call()
            service.until(lambda: b"POST call" in b"".join(got))
            service.until(lambda: all(step in b"".join(got) for step in (b"read", b"evaluate", b"cards")))
    finally:
        collector.shutdown()
        collector.server_close()
    assert b"fx-02" not in b"".join(got)  # the patient's id
