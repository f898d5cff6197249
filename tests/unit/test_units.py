"""Quantities in the spellings that rules and records use."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mgcds.units import Quantity, decimal, parse_quantity, plain


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [("1.70 mg/dL", "1.70", "mg/dL"), (" 350 mg / day ", "350", "mg/day"), ("-2 points", "-2", "points"), ("5 MCG", "5", "ug"),
     ("45 mL/min/1.73 m2", "45", "mL/min/1.73m2")],
)  # fmt: skip
def test_a_quantity_is_a_number_and_a_unit_that_we_know(written: str, value: str, unit: str) -> None:
    assert parse_quantity(written) == Quantity(Decimal(value), unit)


@pytest.mark.parametrize("written", ["", "1.70", "mg/dL", "1.70 furlongs", "1. mg/dL", "1,7 mg/dL", "about 2 mg", "2"])
def test_what_is_no_quantity_is_not_guessed(written: str) -> None:
    assert parse_quantity(written) is None


@pytest.mark.parametrize(
    ("sent", "number"),
    [(0.1, "0.1"), (7, "7"), (" 1.50 ", "1.50"), (Decimal("2.5"), "2.5"), (True, None), ("nan", None), (float("inf"), None), ("", None),
     ("1.5 mg", None), (None, None), ([1], None), (10**15, None), (10**15 - 1, "999999999999999"), (-(10**15), None)],
)  # fmt: skip
def test_a_number_is_read_exactly_or_not_at_all(sent: object, number: str | None) -> None:
    found = decimal(sent)
    assert (None if found is None else str(found)) == number


@pytest.mark.parametrize(
    ("value", "shown"), [("5.00", "5"), ("0.50", "0.5"), ("482.4", "482.4"), ("100", "100"), ("1E+3", "1000")]
)
def test_a_number_is_shown_to_people_without_exponent_and_idle_zeros(value: str, shown: str) -> None:
    assert plain(Decimal(value)) == shown
