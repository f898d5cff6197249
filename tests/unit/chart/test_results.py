"""Observations to results."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.chart.small import Json, chart, codes, concept, lab


def test_a_result_is_read_in_its_concepts_unit() -> None:
    (result,) = chart(lab(value=1.5)).results
    assert (result.concept, result.value, result.unit, result.reference) == ("salt", Decimal("1.50"), "mg/dL", "Observation/o1")
    assert result.taken.text == "2026-06-01"


@pytest.mark.parametrize(("value", "unit", "read"), [(0.6, "mmol/L", "1.50"), (15, "mg/L", "1.50"), ("1.5", "mg/dL", "1.50"),
                                                     (1.695, "mg/dL", "1.70"), (1.6949, "mg/dL", "1.69"),
                                                     (1.005, "mg/dL", "1.01"), (" 1.5 ", "mg/dL", "1.50")])  # fmt: skip
def test_units_are_converted_and_rounded_half_up(value: Any, unit: str, read: str) -> None:
    assert [result.value for result in chart(lab(value=value, unit=unit)).results] == [Decimal(read)]


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_results_count(status: str) -> None:
    assert chart(lab(status=status)).results


@pytest.mark.parametrize("status", ["preliminary", "registered", "cancelled", "unknown", None, 7])
def test_other_statuses_are_noted(status: Any) -> None:
    found = chart(lab(status=status))
    assert not found.results
    assert codes(found) == ["status-ignored"]


def test_a_result_entered_in_error_is_left_out_silently() -> None:
    found = chart(lab(status="entered-in-error"))
    assert not found.results
    assert not found.notes


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 1.5},
        {"value": 1.5, "unit": "furlong"},
        {"value": 1.5, "unit": "mmol/L", "code": "mg/dL"},
    ],
)
def test_no_unit_an_unknown_unit_or_two_that_contradict_are_never_guessed(quantity: Json) -> None:
    found = chart(lab(valueQuantity=quantity))
    assert not found.results
    assert codes(found) == ["unit-unknown"]


def test_two_units_that_mean_the_same_do_not_contradict() -> None:
    assert chart(lab(valueQuantity={"value": 0.6, "unit": "mEq/L", "code": "mmol/L"})).results


def test_a_score_needs_no_unit() -> None:
    assert [result.value for result in chart(lab("score", 12, None)).results] == [12]
    bare = lab("score", valueInteger=12)
    del bare["valueQuantity"]
    assert [result.value for result in chart(bare).results] == [12]


def test_a_score_in_a_unit_we_cannot_read_is_not_believed() -> None:
    for unit in ({"unit": "furlong"}, {"code": "furlong"}):
        assert codes(chart(lab("score", valueQuantity={"value": 12, **unit}))) == ["unit-unknown"]
    assert chart(lab("score", valueQuantity={"value": 12, "unit": " ", "code": " "})).results


@pytest.mark.parametrize("value", [0.2, 30])
def test_the_ends_of_what_is_plausible_are_believed(value: float) -> None:
    assert chart(lab(value=value)).results


@pytest.mark.parametrize("value", [0.19, 31])
def test_an_implausible_value_is_noted(value: float) -> None:
    found = chart(lab(value=value))
    assert not found.results
    assert codes(found) == ["value-implausible"]


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "1.3 mg/dL"},
        {"valueInteger": "1.5 mg/dL"},
        {"valueDecimal": "1.5 mg/dL"},
        {"valueRange": {"low": {"value": 1}}},
        {"valueRatio": {"numerator": {"value": 1}}},
        {"valueCodeableConcept": concept("expecting")},
        {"valueQuantity": {"value": 1.5, "unit": "mg/dL", "comparator": "ad"}},
        {"valueQuantity": {"value": 1.5, "unit": "mg/dL", "comparator": ["<"]}},
        {"valueQuantity": {"value": float("nan"), "unit": "mg/dL"}},
        {"valueQuantity": {"value": "Infinity", "unit": "mg/dL"}},
        {"valueQuantity": {"value": True, "unit": "mg/dL"}},
        {"valueQuantity": {"value": 10**15, "unit": "mg/dL"}},
        {"valueQuantity": {"value": -(10**15), "unit": "mg/dL"}},
        {"valueQuantity": "1.5"},
    ],
)
def test_what_is_no_number_is_noted(value: Json) -> None:
    sent = lab()
    del sent["valueQuantity"]
    found = chart(sent | value)
    assert not found.results
    assert not found.problems
    assert codes(found) == ["resource-unreadable"]


@pytest.mark.parametrize(
    ("unit", "value", "sent", "read"),
    [
        ("mg/dL", 1.5, "<", ("1.50", "<")),
        ("mg/dL", 1.5, "<=", ("1.50", "<=")),
        ("mg/dL", 9, ">", ("9.00", ">")),
        ("mg/dL", 1.505, "<", ("1.51", "<=")),  # rounding moved it, so that it may be reached
        ("mmol/L", 0.7, "<", ("1.75", "<")),
        ("mmol/L", 4, ">=", ("10.00", ">=")),
    ],
)
def test_a_comparator_makes_a_limit_of_a_result(unit: str, value: float, sent: str, read: tuple[str, str]) -> None:
    sample = lab()
    sample["valueQuantity"] = {"value": value, "unit": unit, "comparator": sent}
    (found,) = chart(sample).results
    assert (str(found.value), found.sign) == read


def test_a_limit_in_an_unknown_unit_or_out_of_all_bounds_is_no_result() -> None:
    for quantity, code in (
        ({"value": 1.5, "unit": "furlongs"}, "unit-unknown"),
        ({"value": 95, "unit": "mg/dL"}, "value-implausible"),
    ):
        found = chart(lab() | {"valueQuantity": {**quantity, "comparator": "<"}})
        assert not found.results
        assert codes(found) == [code]


def test_an_absent_value_needs_no_note() -> None:
    sent = lab(dataAbsentReason=concept("unknown"))
    del sent["valueQuantity"]
    assert not chart(sent).notes


def test_a_result_after_today_is_noted() -> None:
    assert chart(lab(when="2026-06-15T23:00:00Z")).results
    found = chart(lab(when="2026-06-16"))
    assert not found.results
    assert codes(found) == ["future-date"]


def test_without_a_sampling_date_the_date_of_issue_counts() -> None:
    (result,) = chart(lab(when=None, issued="2026-05-30T10:00:00Z")).results
    assert result.taken.text == "2026-05-30"


def test_without_any_date_a_result_cannot_be_used() -> None:
    found = chart(lab(when=None))
    assert not found.results
    assert codes(found) == ["resource-unreadable"]


def test_a_period_counts_by_its_end_and_tells_the_days_recorded() -> None:
    (result,) = chart(lab(when=None, effectivePeriod={"start": "2026-06-01", "end": "2026-06-03"})).results
    assert (result.taken.text, result.period_days) == ("2026-06-03", 3)


@pytest.mark.parametrize("period", [{"end": "2026-06-03"}, {"start": "2026-06-03"}])
def test_a_period_with_one_end_tells_no_days(period: Json) -> None:
    (result,) = chart(lab(when=None, effectivePeriod=period)).results
    assert (result.taken.text, result.period_days) == ("2026-06-03", None)


def test_a_component_is_a_result_of_its_own() -> None:
    panel = lab(code="panel", component=[{"code": concept("systolic"), "valueQuantity": {"value": 88, "unit": "mmHg"}}])
    del panel["valueQuantity"]
    found = chart(panel)
    assert [(result.concept, result.value) for result in found.results] == [("systolic", 88)]
    assert not found.notes


def test_a_component_that_is_sent_twice_is_one_result() -> None:
    part = {"code": concept("systolic"), "valueQuantity": {"value": 88, "unit": "mmHg"}}
    assert [result.value for result in chart(lab(code="panel", component=[part, part])).results] == [88]


def _status(value: str, when: str, identity: str = "o1", **more: Any) -> Json:
    sent = lab("expecting-status", when=when, id=identity, valueCodeableConcept=concept(value), **more)
    del sent["valueQuantity"]
    return sent


def test_a_coded_flag_is_a_problem_of_the_concept_of_its_value() -> None:
    (problem,) = chart(_status("expecting", "2026-06-01")).problems
    assert (problem.concepts, problem.reference) == (frozenset({"expecting"}), "Observation/o1")


@pytest.mark.parametrize(
    ("when", "holds"), [("2025-08-20", True), ("2025-08-19", False), ("2025-08", False), ("2019-01-01", False)]
)
def test_a_coded_flag_holds_for_as_long_as_its_concept_says(when: str, holds: bool) -> None:
    found = chart(_status("expecting", when))
    assert bool(found.problems) == holds
    assert not found.notes


def test_a_later_no_takes_a_coded_flag_back() -> None:
    assert not chart(_status("expecting", "2026-05-01"), _status("not so", "2026-06-01", "o2")).problems
    assert chart(_status("not so", "2026-05-01"), _status("expecting", "2026-06-01", "o2")).problems
    assert not chart(_status("not so", "2026-06-01"), _status("expecting", "2026-05-01", "o2")).problems


def test_a_flag_that_is_not_final_or_lies_ahead_is_left_out() -> None:
    assert codes(chart(_status("expecting", "2026-05-01", status="preliminary"))) == ["status-ignored"]
    assert codes(chart(_status("expecting", "2026-07-01"))) == ["future-date"]
    assert codes(chart(_status("expecting", ""))) == ["resource-unreadable"]
    assert chart(_status("expecting", "2026-06-15")).problems


def test_a_question_that_was_not_answered_is_no_flag_and_needs_no_note() -> None:
    found = chart(lab("expecting-status"))
    assert (found.problems, found.results, found.notes) == ((), (), ())
