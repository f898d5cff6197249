"""What a condition holds of: the three-valued table, tests, words, any and all, hooks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mgcds.check.charts import chart_of
from mgcds.engine.evaluate import Engine
from tests.spec.mini import Mini, case

QUESTIONS = """
serum_mg:
  latest: serum-magnesium
  as: mg/dL
  words: {low: {taken: within 90 days, below: 1.70 mg/dL}, high: {above: 2.60 mg/dL}}
  source: expert
ppi: {taking: proton-pump-inhibitors}
ppi_days: {exposure: proton-pump-inhibitors, courses_merge_within: 30 days, source: expert}
ckd: {has: ckd-4}
oral_mg: {taking: magnesium, by: [oral]}
sum: {total: magnesium, from: oral_mg, as: mg/day}
limit: {table: magnesium-ul, by: [age]}
"""
MG = "- {lab: serum-magnesium, value: %s, taken: %s}"
NONE = "- {not_supplied: [magnesium, medications, conditions, patient]}"


def holds(mini: Mini, condition: str, lines: str = "", at: str = "patient-view") -> str:
    mini.write("vocabulary/spec.yaml", QUESTIONS)
    mini.rule(f"triggers: [ppi]\nwhen:\n  - {condition}\nlevel: info\ncard: {{summary: Seen.}}\n",
              hooks="patient-view, order-select, order-sign")  # fmt: skip
    return mini.outcome(lines, at)


@pytest.mark.parametrize(
    ("condition", "not_supplied", "none_found", "found"),
    [
        ("serum_mg: present", "data-missing", "not-fired", "info"),
        ("serum_mg: absent", "data-missing", "info", "not-fired"),
        ("serum_mg: {below: 2.00 mg/dL}", "data-missing", "not-fired", "info"),
        ("serum_mg: {taken: within 5 days}", "data-missing", "not-fired", "info"),
        ("serum_mg: {none_within: 4 days}", "data-missing", "info", "info"),
        ("serum_mg: {none_within: 5 days}", "data-missing", "info", "not-fired"),
        ("serum_mg: low", "data-missing", "not-fired", "info"),
    ],
)
def test_not_supplied_none_found_and_found_are_three_things(
    mini: Mini, condition: str, not_supplied: str, none_found: str, found: str
) -> None:
    got = [holds(mini, condition, lines) for lines in (NONE, "", MG % ("1.50 mg/dL", "5 days ago"))]
    assert got == [not_supplied, none_found, found]


def test_a_count_or_total_with_nothing_found_is_zero_and_is_compared(mini: Mini) -> None:
    assert holds(mini, "ppi: {below: 1 products}") == "info"
    assert holds(mini, "ppi_days: {at_most: 0 days}") == "info"
    assert holds(mini, "sum: {below: 1 mg/day}") == "info"


@pytest.mark.parametrize(
    ("test", "below", "equal", "above"),
    [("below", 1, 0, 0), ("at_most", 1, 1, 0), ("above", 0, 0, 1), ("at_least", 0, 1, 1)],
)
def test_the_four_comparisons_at_their_boundary(mini: Mini, test: str, below: int, equal: int, above: int) -> None:
    values = ("1.69 mg/dL", "1.70 mg/dL", "1.71 mg/dL")
    got = [holds(mini, f"serum_mg: {{{test}: 1.70 mg/dL}}", MG % (value, "today")) == "info" for value in values]
    assert got == [bool(below), bool(equal), bool(above)]


def test_a_number_may_be_compared_with_another_question(mini: Mini) -> None:
    line = "- {taking: magnesium (elemental) %s mg tablet, by: oral, dose: %s mg}"
    assert holds(mini, "sum: {above: limit}", line % (351, 351)) == "info"
    assert holds(mini, "sum: {above: limit}", line % (350, 350)) == "not-fired"
    assert holds(mini, "sum: {above: limit}", line % (351, 351) + "\n- {patient: female}") == "data-missing"
    unsure = mini.evaluate(line % (351, 351) + "\n- {patient: female}").outcomes["ex-ample"]
    assert unsure.missing == ("limit",)  # the amount is known


def test_a_span_includes_both_ends(mini: Mini) -> None:
    got = {days: holds(mini, "serum_mg: {taken: 91 to 365 days ago}", MG % ("2 mg/dL", f"{days} days ago")) == "info"
           for days in (90, 91, 365, 366)}  # fmt: skip
    assert got == {90: False, 91: True, 365: True, 366: False}


def test_a_span_without_an_end_holds_from_its_first_day_on(mini: Mini) -> None:
    got = {
        days: holds(mini, "serum_mg: {taken: at least 91 days ago}", MG % ("2 mg/dL", f"{days} days ago"))
        for days in (90, 91, 4000)
    }
    assert got == {90: "not-fired", 91: "info", 4000: "info"}


def test_one_of_several_words_applies(mini: Mini) -> None:
    assert holds(mini, "serum_mg: [low, high]", MG % ("1.50 mg/dL", "today")) == "info"
    assert holds(mini, "serum_mg: [low, high]", MG % ("2.70 mg/dL", "today")) == "info"
    assert holds(mini, "serum_mg: [low, high]", MG % ("2.00 mg/dL", "today")) == "not-fired"


def test_any_holds_with_one_and_all_with_every_line(mini: Mini) -> None:
    either = "any: [{ckd: present}, {ppi: present}]"
    both = "all: [{ckd: present}, {ppi: present}]"
    assert holds(mini, either, "- {has: ckd-4}") == "info"
    assert holds(mini, both, "- {has: ckd-4}") == "not-fired"
    assert holds(mini, both, "- {has: ckd-4}\n- {taking: omeprazole}") == "info"
    assert holds(mini, either, "- {has: ckd-4}\n- {not_supplied: [medications]}") == "info"
    assert holds(mini, both, "- {has: ckd-4}\n- {not_supplied: [medications]}") == "data-missing"
    assert holds(mini, both, "- {not_supplied: [medications]}") == "not-fired"


def test_a_branch_that_does_not_hold_is_no_evidence(mini: Mini) -> None:
    either = "any: [{all: [{ckd: present}, {ppi: present}]}, {serum_mg: low}]"
    lines = "- {has: ckd-4}\n" + MG % ("1.50 mg/dL", "today")
    assert holds(mini, either, lines) == "info"
    assert [name for name, _ in mini.evaluate(lines).findings[0].because] == ["serum_mg"]
    assert [name for name, _ in mini.evaluate("- {has: ckd-4}\n- {taking: omeprazole}").findings[0].because] == ["ckd", "ppi"]


def test_in_focus_is_present_outside_order_hooks_and_in_the_draft_at_them(mini: Mini) -> None:
    assert holds(mini, "ppi: in focus", "- {taking: omeprazole}") == "info"
    assert holds(mini, "ppi: in focus", "- {taking: omeprazole}", "order-sign") == "not-fired"
    assert holds(mini, "ppi: in focus", "- {draft: omeprazole}", "order-sign") == "info"


def test_one_of_several_in_the_draft_is_enough_to_be_in_focus_and_at_order_select_it_must_be_selected(mini: Mini) -> None:
    lines = "- {taking: pantoprazole}\n- {draft: omeprazole}"
    assert holds(mini, "ppi: in focus", lines, "order-sign") == "info"
    assert holds(mini, "ppi: in focus", lines, "order-select") == "info"
    library, _ = mini.build()
    assert library is not None
    chart = chart_of(case(lines, "order-select"), library.terminology)
    chart = replace(chart, uses=tuple(use._replace(selected=False) for use in chart.uses))
    assert Engine(library).evaluate(chart).outcomes["ex-ample"].state == "not-fired"


def test_drafted_is_in_the_draft(mini: Mini) -> None:
    assert holds(mini, "ppi: drafted", "- {draft: omeprazole}", "order-sign") == "info"
    assert holds(mini, "ppi: drafted", "- {taking: omeprazole}", "order-sign") == "not-fired"


def test_at_is_the_hook_that_was_called(mini: Mini) -> None:
    assert holds(mini, "at: [patient-view]") == "info"
    assert holds(mini, "at: [order-sign]") == "not-fired"
