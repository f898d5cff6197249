"""FHIR Timing: how often a day, at which times, on which weekdays. Codes are FHIR's own, not medicine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mgcds.chart.facts import Times
from mgcds.chart.fhir import block, codings, strings, text
from mgcds.clock import WEEKDAYS, Moment, parse_moment, parse_time_of_day
from mgcds.units import decimal, normal_unit, whole_days

# Doses a day of the codes of GTSAbbreviation (HL7 v3).
_CODES: dict[str, Decimal | int] = {
    "QD": 1, "AM": 1, "PM": 1, "BED": 1, "HS": 1, "BID": 2, "TID": 3, "QID": 4, "QOD": Decimal("0.5"), "Q1H": 24, "Q2H": 12,
    "Q3H": 8, "Q4H": 6, "Q6H": 4, "Q8H": 3, "Q12H": 2, "Q24H": 1, "DAILY": 1, "WK": Decimal(1) / 7, "QWK": Decimal(1) / 7,
    "MO": Decimal(1) / 30,
}  # fmt: skip
_HOURS = {"s": Decimal(1) / 3600, "min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168),
          "mo": Decimal(720), "a": Decimal(8760)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a Timing says. `per_day`: doses on a day on which doses are taken, None where not written."""

    per_day: Decimal | None
    times: Times
    starts: Moment | None
    ends: Moment | None
    length_days: int | None


def read_timing(timing: Any) -> Schedule:
    """A FHIR Timing; absent parts stay None."""
    value = block(timing)
    repeat = block(value.get("repeat"))
    minutes = tuple(sorted({m for t in strings(repeat.get("timeOfDay")) if (m := parse_time_of_day(t)) is not None}))
    days = frozenset(WEEKDAYS.index(day) for day in strings(repeat.get("dayOfWeek")) if day in WEEKDAYS)
    per_day = _frequency(repeat)
    if per_day is None and minutes:
        per_day = Decimal(len(minutes))
    if per_day is None and strings(repeat.get("when")):
        per_day = Decimal(len(strings(repeat.get("when"))))
    if per_day is None:
        per_day = _coded(value.get("code"))
    if per_day is not None and days and not minutes and per_day < 1:
        per_day = Decimal(1)  # "once a week on Monday" is one dose on that day
    period = block(repeat.get("boundsPeriod"))
    starts, ends = parse_moment(period.get("start")), parse_moment(period.get("end"))
    return Schedule(per_day, Times(minutes or None, days or None), starts, ends, _length(repeat, starts, ends))


def _frequency(repeat: dict[str, Any]) -> Decimal | None:
    unit = _HOURS.get(text(repeat.get("periodUnit") or repeat.get("periodUnits")))
    if unit is None:
        return None
    period = decimal(repeat.get("period", 1))
    # The shortest written gap and the highest written frequency: a limit is checked against the most that is allowed.
    frequency = decimal(repeat.get("frequencyMax", repeat.get("frequency", 1)))
    return frequency * 24 / (period * unit) if period and frequency else None


def _coded(code: Any) -> Decimal | None:
    words = [coding.code.upper() for coding in codings(code)] + [text(block(code).get("text")).strip().upper()]
    return next((Decimal(_CODES[word]) for word in words if word in _CODES), None)


def _length(repeat: dict[str, Any], starts: Moment | None, ends: Moment | None) -> int | None:
    duration = block(repeat.get("boundsDuration")) or block(repeat.get("boundsQuantity"))
    value, unit = decimal(duration.get("value")), text(duration.get("code") or duration.get("unit"))
    if value is not None:
        hours = _HOURS.get(unit)
        if hours is not None:
            return int(value * hours / 24)
        return whole_days(value, normal_unit(unit) or "")
    return (ends.last - starts.first).days if starts and ends else None
