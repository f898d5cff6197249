"""FHIR Dosage: how much of each ingredient a day. What is not written, or not understood, is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from types import NoneType
from typing import Any

from mgcds.chart.facts import Portion
from mgcds.chart.fhir import Resource, block, items, quantity, text
from mgcds.chart.timing import Schedule, read_timing
from mgcds.terminology.types import Ingredient, Medicine
from mgcds.units import decimal, milligrams, normal_unit

# Units in which products are counted out, in UCUM annotations, HL7 dose forms and prose: strength is per one of them.
# Not among them: "dose" (how many tablets is a dose?) and "drop" (how many to the mL?).
_UNCOUNTABLE = Decimal(10) ** 15
_COUNTED = frozenset((
    "1", "ea", "each", "unit", "units", "tablet", "tablets", "tab", "tabs", "tbl", "ectab", "ertab", "ortab", "chewtab",
    "capsule", "capsules", "cap", "caps", "ercap", "entcap", "softgel", "softgels", "pill", "pills", "caplet", "caplets",
    "lozenge", "lozenges", "gummy", "gummies", "sachet", "sachets", "packet", "packets", "spray", "sprays", "suppository",
    "suppositories", "supp", "patch", "patches", "puff", "puffs",
))  # fmt: skip
UNIT = "unit"
_PLAIN = (int, float, NoneType)  # types of a number in JSON
_MODERATE = 1000  # digits
_NUMBERED = frozenset({"boundsDuration", "frequencyMax", "periodMax"})  # elements of a Timing that are rare
_HOURS_OF = {"min": Decimal(1) / 60, "h": Decimal(1), "days": Decimal(24), "weeks": Decimal(168), "months": Decimal(720)}


@dataclass(frozen=True, slots=True)
class DailyDose:
    """What is taken a day, from the least to the most that is written; `unit` mg, mEq, mL, mmol or "unit"."""

    low: Decimal
    high: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Dosage:
    """One dosage instruction. `dose` None: not computable."""

    schedule: Schedule
    dose: DailyDose | None
    sequence: int | None


def read_dosage(dosage: Resource, zone: tzinfo = UTC) -> Dosage:
    """One Dosage."""
    schedule = read_timing(dosage.get("timing"), zone)
    sequence = dosage.get("sequence")
    return Dosage(schedule, _daily(dosage, schedule), sequence if isinstance(sequence, int) else None)


def is_readable(dosage: Resource) -> bool:
    """Whether one Dosage has more than words."""
    return bool(dosage.get("timing") or dosage.get("doseAndRate") or not text(dosage.get("text")))


def may_wait(medicine: Medicine, dosages: Sequence[Resource]) -> bool:
    """Whether reading some instructions cannot fail, so that it may wait until somebody asks; it may say no where it cannot.

    Numbers in words can be too large or too small to reckon with (1e-999999). What fails is noted, so it is read at once.
    """
    for part in medicine.ingredients:
        if part.strength is not None and part.strength.adjusted() > _MODERATE:
            return False
    return all(map(_is_plain, dosages))


def _is_plain(dosage: Resource) -> bool:
    timing = block(dosage.get("timing"))
    repeat = block(timing.get("repeat"))
    if not _NUMBERED.isdisjoint(repeat) or "maxDosePerPeriod" in dosage:
        return False
    if any(isinstance(each.get("code"), int) for each in _coded_in(timing)):  # one of 5,000 digits cannot be written out
        return False
    if type(repeat.get("frequency")) not in _PLAIN or type(repeat.get("period")) not in _PLAIN:
        return False
    for rate in items(dosage.get("doseAndRate")):
        if "doseRange" in rate or type(block(rate.get("doseQuantity")).get("value")) not in _PLAIN:
            return False
    return True


def _coded_in(timing: Resource) -> list[Resource]:
    code = timing.get("code")
    return [code, *items(code.get("coding"))] if isinstance(code, dict) else []


def _daily(dosage: Resource, schedule: Schedule) -> DailyDose | None:
    if _is_as_needed(dosage):
        return _maximum(dosage)
    dose = next((found for rate in items(dosage.get("doseAndRate")) if (found := _dose(rate)) is not None), None)
    if dose is None or schedule.fewest is None or schedule.most is None:
        return None
    return _countable(DailyDose(dose.low * schedule.fewest, dose.high * schedule.most, dose.unit))


def _countable(dose: DailyDose) -> DailyDose | None:
    """The dose, or None for a slip of the pen by so many digits that no sum of it could be rounded."""
    return dose if dose.high < _UNCOUNTABLE else None


def _is_as_needed(dosage: Resource) -> bool:
    return dosage.get("asNeededBoolean") is True or bool(dosage.get("asNeededCodeableConcept"))


def _dose(rate: Resource) -> DailyDose | None:
    if "doseQuantity" in rate:
        amount = _amount(rate["doseQuantity"])
        return DailyDose(amount[0], amount[0], amount[1]) if amount else None
    span = block(rate.get("doseRange"))
    low, high = _amount(span.get("low")), _amount(span.get("high"))
    if low and high and low[1] == high[1]:
        return DailyDose(low[0], high[0], high[1])
    return None


def _maximum(dosage: Resource) -> DailyDose | None:
    """The most that may be taken a day as needed, where it is written."""
    for ratio in items(dosage.get("maxDosePerPeriod")):
        amount = _amount(ratio.get("numerator"))
        period = block(ratio.get("denominator"))
        length = decimal(period.get("value", 1))
        hours = _HOURS_OF.get(normal_unit(period.get("code")) or normal_unit(period.get("unit")) or "")
        if amount and hours and length is not None and length > 0:
            return _countable(DailyDose(Decimal(0), amount[0] * 24 / (length * hours), amount[1]))
    return None


def _amount(value: Any) -> tuple[Decimal, str] | None:
    """(amount, unit) with masses in mg; None for a unit that is not understood or two that contradict each other."""
    found = block(value)
    number, unit, contradictory = quantity(found)
    if number is None or number < 0 or contradictory:
        return None
    words = {text(found.get(key)).lower().replace("(s)", "").strip("{} ") for key in ("code", "unit")}
    is_counted = bool(words & _COUNTED)
    mass = milligrams(number, unit) if unit else None
    if mass is not None or unit in ("mL", "L", "mEq", "mmol"):
        if is_counted:
            return None  # "1 tablet" that claims to be 1 mg
        if mass is not None:
            return mass, "mg"
        return (number * 1000, "mL") if unit == "L" else (number, str(unit))
    return (number, UNIT) if is_counted else None


def portions(medicine: Medicine, doses: Sequence[DailyDose | None]) -> tuple[Portion, ...]:
    """The labelled and elemental amount a day of every ingredient; `doses` are taken together (one an instruction)."""
    return tuple(_portion(medicine, ingredient, doses) for ingredient in medicine.ingredients)


def _portion(medicine: Medicine, ingredient: Ingredient, doses: Sequence[DailyDose | None]) -> Portion:
    amounts = [_labelled(medicine, ingredient, dose) if dose else None for dose in doses]
    low = high = elemental = None
    if amounts and all(amount is not None for amount in amounts):
        low = sum((amount[0] for amount in amounts if amount), Decimal(0))
        high = sum((amount[1] for amount in amounts if amount), Decimal(0))
        if ingredient.factor is not None:
            elemental = high * ingredient.factor
    return Portion(ingredient.name, ingredient.nutrient, low, high, elemental, ingredient.basis)


def _labelled(medicine: Medicine, ingredient: Ingredient, dose: DailyDose) -> tuple[Decimal, Decimal] | None:
    """The labelled amount of one ingredient in one daily dose."""
    if dose.unit in (UNIT, "mL"):
        wanted = "unit" if dose.unit == UNIT else "mL"
        if ingredient.strength is None or ingredient.per != wanted:
            return None
        return dose.low * ingredient.strength, dose.high * ingredient.strength
    # A dose by mass names the ingredient itself, so it must be the only one that can be meant.
    if dose.unit == ingredient.unit and len(medicine.ingredients) == 1:
        return dose.low, dose.high
    return None
