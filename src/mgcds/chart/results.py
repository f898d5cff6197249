"""Observations to results: only final ones, only units we understand, only values that can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from functools import lru_cache

from mgcds.chart.facts import Note, Problem, Result
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, known_units, reference, status_code, text
from mgcds.chart.problems import still_holds
from mgcds.chart.terms import Terms
from mgcds.clock import Moment, parse_moment
from mgcds.terminology.types import Concept
from mgcds.units import decimal

_FINAL = frozenset({"final", "amended", "corrected"})
SIGNS = ("<", "<=", ">=", ">")
_VALUES = frozenset({
    "valueQuantity", "valueInteger", "valueDecimal", "valueString", "valueRange", "valueRatio", "valueCodeableConcept"
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flag:
    """A coded answer to a question such as pregnancy status; only the latest answer counts. No concepts: a "no"."""

    question: str
    problem: Problem
    taken: Moment


def read_observation(record: Resource, terms: Terms, today: date, zone: tzinfo) -> tuple[list[Result], list[Flag], list[Note]]:
    """The results of one Observation and of its components, its coded flags, and why something was skipped."""
    results: list[Result] = []
    flags: list[Flag] = []
    notes: list[Note] = []
    for part in (record, *items(record.get("component"))):
        for concept in terms.measured(codings(part.get("code"))):
            found: Result | Flag | str
            if "valueCodeableConcept" in part and concept.unit is None:
                found = _flag(part, record, concept.key, terms, today, zone)
            elif concept.unit is not None:
                found = _result(part, record, concept, concept.unit, today, zone)
            else:
                continue
            if isinstance(found, Result):
                results.append(found)
            elif isinstance(found, Flag):
                flags.append(found)
            elif found:
                notes.append(Note(found, reference(record)))
    return results, flags, notes


def _unusable(record: Resource) -> str | None:
    """Why a record must be left alone: a note code, "" for no need to say so; None where it may be used."""
    status = status_code(record.get("status"))
    if status in _FINAL:
        return None
    return "" if status == "entered-in-error" else "status-ignored"


def _flag(part: Resource, record: Resource, question: str, terms: Terms, today: date, zone: tzinfo) -> Flag | str:
    unusable = _unusable(record)
    if unusable is not None:
        return unusable
    taken = _taken(record, zone)
    if taken is None or taken.first > today:
        return "future-date" if taken else "resource-unreadable"
    if not still_holds(terms.concepts[question].answer_lasts, taken, today):
        return ""  # who was pregnant years ago is not pregnant today
    value = part["valueCodeableConcept"]
    found = terms.concepts_of(codings(value), concept_text(value), "Condition")
    return Flag(question, Problem(found, concept_text(value), reference(record), taken), taken)


def _result(part: Resource, record: Resource, concept: Concept, unit: str, today: date, zone: tzinfo) -> Result | str:
    """The result, or the code of a note that says why there is none ("" where nothing needs to be said)."""
    unusable = _unusable(record)
    if unusable is not None:
        return unusable
    read = _value(part, concept)
    if isinstance(read, str):
        return read
    value, sign = read
    taken = _taken(record, zone)
    if taken is None:
        return "resource-unreadable"
    if taken.first > today:
        return "future-date"
    days = _days(record["effectivePeriod"], zone) if "effectivePeriod" in record else None
    return Result(concept.key, value, unit, taken, reference(record), days, "", sign)


def _days(period: object, zone: tzinfo) -> int | None:
    """The days of a period, both ends counted."""
    sent = block(period)
    first, last = parse_moment(sent.get("start"), zone), parse_moment(sent.get("end"), zone)
    return (last.last - first.first).days + 1 if first and last else None


def _value(part: Resource, concept: Concept) -> tuple[Decimal, str] | str:
    """The number in the concept's unit with its comparator, or why there is none."""
    sent = block(part.get("valueQuantity"))
    number = sent.get("value") if sent else part.get("valueInteger", part.get("valueDecimal"))
    sign = sent.get("comparator") or ""
    if sign and sign not in SIGNS:
        return "resource-unreadable"
    units = known_units(sent)
    # Not 0, for -0.0 is the same to a table.
    convert = _converted if number and type(number) in (float, int) else _converted.__wrapped__
    found = convert(concept, number, units, sign)
    if found is None:  # "": a panel, or a result that is explained as absent
        return "" if _VALUES.isdisjoint(part) else "resource-unreadable"
    if not units and (text(sent.get("unit")).strip() or text(sent.get("code")).strip()):
        return "unit-unknown"  # there is a unit, but we cannot read it
    return found


@lru_cache(8192, typed=True)  # laboratories write few digits. 300 Observations: 2.5 ms became 1.2
def _converted(concept: Concept, sent: object, units: tuple[str, ...], sign: str) -> tuple[Decimal, str] | str | None:
    """A number in the concept's unit and its sign, or why it cannot be used; None for no number. Units that differ are none."""
    number = decimal(sent)
    if number is None:
        return None
    found = concept.limit(number, units[0] if units else None, sign)
    if found is None or any(concept.limit(number, unit, sign) != found for unit in units[1:]):
        return "unit-unknown"
    return found if concept.believes(found[0]) else "value-implausible"


def _taken(record: Resource, zone: tzinfo) -> Moment | None:
    """When the sample was taken: effective[x] (a period by its end), else issued."""
    taken = parse_moment(record.get("effectiveDateTime"), zone)
    if taken is not None:
        return taken
    period = block(record.get("effectivePeriod"))
    candidates = (record.get("effectiveInstant"), period.get("end"), period.get("start"), record.get("issued"))
    return next((moment for each in candidates if (moment := parse_moment(each, zone)) is not None), None)
