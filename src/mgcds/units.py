"""Quantities and the small set of UCUM units we meet: spelling, mass conversion and rounding.

Conversions that need chemistry (mg/dL to mmol/L) belong to a concept, not here: their factors are data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

# Every spelling seen in UCUM, in laboratories and in prose, lower case and without spaces -> the one we use.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "mg/dL": ("mg/dl", "mg%", "mgs/dl", "mg/100ml", "milligram/deciliter", "mgperdl", "milligramsperdeciliter"),
    "mmol/L": ("mmol/l", "mm/l", "millimole/liter", "mmol/litre", "millimolesperliter", "mmols/l"),
    "mEq/L": ("meq/l", "meq/litre", "milliequivalent/liter", "milliequivalentsperliter", "mval/l"),
    "mg/L": ("mg/l", "mg/litre", "ug/ml", "mcg/ml"),
    "umol/L": ("umol/l", "micromol/l", "mcmol/l", "µmol/l", "μmol/l"),
    "g/dL": ("g/dl", "gm/dl"),
    "g/L": ("g/l",),
    "mL/min/1.73m2": (
        "ml/min/1.73m2",
        "ml/min/{1.73_m2}",
        "ml/min/1.73.m2",
        "ml/min/{1.73m2}",
        "ml/min/1.73",
        "ml/min/1.73m^2",
        "ml/min/1.73m²",
        "ml/min/1.73sqm",
        "ml/min/1.73_m2",
        "ml/min/bsa",
        "ml/min/1.73mm2",
        "ml/min/1.73{m2}",
        "ml/min/173.10*-2.m2",
        "ml/min/1.73m*2",
        "ml/min/{1.73sq.m}",
        "ml/min/1.73m**2",
    ),
    "mL/min": ("ml/min",),
    "mmHg": ("mmhg", "mm[hg]"),
    "/min": ("/min", "{beats}/min", "beats/min", "bpm", "{breaths}/min", "breaths/min", "beats/minute", "1/min"),
    "ms": ("ms", "msec", "milliseconds"),
    "%": ("%", "percent", "%{hb}"),
    "points": ("points", "point", "{score}", "score", "{points}", "{#}", "1", "{total}"),
    "years": ("years", "year", "a", "yr", "yrs"),
    "months": ("months", "month", "mo"),
    "days": ("days", "day", "d"),
    "h": ("h", "hour", "hours", "hr", "hrs"),
    "min": ("min", "minute", "minutes"),
    "weeks": ("wk", "week", "weeks"),
    "s": ("s", "sec", "second", "seconds"),
    "mg/day": ("mg/d", "mg/day", "mg/24h", "mgperday", "mg/(24.h)"),
    "g": ("g", "gm", "gram", "grams"),
    "mg": ("mg", "milligram", "milligrams", "mgs"),
    "ug": ("ug", "mcg", "µg", "μg", "microgram", "micrograms"),
    "mEq": ("meq", "milliequivalent"),
    "mmol": ("mmol",),
    "mL": ("ml", "milliliter", "cc"),
    "L": ("l", "liter", "litre"),
    "products": ("products", "product"),
    "trials": ("trials", "trial"),
}
_CANONICAL = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in (unit.lower(), *spellings)}
_MILLIGRAMS = {"g": Decimal(1000), "mg": Decimal(1), "ug": Decimal("0.001")}
_DAYS = {"years": 365, "months": 30, "weeks": 7, "days": 1}
_NUMBERS = (float, int, str, Decimal)
_LARGEST = Decimal(10) ** 15
_STEPS = {decimals: Decimal(1).scaleb(-decimals) for decimals in range(16)}
_LONGEST = 100  # characters of a unit
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(\S.*)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, in the spelling of this module."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{plain(self.value)} {self.unit}"


def normal_unit(text: object) -> str | None:
    """The canonical spelling of a unit, or None if we do not know it. Never guesses."""
    return _normal(text) if isinstance(text, str) and len(text) < _LONGEST else None


@lru_cache(1024)  # a record has few spellings, and one for each number in it
def _normal(text: str) -> str | None:
    return _CANONICAL.get(re.sub(r"\s+", "", text).lower())


def parse_quantity(text: str) -> Quantity | None:
    """ "1.70 mg/dL" as a Quantity; None when there is no number, no unit or an unknown unit."""
    match = _QUANTITY.fullmatch(text.strip())
    unit = normal_unit(match[2]) if match else None
    return Quantity(Decimal(match[1]), unit) if match and unit else None


def decimal(value: object) -> Decimal | None:
    """A JSON number (or text that is one) as an exact finite Decimal; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.copy_abs() < _LARGEST else None


def round_half_up(value: Decimal, decimals: int) -> Decimal:
    """Rounded as a laboratory does: 1.695 becomes 1.70."""
    return value.quantize(_STEPS.get(decimals) or Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """A number for people: no exponent and no trailing zeros (5, 0.5, 482.4)."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def milligrams(value: Decimal, unit: str) -> Decimal | None:
    """A mass in mg; None when the unit is not a mass."""
    factor = _MILLIGRAMS.get(unit)
    return None if factor is None else value * factor


def whole_days(value: Decimal, unit: str) -> int | None:
    """A length of time in days (a month counts 30, a year 365); None when the unit is no such length."""
    factor = _DAYS.get(unit)
    return None if factor is None else int(value * factor)
