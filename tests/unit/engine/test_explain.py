"""What `explain` says of a rule, in each of its end states."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.engine.explain import explain
from tests.spec.mini import POLICY, Mini

RULE = """
find:
  serum_mg: {latest: serum-magnesium, as: mg/dL}
  ppi: {taking: proton-pump-inhibitors, title: a proton-pump inhibitor}
  ckd: {has: ckd-4}
when: [all: [serum_mg: {below: 1.70 mg/dL}, ppi: present]]
unless: [ckd: present]
level: {warning: {serum_mg: {below: 1.50 mg/dL}}, info: {serum_mg: {below: 1.60 mg/dL}}}
card: {summary: "{{ serum_mg }} on {{ ppi }} {{ ckd }}"}
"""
LOW = "- {lab: serum-magnesium, value: 1.4 mg/dL}\n- {taking: omeprazole}\n"


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    mini = Mini(tmp_path)
    mini.rule(RULE)
    return mini


@pytest.mark.parametrize(
    ("lines", "summary"),
    [
        (LOW, "fired at warning, because everything it asks for holds"),
        (
            LOW + "- {not_supplied: [conditions]}",
            "fired at warning, because everything it asks for holds; not available: chronic kidney disease stage 4",
        ),
        (LOW + "- {has: ckd-4}", "silent, because chronic kidney disease stage 4 is present"),
        (LOW.replace("omeprazole", "metformin"), "silent, because this does not hold: a proton-pump inhibitor is present"),
        (LOW.replace("1.4", "1.65"), "silent, because no level applies"),
        (
            "- {taking: omeprazole}\n- {not_supplied: [magnesium]}",
            "could not be decided, because this was not supplied or is not exact enough: serum magnesium",
        ),
    ],
)
def test_the_summary_says_what_decided(mini: Mini, lines: str, summary: str) -> None:
    (told,) = explain(mini.evaluate(lines))
    assert told.summary == summary


def test_each_condition_has_a_line_with_its_data(mini: Mini) -> None:
    (told,) = explain(mini.evaluate(LOW + "- {not_supplied: [conditions]}"))
    assert [f"{mark}: {condition}" for mark, condition, _ in told.lines] == [
        "yes: serum magnesium is below 1.7 mg/dL",
        "yes: a proton-pump inhibitor is present",
        "not known: unless chronic kidney disease stage 4 is present",
        "yes: warning if serum magnesium is below 1.5 mg/dL",
        "yes: info if serum magnesium is below 1.6 mg/dL",
    ]
    assert told.lines[0][2] == "1.4 mg/dL on 2026-06-15 (0 days ago) [Case/0]"
    assert told.lines[2][2].startswith("not supplied: ")


def test_a_suppressed_rule_says_why_and_one_that_the_hook_does_not_have_is_an_error(mini: Mini) -> None:
    mini.write(
        "policy.yaml",
        POLICY + "suppress: [{because: kidneys, reason: dialysis, when: {dialysis: present}, drop: [group other]}]\n",
    )
    mini.write("vocabulary/spec.yaml", "dialysis: {has: dialysis}\n")
    evaluation = mini.evaluate(LOW + "- {has: dialysis}")
    (told,) = explain(evaluation, "ex-ample")
    assert (told.state, told.summary) == ("suppressed", "suppressed: kidneys")
    with pytest.raises(KeyError):
        explain(evaluation, "ex-other")
