"""AuditEvents: valid FHIR, without anybody's name, whole lines, and never in the way of an answer."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.audit import AuditFile, audit_event
from mgcds.settings import SettingsError, read_settings
from tests.conftest import ROOT

AT = datetime(2026, 6, 15, 8, 30, tzinfo=UTC)


def event(**other: Any) -> dict[str, Any]:
    given = {"service": "mgcds-patient-view", "issuer": "https://ehr.example.org", "user": "u" * 64, "patient": "p" * 64,
             "request_id": "r-1", "at": AT, "status": 200}  # fmt: skip
    return audit_event(**{**given, **other})


@pytest.mark.parametrize("other", [{}, {"user": ""}, {"patient": ""}, {"status": 412}, {"status": 503}])
def test_an_event_is_valid_fhir(other: dict[str, Any]) -> None:
    made = AuditEvent.model_validate(event(**other))
    assert made.recorded == AT
    assert made.source is not None


@pytest.mark.parametrize(("status", "outcome"), [(200, "0"), (400, "4"), (412, "4"), (500, "8"), (503, "8")])
def test_the_outcome_says_whose_fault_it_was(status: int, outcome: str) -> None:
    assert event(status=status)["outcome"] == outcome


def test_who_asked_about_whom_can_be_found_again_by_pseudonym() -> None:
    text = json.dumps(event())
    assert text.count("u" * 64) == 1
    assert text.count("p" * 64) == 1
    assert "p" * 64 not in json.dumps(event(patient=""))


def test_lines_are_whole_with_many_writers_and_the_file_is_ours_alone(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.ndjson")
    writers = [threading.Thread(target=lambda: [file.write(event()) for _ in range(50)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (tmp_path / "audit.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [event()] * 200
    assert stat.S_IMODE((tmp_path / "audit.ndjson").stat().st_mode) == 0o600


def test_the_file_can_be_rotated_away(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.ndjson")
    file.write(event())
    (tmp_path / "audit.ndjson").rename(tmp_path / "audit.1")
    file.write(event())
    assert all(len((tmp_path / name).read_text(encoding="utf-8").splitlines()) == 1 for name in ("audit.ndjson", "audit.1"))


def test_a_full_or_missing_place_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    failures: list[int] = []
    file = AuditFile(tmp_path / "no-such-folder/audit.ndjson", failed=lambda: failures.append(1))
    file.write(event())
    assert failures == [1]
    with pytest.raises(OSError, match="No such file"):
        file.check()


REQUEST = json.loads((ROOT / "fhir_fixtures/requests/12-ppi-and-thiazide-low-mg.json").read_text(encoding="utf-8"))


def client(library: Library, **given: Any) -> TestClient:
    return TestClient(create_app(library, read_settings(today="2026-06-15", **given)), raise_server_exceptions=False)


def test_every_call_and_feedback_leaves_one_event_however_it_ends(library: Library, tmp_path: Path) -> None:
    http = client(library, audit_file=tmp_path / "audit.ndjson")
    answered = http.post("/cds-services/mgcds-patient-view", json=REQUEST)
    http.post("/cds-services/mgcds-patient-view", json={**REQUEST, "prefetch": {}})
    http.post("/cds-services/mgcds-patient-view", json={"hook": "patient-view"})
    http.post("/cds-services/mgcds-patient-view/feedback", json={"feedback": []})
    http.get("/cds-services")
    http.get("/healthz")
    text = (tmp_path / "audit.ndjson").read_text(encoding="utf-8")
    events = [AuditEvent.model_validate_json(line) for line in text.splitlines()]
    assert [event.outcome for event in events] == ["0", "4", "4", "4"]
    assert REQUEST["context"]["patientId"] not in text
    assert answered.headers["x-request-id"] in text.splitlines()[0]
    assert len({line["entity"][-1]["what"]["identifier"]["value"] for line in map(json.loads, text.splitlines()[:2])}) == 1


def test_without_a_file_named_none_is_written(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert client(library).post("/cds-services/mgcds-patient-view", json=REQUEST).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_stops_no_answer_and_is_counted(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    http = client(library, audit_file=folder / "audit.ndjson")
    shutil.rmtree(folder)
    assert http.post("/cds-services/mgcds-patient-view", json=REQUEST).status_code == 200
    assert "mgcds_audit_failures_total 1.0" in http.get("/metrics").text


def test_a_place_that_cannot_be_written_to_stops_the_start(library: Library, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MGCDS_AUDIT_FILE"):
        client(library, audit_file=tmp_path / "nowhere/audit.ndjson")


def test_cards_are_made_fit_for_the_ehr_that_calls(library: Library) -> None:
    plain = client(library).post("/cds-services/mgcds-patient-view", json=REQUEST).json()["cards"]
    oracle = client(library, dialect="oracle").post("/cds-services/mgcds-patient-view", json=REQUEST).json()["cards"]
    assert all("links" in card for card in plain)
    assert not any("links" in card or "suggestions" in card for card in oracle)
    assert [card["detail"] for card in plain] == [card["detail"] for card in oracle]
