"""A strength as RxNorm writes it, as our product table writes it: "0.5 G/5 ML" is 100 mg/mL."""

from __future__ import annotations

import re
from decimal import Decimal

from mgcds.units import decimal, milligrams, normal_unit, plain

# A slash between spaces parts the strengths of several ingredients; that is a list, and no ratio.
_STRENGTH = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z\[\]'_]+)(?:/(\d+(?:\.\d+)?)?\s*([A-Za-z\[\]'_]+))?")
_NUTRIENT_UNITS = ("mg", "mEq")  # what the content of a salt is counted from


def table_strength(text: str, *, of_salt: bool) -> str | None:
    """ "20 mg/unit", "1 mg/mL": one `per` is a tablet, capsule or spray unless written. None if it is not understood.

    `of_salt`: its nutrient will be computed from it, so units that only count (mmol, percent) are not taken.
    """
    match = _STRENGTH.fullmatch(text.strip())
    value = decimal(match[1]) if match else None
    if match is None or not value:
        return None
    unit = normal_unit(match[2]) or match[2].lower()
    mass = milligrams(value, unit)
    value, unit = (value, unit) if mass is None else (mass, "mg")
    per, amount = _per(match[3], match[4])
    if not amount or (of_salt and unit not in _NUTRIENT_UNITS):
        return None
    return f"{plain(value / amount)} {unit}/{per}"


def _per(number: str | None, written: str | None) -> tuple[str, Decimal]:
    """The denominator and how much of it."""
    amount = decimal(number) if number else Decimal(1)
    assert amount is not None
    if written is None or written.upper() in ("ACTUAT", "1"):
        return "unit", amount
    unit = normal_unit(written) or written.lower()
    if (mass := milligrams(amount, unit)) is not None:
        return "mg", mass
    return ("mL", amount * 1000) if unit == "L" else (unit, amount)
