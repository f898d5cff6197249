"""The command line: results, messages, exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner, Result

from mgcds.cli import app
from mgcds.cli.verbs import MODULES
from tests.conftest import ROOT, RULES

PATIENT = ROOT / "fhir_fixtures/patients/woman-74-ppi-thiazide.json"
REQUEST = ROOT / "fhir_fixtures/requests/10-order-sign-impaired-kidneys.json"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def test_evaluate_draws_cards_as_a_clinician_would_see_them() -> None:
    result = run("evaluate", PATIENT, "--today", "2026-06-15")
    assert result.exit_code == 0
    assert "WARNING" in result.stdout
    words = " ".join(line.strip("│ ") for line in result.stdout.splitlines())
    assert "review the PPI; on omeprazole plus hydrochlorothiazide." in words  # nothing is cut off at the edge
    assert "[ Order serum potassium ]" in result.stdout


def test_evaluate_tells_data_that_were_not_supplied_from_data_that_were_not_used(tmp_path: Path) -> None:
    request = json.loads(REQUEST.read_text())
    del request["prefetch"]["conditions"]
    request["prefetch"]["orders"] = {"resourceType": "Bundle", "entry": ["x"]}
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    last = run("evaluate", file, "--today", "2026-06-15").stdout.splitlines()[-2:]
    assert last[0].startswith("Not supplied: the data for ")
    assert last[1] == "Not used: resource-unreadable 1"


def test_every_verb_is_in_the_module_that_the_table_names() -> None:
    """Else `--help` would not show it, and nobody could call it."""
    held = {module: set(get_group(import_module(f"mgcds.cli.{module}").app).commands) for module in set(MODULES.values())}
    assert {verb: module for module, verbs in held.items() for verb in verbs} == MODULES


def test_a_verb_that_is_misspelt_is_answered_with_one_like_it() -> None:
    assert "'evaluate'" in run("evalute").output


def test_what_is_logged_goes_to_stderr_and_leaves_the_results_alone() -> None:
    broken = "from mgcds.engine import answers\nanswers._VERBS = dict.fromkeys(answers._VERBS, lambda *_: 1 / 0)"
    ended = subprocess.run(
        [sys.executable, "-c", f"{broken}\nfrom mgcds.cli import main\nmain()", "evaluate", REQUEST, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "org.mgcds.evaluation" in json.loads(ended.stdout)["extension"]
    assert "question failed" in {json.loads(line)["event"] for line in ended.stderr.splitlines()}


def test_evaluate_json_prints_exactly_the_services_answer() -> None:
    answer = json.loads(run("evaluate", REQUEST, "--today", "2026-06-15", "--json").stdout)
    assert [card["indicator"] for card in answer["cards"]] == ["critical"]
    assert answer["extension"]["org.mgcds.evaluation"]["hook"] == "order-sign"


def test_half_a_character_and_a_byte_order_mark_sink_no_evaluation(tmp_path: Path) -> None:
    """As in the service: the draft is sent back in a suggestion, and half a character could not be written."""
    request = json.loads((ROOT / "fhir_fixtures/requests/22-draft-to-move.json").read_text(encoding="utf-8"))
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"]["note"] = [{"text": "cut \ud83d"}]
    file = tmp_path / "cut.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(request).encode())
    result = run("evaluate", file, "--today", "2026-06-15", "--json")
    assert result.exit_code == 0
    assert "cut \ufffd" in result.stdout
    assert json.loads(result.stdout)["cards"]


def test_evaluate_takes_a_list_of_resources(tmp_path: Path) -> None:
    entries = json.loads(PATIENT.read_text())["entry"]
    file = tmp_path / "list.json"
    file.write_text(json.dumps([entry["resource"] for entry in entries]))
    assert json.loads(run("evaluate", file, "--today", "2026-06-15", "--json").stdout)["cards"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ("5", "no CDS Hooks request"), ('{"context": {}, "hook": "x"}', "names no hook we answer")],
)
def test_an_unreadable_file_is_one_clear_line_and_exit_2(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    result = run("evaluate", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "nowhere.json"), "there is no such file"),
        (("evaluate", PATIENT, "--hook", "patient-viw"), "is no hook we answer"),
        (("evaluate", PATIENT, "--today", "tomorrow"), "is not a day"),
        (("explain", PATIENT, "--rule", "mg-nothing"), "no rule 'mg-nothing' answers patient-view"),
        (("test", "mg-nothing"), "there are no cases of 'mg-nothing'"),
        (("new-rule", "Bad_Id"), "is no rule id"),
    ],
)
def test_wrong_use_is_exit_2(arguments: tuple[object, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_evaluate_takes_a_folder_and_goes_on_after_an_unreadable_file(tmp_path: Path) -> None:
    shutil.copy(PATIENT, tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    shutil.copy(PATIENT, tmp_path / "c.json")
    result = run("evaluate", tmp_path, "--today", "2026-06-15", "--json")
    assert result.exit_code == 2
    assert [len(json.loads(line)["cards"]) for line in result.stdout.splitlines()] == [2, 2]
    assert "b.json: the file is not valid JSON" in result.stderr
    assert run("evaluate", tmp_path / "nothing").exit_code == 2


def test_explain_says_why_with_values_dates_and_references() -> None:
    result = run("explain", PATIENT, "--today", "2026-06-15", "--rule", "mg-low-ppi-diuretic")
    assert "fired at warning" in result.stdout
    assert "1.46 mg/dL on 2026-06-11" in result.stdout
    assert "Observation/" in result.stdout
    silent = run("explain", PATIENT, "--today", "2026-06-15", "--rule", "mg-low-severe").stdout
    assert "silent, because this does not hold: serum magnesium" in silent


def test_explain_names_what_was_missing() -> None:
    file = ROOT / "fhir_fixtures/requests/19-results-failed.json"
    (found,) = json.loads(run("explain", file, "--today", "2026-06-15", "--rule", "mg-low-severe", "--json").stdout)
    assert (found["state"], found["missing"]) == ("not-evaluable", ["serum magnesium"])


def test_schema_is_a_json_schema_of_rule_files() -> None:
    schema = json.loads(run("schema").stdout)
    assert {"rule", "when", "level", "card"} <= set(schema["properties"])


def test_test_runs_the_cases_of_one_rule_or_all() -> None:
    result = run("test", "mg-low-ppi")
    assert (result.exit_code, result.stdout) == (0, "12 of 12 cases pass\n")


def test_new_rule_writes_a_rule_that_loads_and_passes(rules: Path) -> None:
    result = run("new-rule", "mg-example-rule", "--rules", rules)
    assert result.exit_code == 0
    assert (rules / "magnesium/mg-example-rule.yaml").is_file()
    assert run("test", "mg-example-rule", "--rules", rules).stdout == "4 of 4 cases pass\n"
    assert run("new-rule", "mg-example-rule", "--rules", rules).exit_code == 2


def test_a_failing_case_is_exit_1_with_its_place(rules: Path) -> None:
    cases = rules / "magnesium/mg-low-severe.test.yaml"
    cases.write_text(cases.read_text().replace("expect: critical", "expect: info", 1))
    result = run("test", "mg-low-severe", "--rules", rules)
    assert result.exit_code == 1
    assert "magnesium/mg-low-severe.test.yaml:" in result.stdout
    assert "expected info, got critical" in result.stdout


def test_a_case_can_forbid_a_sentence(rules: Path) -> None:
    case = rules / "magnesium/mg-check-hypoca.test.yaml"
    case.write_text(case.read_text(encoding="utf-8").replace("does_not_say:", "does_not_say:\n      - Calcium 8.4", 1))
    result = run("test", "mg-check-hypoca", "--rules", rules)
    assert result.exit_code == 1
    assert "a card says 'Calcium 8.4'" in result.stdout


def test_check_stops_at_a_bad_rule_with_file_line_and_column(rules: Path) -> None:
    file = rules / "magnesium/mg-low-ppi.yaml"
    file.write_text(file.read_text().replace("90 days", "90"))
    result = run("check", rules)
    assert result.exit_code == 1
    assert "magnesium/mg-low-ppi.yaml:14:26: at_least: '90' is not a quantity" in result.stdout


def test_check_refuses_a_rule_without_cases_and_one_that_is_overdue(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (rules / "magnesium/mg-low-ppi.test.yaml").unlink()
    monkeypatch.setenv("MGCDS_TODAY", "2027-11-24")
    result = run("check", rules)
    assert result.exit_code == 1
    assert "no cases beside it; write mg-low-ppi.test.yaml" in result.stdout
    assert "its review was due on 2027-11-23" in result.stdout


def test_check_takes_the_day_on_which_reviews_must_not_be_due(rules: Path) -> None:
    result = run("check", rules, "--today", "2027-11-24")
    assert result.exit_code == 1
    assert "its review was due on 2027-11-23; review it, set reviewed and a new review_by, or retire the rule" in result.stdout
    lines = [line for line in result.stdout.splitlines() if "its review was due" in line]
    assert len(lines) == len(list(rules.glob("*/*.test.yaml"))) - len(list(rules.glob("vocabulary/*.test.yaml")))
    assert all(line.split(":")[0].endswith(".yaml") and line.split(":")[1] == "3" for line in lines)
    assert "numbers were not nudged" in result.stderr
    assert run("check", rules, "--today", "soon").exit_code == 2


def test_check_warns_of_reviews_that_are_due_soon(rules: Path) -> None:
    (rules / "magnesium/mg-low-ppi.test.yaml").unlink()  # so that it stops before the numbers are nudged
    result = run("check", rules, "--today", "2027-11-01")
    assert "mg-low-qt.yaml:3:" in result.stdout
    assert "warning: its review is due on 2027-11-23, in 22 days; plan it" in result.stdout
    assert "its review was due" not in result.stdout
    assert "1 problem in cases and reviews" in result.stderr


def test_cases_of_a_retired_rule_are_not_run(rules: Path) -> None:
    path = rules / "magnesium/mg-duplicate.yaml"
    path.write_text(path.read_text().replace("status: draft", "status: retired"))
    result = run("test", "mg-duplicate", "--rules", rules)
    assert result.exit_code == 2
    assert "'mg-duplicate' is retired, so its cases are not run" in result.stderr


def test_a_folder_that_is_no_library(tmp_path: Path) -> None:
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert "this is no rule library" in result.stdout
