"""Requests that are made to be slow: reading them costs little more than their length, and what was not read is noted."""

from __future__ import annotations

import pytest

from mgcds.clock import parse_moment
from mgcds.terminology import Terminology
from mgcds.units import decimal, normal_unit
from tests.unit.chart.build import (
    chart,
    codes,
    condition,
    observation,
)


@pytest.mark.parametrize("unit", ["m" * 100, "mg/dL" + " " * 5_000_000, "x" * 5_000_000])
def test_a_unit_that_is_too_long_is_a_unit_that_we_do_not_know(terminology: Terminology, unit: str) -> None:
    assert normal_unit(unit) is None
    found = chart(terminology, observation(unit=unit))
    assert (found.results, codes(found)) == ((), ["unit-unknown"])


def test_a_date_that_is_too_long_is_none(terminology: Terminology) -> None:
    assert parse_moment("2026-06-01T08:00:00." + "0" * 70 + "Z") is not None
    assert parse_moment("2026-06-01T08:00:00." + "0" * 5_000_000 + "Z") is None
    assert codes(chart(terminology, observation(effectiveDateTime="2026" + " " * 200))) == ["resource-unreadable"]


def test_a_number_of_a_million_digits_is_no_number() -> None:
    assert decimal("9" * 1_000_000) is None  # `abs` of it is an error of its own kind
    assert decimal("0." + "9" * 1_000_000) is not None


def test_a_record_whose_subject_is_a_text_of_megabytes_is_not_the_patients(terminology: Terminology) -> None:
    found = chart(terminology, condition(subject={"reference": "Patient/" + "q" * 5_000_000}))
    assert (found.problems, codes(found)) == ((), ["resource-unreadable"])
