"""What the service records of its decisions, and that a record can be replayed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mgcds import replay as replaying
from mgcds.cards import findings_on
from mgcds.cli import app as command_line
from mgcds.language.library import Library
from mgcds.service.recording import Recording
from mgcds.service.upkeep import Upkeep, kept_days
from mgcds.settings import Settings, read_settings
from mgcds.store import Recorder, StoreError, open_database
from mgcds.store.records import records
from tests.service.conftest import FIXTURES, TODAY, Client
from tests.service.test_feedback import TWO_FINDINGS, WARNING, Site, entry, findings
from tests.service.test_leaks import CANARY, logged
from tests.service.test_repeats import selecting, signing

__all__ = ["logged"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a service, and of the commands."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("MGCDS_DATA_DIR", str(folder))
    monkeypatch.setenv("MGCDS_TODAY", TODAY)
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def stopped(library: Library, use: Callable[[Site], None], **given: Any) -> None:
    """A service that was used and then stopped, so that all is written."""
    site = Site(library, **given)
    with site.http:
        use(site)


def exported(*options: object) -> list[dict[str, Any]]:
    result = run("records", "export", *options)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def post(site: Site, body: bytes, hook: str) -> dict[str, Any]:
    answer = site.http.post(f"/cds-services/mgcds-{hook}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_each_evaluation_is_recorded_with_values_and_without_names(library: Library, data: Path, logged: Any) -> None:
    def marked(request: dict[str, Any]) -> None:
        request |= json.loads(json.dumps(request).replace(request["context"]["patientId"], CANARY))
        request["context"]["encounterId"] = CANARY

    answers: list[dict[str, Any]] = []
    stopped(library, lambda site: answers.append(site.call(WARNING, marked)))
    (record,) = exported()
    evaluation = answers[0]["extension"]["org.mgcds.evaluation"]
    assert (record["library"], record["day"], record["hook"]) == (library.hash, TODAY, "patient-view")
    assert record["service"] == "mgcds-patient-view"
    assert {rule: end["state"] for rule, end in record["rules"].items()} == {
        rule: end["state"] for rule, end in evaluation["rules"].items()
    }
    assert all(end["version"] for end in record["rules"].values())
    assert record["ms"] > 0
    sent = [finding for card in answers[0]["cards"] for finding in findings_on(card)]
    assert [finding["rule"] for finding in record["findings"]] == [finding["rule"] for finding in sent]
    magnesium = next(value for value in record["values"] if value["question"] == "serum_mg")
    assert {"value", "unit", "date"} <= set(magnesium)
    references = [because["reference"] for finding in sent for because in finding["because"]]
    words = [because["word"] for finding in sent for because in finding["because"] if "word" in because]
    assert references
    assert words
    text = json.dumps(record)
    for secret in (CANARY, *references, *words):
        assert f'"{secret}"' not in text
    assert CANARY not in text + logged()


def test_a_record_says_whose_call_it_was_and_what_was_not_known(library: Library, data: Path) -> None:
    stopped(library, lambda site: site.call(WARNING, lambda request: request["prefetch"].pop("magnesium")))
    (record,) = exported()
    assert record["issuer"] == "unauthenticated"
    assert "serum_mg" in record["not_known"]
    known = {*record["present"], *(value["question"] for value in record["values"])}
    assert known
    assert not known & set(record["not_known"])


@pytest.mark.parametrize(("given", "kept"), [({}, 1), ({"records": "off"}, 0)])
def test_records_are_kept_where_there_is_a_place_unless_switched_off(
    library: Library, data: Path, given: dict[str, str], kept: int
) -> None:
    stopped(library, lambda site: site.call(WARNING) and None, **given)
    assert len(exported()) == kept


def test_without_a_place_nothing_is_recorded(library: Library) -> None:
    assert Site(library).app.state.memory.recording is None


@pytest.mark.parametrize("broken", [Recording, Recorder])
def test_a_record_that_cannot_be_made_costs_no_card(
    library: Library, data: Path, monkeypatch: pytest.MonkeyPatch, broken: type
) -> None:
    from mgcds.service import recording

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    if broken is Recording:
        monkeypatch.setattr(recording, "content_of", fail)
    else:
        monkeypatch.setattr(Recorder, "_write", fail)
    site = Site(library)
    with site.http:
        assert findings(site.call(WARNING))
    assert site.app.state.memory.recording.recorder.dropped == 1


# --- replay


@pytest.mark.parametrize("name", sorted(path.stem for path in (FIXTURES / "requests").glob("*.json"))[::4])
def test_a_stored_request_is_decided_again_byte_for_byte(library: Library, data: Path, name: str, tmp_path: Path) -> None:
    file = FIXTURES / "requests" / f"{name}.json"
    body = file.read_bytes()
    hook = json.loads(body)["hook"]
    site = Site(library)
    with site.http:
        response = site.http.post(f"/cds-services/mgcds-{hook}", content=body, headers={"content-type": "application/json"})
    if response.status_code != 200:
        pytest.skip("this fixture is refused")
    (tmp_path / "record.json").write_text(json.dumps(exported("--request", file)[0]))
    result = run("replay", tmp_path / "record.json", "--request", file)
    assert result.exit_code == 0, result.output
    number = sum(len(findings_on(card)) for card in response.json()["cards"])
    assert result.stdout == f"The same: {number} findings, byte for byte.\n"
    assert result.stderr == ""


@pytest.fixture
def recorded(library: Library, data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A request that was answered twice, with its findings overridden between; and the record of the second answer."""
    request = FIXTURES / "requests" / f"{TWO_FINDINGS}.json"
    body = request.read_bytes()

    def use(site: Site) -> None:
        first = post(site, body, "order-select")
        site.override(first)
        assert post(site, body, "order-select")["cards"] == []

    stopped(library, use)
    record = tmp_path / "record.json"
    record.write_text(json.dumps(exported()[1]))
    return record, request


