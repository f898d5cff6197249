"""AuditEvents: valid FHIR, without anybody's name, whole lines, and never in the way of an answer."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.audit import AuditFile, audit_event
from mgcds.settings import SettingsError, read_settings
from tests.conftest import ROOT
from tests.service.tokens import ISSUER, PUBLIC, SERVICE, bearer, clients_file, key_server, token

AT = datetime(2026, 6, 15, 8, 30, tzinfo=UTC)


def event(**other: Any) -> dict[str, Any]:
    given = {"service": "mgcds-patient-view", "issuer": "https://ehr.example.org", "user": "u" * 64, "patient": "p" * 64,
             "request_id": "r-1", "at": AT, "status": 200}  # fmt: skip
    return audit_event(**{**given, **other})


@pytest.mark.parametrize("other", [{}, {"issuer": ""}, {"user": ""}, {"patient": ""}, {"status": 412}, {"status": 503}])
def test_an_event_is_valid_fhir(other: dict[str, Any]) -> None:
    made = AuditEvent.model_validate(event(**other))
    assert made.recorded == AT
    assert made.source is not None
    assert sum(agent.requestor for agent in made.agent) == 1


def test_the_one_who_asked_is_the_user_or_else_the_client() -> None:
    def requestor(made: dict[str, Any]) -> Any:
        (found,) = (agent["who"] for agent in made["agent"] if agent["requestor"])
        return found

    assert requestor(event())["identifier"]["value"] == "u" * 64
    assert requestor(event(user=""))["identifier"]["value"] == "https://ehr.example.org"
    assert requestor(event(user="", issuer="")) == {"display": "not authenticated"}


def test_no_profile_is_claimed_that_is_of_something_else() -> None:
    """IHE's PatientQuery wants a search and what was searched for; a CDS Hooks call has neither."""
    assert "meta" not in event()


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
    assert all(event.agent[0].who.display == "not authenticated" for event in events)  # nobody was verified
    assert REQUEST["context"]["patientId"] not in text
    assert answered.headers["x-request-id"] in text.splitlines()[0]
    assert len({line["entity"][-1]["what"]["identifier"]["value"] for line in map(json.loads, text.splitlines()[:2])}) == 1


def test_behind_the_door_too_every_event_is_valid_and_says_whether_the_client_was_verified(
    library: Library, tmp_path: Path
) -> None:
    feedback = f"{SERVICE}/feedback"
    entry = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-06-15T08:30:00Z"}
    with key_server() as keys:
        http = client(
            library, audit_file=tmp_path / "audit.ndjson", public_url=PUBLIC, clients=clients_file(tmp_path, keys.address)
        )
        sent: list[tuple[str, dict[str, str], Any, int]] = [
            (SERVICE, bearer(token()), REQUEST, 200),
            (SERVICE, {}, REQUEST, 401),
            (SERVICE, bearer(token(issuer="https://stranger.example.org")), REQUEST, 401),
            (SERVICE, bearer(token()), {**REQUEST, "prefetch": {}}, 412),
            (SERVICE, bearer(token()), {"hook": "patient-view"}, 400),
            (feedback, bearer(token(path=feedback)), {"feedback": [entry]}, 200),
            (feedback, {}, {"feedback": [entry]}, 401),
        ]
        got = [http.post(path, headers=headers, json=body).status_code for path, headers, body, _ in sent]
    assert got == [status for *_, status in sent]
    text = (tmp_path / "audit.ndjson").read_text(encoding="utf-8")
    events = [AuditEvent.model_validate_json(line) for line in text.splitlines()]
    assert [event.outcome for event in events] == ["0" if status == 200 else "4" for status in got]
    for made, status in zip(events, got, strict=True):
        who = made.agent[0].who
        assert (who.display, who.identifier and who.identifier.value) == (
            ("not authenticated", None) if status == 401 else (None, ISSUER)
        )
        assert sum(agent.requestor for agent in made.agent) == 1
    assert "stranger" not in text


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
