"""The hazard log: typed, rated, and every control shown by a test that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.check.hazards import LIKELIHOODS, SEVERITIES, Risk, read_hazards, unproven
from mgcds.source import SourceError
from tests.conftest import ROOT

GOOD = """
hazards:
  - id: H-01
    hazard: A result is misread
    cause: A unit is missing
    harm: A deficiency is missed
    before: {severity: serious, likelihood: probable}
    after: {severity: serious, likelihood: remote}
    controls:
      - does: Without a unit nothing is read
        tests:
          - tests/unit/test_hazards.py::test_a_good_log_has_no_problem
          - rules/magnesium/mg-low-severe.test.yaml: exactly at the limit
"""


def log(folder: Path, text: str) -> Path:
    path = folder / "hazards.yaml"
    path.write_text(text.lstrip("\n"))
    return path


def problems(folder: Path, text: str) -> list[str]:
    try:
        return [str(problem) for problem in unproven(read_hazards(log(folder, text)), ROOT)]
    except SourceError as error:
        return [str(problem) for problem in error.problems]


def test_a_good_log_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("::test_a_good_log_has_no_problem", "::test_nothing", ":11:13: there is no test 'test_nothing' in tests/unit/test_hazards.py"),
        ("tests/unit/test_hazards.py", "tests/unit/test_gone.py", ":11:13: there is no test 'test_a_good_log_has_no_problem' in tests/unit/test_gone.py"),
        ("::test_a_good_log_has_no_problem", "::log", ":11:13: there is no test 'log'"),
        (": exactly at the limit", ": at the limit exactly", ":12:13: there is no case 'at the limit exactly' in rules/magnesium/mg-low-severe.test.yaml"),
        ("mg-low-severe.test", "mg-low-gone.test", ":12:13: there is no case 'exactly at the limit'"),
        ("::test_a_good_log_has_no_problem", "", "write tests/path.py::test_name, or rules/path.test.yaml: the name of a case"),
        (GOOD[GOOD.index("        tests:"):], "        tests: []\n", "a control needs a test that shows it; name at least one"),
        (GOOD[GOOD.index("        tests:"):], "", "'tests' is missing; add it"),
        (GOOD[GOOD.index("    controls:"):], "", "'controls' is missing; add it"),
        (GOOD[GOOD.index("    controls:"):], "    controls: []\n", "controls"),
        ("likelihood: remote", "likelihood: probable", ":2:9: H-01: its controls change nothing; name one that does, or rate it anew"),
        ("serious, likelihood: probable}\n    after: {severity: serious, likelihood: remote", "catastrophic, likelihood: frequent}\n    after: {severity: catastrophic, likelihood: occasional", "what is left is still a high risk; add a control"),
        ("severity: serious, likelihood: probable", "severity: bad, likelihood: probable", "severity: 'bad' is not one of"),
        ("Without a unit nothing is read", "TBD", "does: 'TBD' says nothing; write who or what it is"),
        ("cause:", "reason:", "'reason' is not a word this block knows"),
        ("hazards:\n", "hazards:\n" + GOOD.partition("hazards:\n")[2], "the hazard id 'H-01' is used twice; ids are for life"),
    ],
)  # fmt: skip
def test_each_mistake_of_the_log_has_a_place_a_cause_and_a_way_out(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert GOOD.count(old) >= 1
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(message in line for line in found), found
    assert all(line.split(":")[1].isdigit() and line.split(":")[2].isdigit() for line in found)


def test_a_risk_grows_with_severity_and_likelihood() -> None:
    levels = {"low": 0, "medium": 1, "high": 2}
    for severity in SEVERITIES:
        ranks = [levels[Risk(severity=severity, likelihood=likelihood).level] for likelihood in LIKELIHOODS]
        assert ranks == sorted(ranks)
    for likelihood in LIKELIHOODS:
        ranks = [levels[Risk(severity=severity, likelihood=likelihood).level] for severity in SEVERITIES]
        assert ranks == sorted(ranks)
    assert Risk(severity="negligible", likelihood="improbable").level == "low"
    assert Risk(severity="catastrophic", likelihood="improbable").level == "medium"
    assert Risk(severity="catastrophic", likelihood="frequent").level == "high"


def test_the_generated_log_names_every_hazard_control_and_test() -> None:
    text = (ROOT / "docs/reference/hazard-log.md").read_text(encoding="utf-8")
    for hazard in read_hazards(ROOT / "docs/hazards.yaml"):
        assert f"## {hazard.id}\n\n**{hazard.hazard}**" in text
        for control in hazard.controls:
            assert f"- Control: {control.does}" in text
            assert all(proof.name in text and f"(../../{proof.file})" in text for proof in control.tests)