def test_overrides_of_that_time_are_in_force_again(recorded: tuple[Path, Path]) -> None:
    record, request = recorded
    assert {past["rule"] for past in json.loads(record.read_text())["overrides"]}
    result = run("replay", record, "--request", request)
    assert (result.exit_code, result.stdout) == (0, "The same: 0 findings, byte for byte.\n")
    changed = json.loads(record.read_text()) | {"overrides": []}
    record.write_text(json.dumps(changed))
    result = run("replay", record, "--request", request)
    assert result.exit_code == 1
    assert "suppressed" in result.stdout
    assert "now state fired" in result.stdout
    assert "findings: recorded none, now " in result.stdout


@pytest.fixture
def signed(library: Library, data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An order that was chosen and then signed, where the client asks that nothing is shown twice; the record of the signing."""
    site = Site(library)
    asking = Client(site.http)
    request = tmp_path / "signing.json"
    request.write_text(json.dumps(signing(asking)))
    with site.http:
        asking.call(selecting(asking))
        post(site, request.read_bytes(), "order-sign")
    record = tmp_path / "record.json"
    record.write_text(json.dumps(exported("--request", request)[0]))
    return record, request


def test_what_was_shown_when_the_order_was_chosen_stays_away_again(signed: tuple[Path, Path]) -> None:
    record, request = signed
    ends = [end for end in json.loads(record.read_text())["rules"].values() if end.get("reason") == "repeated"]
    assert {end["state"] for end in ends} == {"suppressed"}
    result = run("replay", record, "--request", request)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The same: ")


def test_a_rule_that_was_repeated_and_does_not_fire_any_more_differs(signed: tuple[Path, Path]) -> None:
    record, request = signed
    whole = json.loads(record.read_text())
    rule = next(rule for rule, end in whole["rules"].items() if end["state"] == "not-fired")
    repeated = {"state": "suppressed", "reason": "repeated", "level": "warning"}
    whole["rules"] |= {rule: whole["rules"][rule] | repeated, "ex-gone": repeated}
    record.write_text(json.dumps(whole))
    result = run("replay", record, "--request", request)
    assert result.exit_code == 1
    assert f"{rule}: recorded state suppressed level warning reason repeated" in result.stdout
    assert "ex-gone: recorded state suppressed level warning reason repeated, now not listed" in result.stdout


def test_another_day_another_request_and_another_version_are_told(recorded: tuple[Path, Path]) -> None:
    record, request = recorded
    whole = json.loads(record.read_text())
    later = {"day": "2027-06-15", "library": "0000", "mgcds": "0.0.9"}
    record.write_text(json.dumps(whole | later))
    again = record.parent / "again.json"
    again.write_text(json.dumps(json.loads(request.read_text())))
    result = run("replay", record, "--request", again)
    assert result.exit_code == 1
    for said in ("recorded by mgcds 0.0.9", "recorded with library 0000", "not the same file"):
        assert said in result.stderr
    assert result.stdout.strip()


def test_a_changed_value_is_named(recorded: tuple[Path, Path]) -> None:
    record, request = recorded
    whole = json.loads(record.read_text())
    value = next(each for each in whole["values"] if "unit" in each)
    value["value"] = 4711
    record.write_text(json.dumps(whole))
    result = run("replay", record, "--request", request)
    assert result.exit_code == 1
    assert f"{value['question']}: recorded 4711" in result.stdout


def test_without_the_key_the_rest_is_compared(recorded: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    record, request = recorded
    monkeypatch.delenv("MGCDS_DATA_DIR")
    result = run("replay", record, "--request", request)
    assert result.exit_code == 0
    assert "references and words were not compared" in result.stderr


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("{}", "this is no record"), ("[1]", "this is no record"), ("", "holds 0")]
)
def test_what_is_no_record_is_one_clear_line(recorded: tuple[Path, Path], text: str, says: str) -> None:
    record, request = recorded
    record.write_text(text)
    result = run("replay", record, "--request", request)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_record_without_its_request_and_a_broken_request_are_refused(recorded: tuple[Path, Path]) -> None:
    record, request = recorded
    assert "--request" in run("replay", record).stderr
    broken = record.parent / "broken.json"
    broken.write_text(request.read_text()[:-20])
    result = run("replay", record, "--request", broken)
    assert (result.exit_code, "is none that the service answers" in result.stderr) == (2, True)
    assert "cannot be read" in run("replay", record, "--request", "nowhere.json").stderr


def test_a_finding_that_differs_in_one_byte_differs() -> None:
    finding = {"rule": "ex-one", "because": [{"find": "x", "value": 1}]}
    before = {"rules": {}, "findings": [finding]}
    now = {"rules": {}, "present": [], "not_known": [], "findings": [finding | {"because": [{"find": "x", "value": 1.01}]}]}
    assert list(replaying._differences(before, now)) == ["ex-one: the finding differs in because"]
    assert list(replaying._differences(before, now | before)) == []


# --- report and erase


def test_the_report_counts_what_was_done_with_cards(recorded: tuple[Path, Path]) -> None:
    result = run("report", "--json", "--states")
    found = json.loads(result.stdout)
    overridden = {rule: each["overridden"] for rule, each in found["rules"].items()}
    assert overridden
    assert set(overridden.values()) == {1}
    assert all(each["reasons"] == {"benefit-outweighs-risk": 1} for each in found["rules"].values())
    assert found["evaluations"] == 2
    rule = next(iter(overridden))
    assert found["states"][rule] == {"fired": 1, "suppressed: overridden": 1}
    drawn = run("report", "--states").stdout
    assert f"  {rule}: benefit-outweighs-risk 1" in drawn
    assert drawn.splitlines()[0].split() == ["rule", "shown", "accepted", "overridden", "ignored", "waiting", "repeats"]
    assert "2 evaluations" in drawn
    assert run("report", "--since", "2027-01-01").stdout.startswith("No cards")


def test_a_patient_is_erased_and_comes_back_as_a_stranger(recorded: tuple[Path, Path], library: Library) -> None:
    _, request = recorded
    patient = json.loads(request.read_text())["context"]["patientId"]
    assert run("erase", "--patient", "somebody-else").stdout == "0 rows erased\n"
    result = run("erase", "--patient", patient)
    assert result.exit_code == 0
    assert result.stdout == "6 rows erased: 1 of feedback, 2 of finding, 1 of card, 2 of record\n"
    assert exported() == []
    assert findings(Site(library).call(TWO_FINDINGS)) != {}


def test_a_dry_run_prints_the_pseudonym_of_the_audit_file_and_erases_nothing(library: Library, data: Path) -> None:
    def used(site: Site) -> None:
        site.override(site.call(TWO_FINDINGS))

    stopped(library, used, audit_file=data / "audit.ndjson")
    patient, before = _patient(TWO_FINDINGS), exported()
    audit = (data / "audit.ndjson").read_text(encoding="utf-8")
    result = run("erase", "--patient", patient, "--dry-run")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    named = first.removeprefix("pseudonym ")
    assert re.fullmatch("[0-9a-f]{64}", named)
    assert named in audit
    assert named == before[0]["patient"]
    assert second == "5 rows would be erased: 1 of feedback, 2 of finding, 1 of card, 1 of record"
    assert exported() == before
    assert run("erase", "--patient", patient).stdout == "5 rows erased: 1 of feedback, 2 of finding, 1 of card, 1 of record\n"
    assert (data / "audit.ndjson").read_text(encoding="utf-8") == audit


def test_a_dry_run_finds_a_user_in_the_audit_file_as_it_finds_a_patient(library: Library, data: Path) -> None:
    stopped(library, lambda site: site.call(WARNING) and None, audit_file=data / "audit.ndjson")
    request = json.loads((FIXTURES / "requests" / f"{WARNING}.json").read_text(encoding="utf-8"))
    first, second = run("erase", "--patient", request["context"]["userId"], "--dry-run").stdout.splitlines()
    (event,) = map(json.loads, (data / "audit.ndjson").read_text(encoding="utf-8").splitlines())
    assert event["agent"][-1]["who"]["identifier"]["value"] == first.removeprefix("pseudonym ")
    assert second == "0 rows would be erased"


def _patient(name: str) -> str:
    request = json.loads((FIXTURES / "requests" / f"{name}.json").read_text(encoding="utf-8"))
    return str(request["context"]["patientId"])


def test_whoever_has_not_the_key_erases_nothing_and_is_told(
    recorded: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MGCDS_PSEUDONYM_KEY", "quite another secret")
    for more in ([], ["--dry-run"]):
        result = run("erase", "--patient", "p1", *more)
        assert result.exit_code == 2
        assert "another key" in result.stderr
        assert result.stdout == ""


@pytest.mark.parametrize("command", [["report"], ["records", "export"], ["erase", "--patient", "p1"]])
def test_where_there_is_no_database_none_is_made(command: list[str], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "there is no mgcds.sqlite3" in result.stderr
    assert list(data.iterdir()) == []
    monkeypatch.delenv("MGCDS_DATA_DIR")
    assert "which database?" in run(*command).stderr


# --- retention


def settings(**given: Any) -> Settings:
    return read_settings(today=TODAY, **given)


def test_memory_is_kept_as_long_as_an_override_counts(library: Library, tmp_path: Path) -> None:
    remember = library.policy.remember
    needed = remember.longest + 1
    assert kept_days(settings(data_dir=tmp_path), remember) == (None, None)
    assert kept_days(settings(data_dir=tmp_path, retention_days=5), remember) == (needed, 5)
    assert kept_days(settings(data_dir=tmp_path, retention_days=400), remember) == (400, 400)
    assert kept_days(settings(), remember) == (needed, None)  # in the memory of the process


def test_old_rows_go_at_start_and_a_short_time_is_warned_of(library: Library, data: Path, logged: Any) -> None:
    stopped(library, lambda site: site.call(WARNING) and None)
    assert len(exported()) == 1
    later = date.fromisoformat(TODAY) + timedelta(days=40)
    site = Site(library, data_dir=data, retention_days=20, today=later)
    database = open_database(data)
    with site.http:
        deadline = time.monotonic() + 60
        while list(records(database)) and time.monotonic() < deadline:
            time.sleep(0.05)
    lines = [json.loads(line) for line in logged().splitlines()]
    assert any("count longer than MGCDS_RETENTION_DAYS" in line["event"] for line in lines)
    assert any(line["event"] == "old rows deleted" and line["record"] == 1 for line in lines)
    assert json.loads(run("report", "--json").stdout)["rules"]  # 40 days are within the memory


def test_a_store_that_fails_does_not_end_the_upkeep(library: Library, logged: Any) -> None:
    def fail(*_: object) -> dict[str, int]:
        raise StoreError("the database could not be written (OperationalError)")

    assert Upkeep(fail, settings(), library.policy.remember).once() == {}
    assert "old rows not deleted" in logged()


def test_feedback_is_answered_by_card_of_the_same_issuer_only(library: Library, data: Path) -> None:
    site = Site(library)
    card = site.call(WARNING)["cards"][0]["uuid"]
    for _ in range(2):
        assert site.send({"feedback": [entry(card)]}).status_code == 200
    assert json.loads(run("report", "--json").stdout)["rules"]["mg-low-ppi"]["overridden"] == 1
