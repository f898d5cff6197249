"""FHIR Timing: how often a day, at which times, on which weekdays. Codes are FHIR's own, not medicine."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from math import ceil
from typing import Any

from mgcds.chart.facts import Times
from mgcds.chart.fhir import Resource, block, codings, strings, text
from mgcds.clock import WEEKDAYS, Moment, parse_moment, parse_time_of_day
from mgcds.units import decimal, normal_unit, whole_days

# Doses a day of the codes of GTSAbbreviation (HL7 v3), and of the spellings that stand for them.
_CODES: dict[str, Decimal] = {
    "QD": Decimal(1), "AM": Decimal(1), "PM": Decimal(1), "BED": Decimal(1), "HS": Decimal(1), "QHS": Decimal(1),
    "DAILY": Decimal(1), "BID": Decimal(2), "TID": Decimal(3), "QID": Decimal(4), "QOD": Decimal("0.5"),
    "WK": Decimal(1) / 7, "QWK": Decimal(1) / 7, "MO": Decimal(1) / 30,
}  # fmt: skip
_EVERY_HOURS = re.compile(r"Q([1-9]\d?)H", re.ASCII)
_HOURS = {"s": Decimal(1) / 3600, "min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168),
          "mo": Decimal(720), "a": Decimal(8760)}  # fmt: skip


Bounds = tuple[Moment | None, Moment | None]  # start and end


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a Timing says. `fewest` to `most`: doses on a day on which doses are taken, None where not written."""

    fewest: Decimal | None
    most: Decimal | None
    times: Times
    length_days: int | None


def read_timing(timing: Any, zone: tzinfo = UTC) -> Schedule:
    """A FHIR Timing; absent parts stay None."""
    value = block(timing)
    repeat = block(value.get("repeat"))
    events = _events(value.get("event"), zone)
    written = {m for t in strings(repeat.get("timeOfDay")) if (m := parse_time_of_day(t)) is not None}
    minutes = tuple(sorted(written.union(*events)))
    days = frozenset(WEEKDAYS.index(day.lower()) for day in strings(repeat.get("dayOfWeek")) if day.lower() in WEEKDAYS)
    fewest, most = _doses(repeat, written, events) or _coded(value.get("code")) or (None, None)
    if days and fewest is not None and most is not None:
        once = Decimal(len(minutes) or 1)  # "once a week, on Monday" is one dose on that day
        if text(repeat.get("periodUnit")) == "wk":  # and "six a week, on Monday, Wednesday and Friday" are two
            fewest, most = (max(once, round(number * 7 / len(days), 6)) for number in (fewest, most))
        fewest, most = (once if fewest < 1 else fewest), (once if most < 1 else most)
    return Schedule(fewest, most, Times(minutes or None, days or None), _length(repeat, *bounds_of(timing, zone)))


def bounds_of(timing: Any, zone: tzinfo) -> Bounds:
    """When a Timing starts and ends, where that is written."""
    period = block(block(block(timing).get("repeat")).get("boundsPeriod"))
    return (parse_moment(period.get("start"), zone), parse_moment(period.get("end"), zone)) if period else (None, None)


def _doses(repeat: Resource, written: Collection[int], events: Collection[Collection[int]]) -> tuple[Decimal, Decimal] | None:
    """Doses a day. A frequency that contradicts the times written beside it leaves all from the fewer to the more."""
    said, counted = _frequency(repeat), _counted(written, events, repeat)
    if said is None or counted is None or events or said[0] < 1:
        return said or counted  # events may be the first of many; the times of a dose a week are those of its day
    return min(said[0], counted[0]), max(said[1], counted[1])


def _frequency(repeat: Resource) -> tuple[Decimal, Decimal] | None:
    """Doses a day from the longest gap and the lowest frequency to the shortest gap and the highest frequency."""
    hours = _HOURS.get(text(repeat.get("periodUnit")))
    period, frequency = decimal(repeat.get("period", 1)), decimal(repeat.get("frequency", 1))
    if hours is None or not period or not frequency or period < 0 or frequency < 0:
        return None
    longest = max(decimal(repeat.get("periodMax")) or period, period)
    highest = max(decimal(repeat.get("frequencyMax")) or frequency, frequency)
    return frequency * 24 / (longest * hours), highest * 24 / (period * hours)


def _counted(minutes: Collection[int], events: Collection[Collection[int]], repeat: Resource) -> tuple[Decimal, Decimal] | None:
    """A dose at each time of day, else at each written moment, else at each event of the day (MORN, HS...)."""
    if events and not minutes:
        numbers = [len(day) for day in events]
        return Decimal(min(numbers)), Decimal(max(numbers))
    number = Decimal(len(minutes) or len(set(strings(repeat.get("when")))))
    return (number, number) if number else None


def _events(moments: Any, zone: tzinfo) -> list[set[int]]:
    """The minutes of the day of the moments that are written out, a set for each day."""
    days: dict[date, set[int]] = {}
    for each in strings(moments):
        if (moment := parse_moment(each, zone)) and moment.instant >= 0:
            local = datetime.fromtimestamp(moment.instant, zone)
            days.setdefault(local.date(), set()).add(local.hour * 60 + local.minute)
    return list(days.values())


def _coded(code: Any) -> tuple[Decimal, Decimal] | None:
    for word in [*(coding.code for coding in codings(code)), text(block(code).get("text"))]:
        abbreviation = re.sub(r"[.\s]", "", word).upper()
        found = _CODES.get(abbreviation)
        if found is None and (hours := _EVERY_HOURS.fullmatch(abbreviation)):
            found = Decimal(24) / int(hours[1])
        if found is not None:
            return found, found
    return None


def _length(repeat: Resource, starts: Moment | None, ends: Moment | None) -> int | None:
    """Days as written: whole days with both ends, as FHIR counts them; a day that has begun counts where times are written."""
    duration = block(repeat.get("boundsDuration"))
    value, unit = decimal(duration.get("value")), text(duration.get("code") or duration.get("unit"))
    if value is not None:
        hours = _HOURS.get(unit)
        return ceil(value * hours / 24) if hours is not None else whole_days(value, normal_unit(unit) or "")
    if starts is None or ends is None:
        return None
    if starts.instant >= 0 and ends.instant >= 0:
        return ceil((ends.instant - starts.instant) / 86_400)
    return (ends.last - starts.first).days + 1


def is_daily_dose(timing: Any, zone: tzinfo = UTC) -> bool:
    """Whether a Timing says exactly one dose, on every day or on some days of the week."""
    schedule = read_timing(timing, zone)
    return schedule.fewest == schedule.most == 1
