"""The command line and the settings with a site file; the example that ships with the project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mgcds.cli import app
from mgcds.language.load import load
from mgcds.settings import read_settings
from tests.conftest import ROOT, RULES

EXAMPLE = ROOT / "deploy/site-example.yaml"
PATIENT = ROOT / "fhir_fixtures/patients/woman-74-ppi-thiazide.json"
BAD = "site: General hospital\nrules:\n  mg-nothing: {state: off, because: x, approved_by: y, on: 2026-05-04}\n"
QUIET = """site: General hospital
rules:
  mg-low-ppi-diuretic: {state: shadow, because: we count first, approved_by: committee, on: 2026-05-04}
  mg-low-severe: {state: off, because: our laboratory calls, approved_by: committee, on: 2026-05-04}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(QUIET)
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    return file


def test_the_example_loads_and_says_what_it_changes() -> None:
    site = load(RULES, site=EXAMPLE).site
    assert site is not None
    assert site.name == "General hospital"
    assert site.changed
    assert site.rules


def test_the_setting_and_the_option_name_the_file(monkeypatch: pytest.MonkeyPatch, quiet: Path) -> None:
    monkeypatch.delenv("MGCDS_SITE", raising=False)
    assert read_settings().site is None
    monkeypatch.setenv("MGCDS_SITE", str(EXAMPLE))
    assert read_settings().site == EXAMPLE
    assert read_settings(site=quiet).site == quiet


def test_check_says_what_a_site_file_comes_to_and_what_ends_otherwise() -> None:
    result = run("check", "--site", EXAMPLE)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("General hospital changes 5 limits and 3 rules")
    assert "  serum_mg: low is below 1.60 mg/dL (in the library: below 1.70 mg/dL)" in lines
    assert "  mg-trd-screen: shadow" in lines
    assert "  mg-bisphosphonate: active at order-select, order-sign only" in lines
    assert any("cases of the library end otherwise here:" in line for line in lines)
    assert any(line.startswith("  mg-duplicate is switched off: ") for line in lines)
    assert any(line.startswith("  mg-bisphosphonate answers fewer hooks: ") for line in lines)
    assert any("vocabulary/magnesium.test.yaml:" in line and "expected low, got 1.69 mg/dL" in line for line in lines)


def test_check_of_a_site_file_that_changes_nothing_names_no_case(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("site: General hospital\n")
    result = run("check", "--site", file)
    assert result.exit_code == 0
    assert "General hospital changes 0 limits and 0 rules" in result.stdout
    assert "\n0 of " in result.stdout


def test_a_bad_site_file_is_a_finding_of_check(bad: Path) -> None:
    result = run("check", "--site", bad)
    assert result.exit_code == 1
    assert f"{bad}:3:3: there is no rule 'mg-nothing'" in result.stdout


@pytest.mark.parametrize("command", [("evaluate", PATIENT), ("explain", PATIENT), ("test", "mg-low-ppi"), ("serve",)])
def test_nothing_runs_with_a_bad_site_file(command: tuple[object, ...], bad: Path) -> None:
    result = run(*command, "--site", bad)
    assert result.exit_code == 2
    assert f"{bad}:3:3: there is no rule 'mg-nothing'" in result.stderr
    assert "the site file cannot be used: 1 problem" in result.stderr


def test_a_site_file_from_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, bad: Path) -> None:
    monkeypatch.setenv("MGCDS_SITE", str(bad))
    assert run("evaluate", PATIENT).exit_code == 2


def test_evaluate_shows_what_the_site_shows(quiet: Path) -> None:
    def states(*site: object) -> dict[str, str]:
        answer = json.loads(run("evaluate", PATIENT, "--today", "2026-06-15", "--json", *site).stdout)
        return {rule: outcome["state"] for rule, outcome in answer["extension"]["org.mgcds.evaluation"]["rules"].items()}

    plain, sited = states(), states("--site", quiet)
    assert (plain["mg-low-ppi-diuretic"], plain["mg-low-ppi"], plain["mg-low-severe"]) == ("fired", "superseded", "not-fired")
    assert (sited["mg-low-ppi-diuretic"], sited["mg-low-ppi"], sited["mg-low-severe"]) == ("shadow", "fired", "off")


def test_explain_says_what_the_site_has_decided(quiet: Path) -> None:
    text = run("explain", PATIENT, "--today", "2026-06-15", "--site", quiet).stdout
    assert "~ mg-low-ppi-diuretic would be shown at warning" in text
    assert "o mg-low-severe switched off by the site: our laboratory calls." in text


def test_cases_run_against_the_library_and_the_site_is_information(quiet: Path) -> None:
    result = run("test", "mg-low-severe", "--site", quiet)
    assert result.exit_code == 0
    assert "cases pass" in result.stdout
    assert "  mg-low-severe is switched off: " in result.stdout


def test_what_the_how_to_types_is_a_site_file(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/site-configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "site.yaml"
    file.write_text(block)
    site = load(RULES, site=file).site
    assert site is not None
    assert next((one.question, one.part) for one in site.changed) == ("serum_mg", "low")
    assert dict(site.rules)["mg-trd-screen"].state == "shadow"
