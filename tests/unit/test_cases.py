"""The runner of cases: a wrong expectation fails, whatever way it is written, and none checks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.check.cases import read_cases, run_file
from mgcds.engine.evaluate import Engine
from mgcds.source import SourceError

LOW = "chart: [{lab: serum-magnesium, value: 1.1 mg/dL}]"


def failures(folder: Path, engine: Engine, about: str, lines: str) -> list[str]:
    """What is wrong with one case of a file about a rule, the vocabulary or the policy."""
    name = "vocabulary/all" if about == "vocabulary" else about
    path = folder / f"{name}.test.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"cases:\n  - case: one\n    {lines}\n".replace("; ", "\n    "))
    (file,) = read_cases(folder)
    return [problem.message for problem in run_file(file, engine)]


@pytest.mark.parametrize(
    ("about", "lines"),
    [
        ("vocabulary", "expect: {serum_mg: [low, severely low, present, 1.10 mg/dL, not high, not 1.11 mg/dL, not absent]}"),
        ("vocabulary", "expect: {potassium: absent, age: 50 years, ppi: not present}"),
        ("mg-low-severe", "expect: critical; cards: [low-mg]; says: [agnesium]; does_not_say: [1.11 mg/dL]"),
        ("mg-low-ppi", "expect: silent"),
        ("policy", "expect: {mg-low-severe: critical, mg-low-ppi: silent}"),
    ],
)
def test_what_is_so_is_found_so(tmp_path: Path, engine: Engine, about: str, lines: str) -> None:
    assert failures(tmp_path, engine, about, f"{LOW}; {lines}") == []


@pytest.mark.parametrize(
    ("about", "lines", "message"),
    [
        ("vocabulary", "expect: {serum_mg: absent}", "serum_mg: expected absent, got 1.10 mg/dL"),
        ("vocabulary", "expect: {serum_mg: not known}", "serum_mg: expected not known, got 1.10 mg/dL"),
        ("vocabulary", "expect: {serum_mg: not present}", "serum_mg: expected not present, got"),
        ("vocabulary", "expect: {serum_mg: not low}", "serum_mg: expected not low, got"),
        ("vocabulary", "expect: {serum_mg: [low, high]}", "serum_mg: expected high, got"),
        ("vocabulary", "expect: {serum_mg: 1.11 mg/dL}", "serum_mg: expected 1.11 mg/dL, got"),
        ("vocabulary", "expect: {potassium: present}", "potassium: expected present, got absent"),
        ("vocabulary", "expect: {calcium: low}", "calcium: expected low, got absent"),
        ("vocabulary", "expect: {serum_magnesium: low}", "'serum_magnesium' is no question asked at patient-view"),
        ("mg-low-severe", "expect: silent", "mg-low-severe: expected silent, got critical"),
        ("mg-low-severe", "expect: warning", "mg-low-severe: expected warning, got critical"),
        ("mg-low-severe", "expect: {suppressed: overridden}", "expected suppressed overridden, got critical"),
        ("policy", "expect: {mg-low-severe: silent}", "mg-low-severe: expected silent, got critical"),
        ("policy", "expect: {mg-low-severe: critical}; cards: [other]", "expected cards other, got low-mg"),
        ("mg-low-severe", "expect: critical; says: [1.11 mg/dL]", "no card says '1.11 mg/dL'"),
        ("mg-low-severe", "expect: critical; does_not_say: [agnesium]", "a card says 'agnesium'"),
    ],
)
def test_what_is_not_so_fails(tmp_path: Path, engine: Engine, about: str, lines: str, message: str) -> None:
    (found,) = failures(tmp_path, engine, about, f"{LOW}; {lines}")
    assert message in found


@pytest.mark.parametrize(
    ("about", "lines", "message"),
    [
        ("policy", "expect: silent", "it expects nothing"),
        ("policy", "expect: {}", "it expects nothing"),
        ("vocabulary", "expect: low", "it expects nothing"),
        ("vocabulary", "expect: {serum_mg: []}", "it expects nothing"),
        ("policy", "expect: {mg-low-severer: silent}", "'mg-low-severer' is no rule"),
        ("vocabulary", "expect: {serum_mg: not hihg}", "'not hihg' is nothing that serum_mg can be"),
        ("vocabulary", "expect: {serum_mg: not 1.1 mmol/L}", "'not 1.1 mmol/L' is nothing that serum_mg can be"),
    ],
)
def test_a_case_that_would_pass_whatever_the_rules_do_is_refused(
    tmp_path: Path, engine: Engine, about: str, lines: str, message: str
) -> None:
    (found,) = failures(tmp_path, engine, about, f"{LOW}; {lines}")
    assert message in found


@pytest.mark.parametrize("key", ["lab", "has", "adding", "ordered", "booked", "intake"])
def test_a_case_about_a_concept_that_nobody_knows_is_refused(tmp_path: Path, engine: Engine, key: str) -> None:
    more = ", value: 1 mg" if key in ("lab", "intake") else ""
    (found,) = failures(tmp_path, engine, "mg-low-severe", f"chart: [{{{key}: serum-magnesuim{more}}}]; expect: silent")
    assert "'serum-magnesuim' is no concept; correct the name" in found


def test_a_file_of_cases_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "mg-low.test.yaml").write_text("cases:\n  - case: one\n    expekt: silent\n")
    with pytest.raises(SourceError, match="expekt"):
        read_cases(tmp_path)
