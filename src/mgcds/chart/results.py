"""Observations to results: only final ones, only units we understand, only values that can be believed."""

from __future__ import annotations

from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from mgcds.chart.facts import Note, Problem, Result
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, quantity, reference, status_code
from mgcds.clock import Moment, parse_moment
from mgcds.terminology import Concept, Terminology
from mgcds.units import decimal

_FINAL = frozenset({"final", "amended", "corrected"})
_VALUES = (
    "valueQuantity",
    "valueInteger",
    "valueDecimal",
    "valueString",
    "valueRange",
    "valueRatio",
    "valueCodeableConcept",
)


def read_observation(
    record: Resource, terminology: Terminology, today: date, zone: tzinfo
) -> tuple[list[Result], list[Problem], list[Note]]:
    """The results of one Observation and of its components, coded flags as problems, and why something was skipped."""
    results: list[Result] = []
    problems: list[Problem] = []
    notes: list[Note] = []
    where = reference(record)
    for part in [record, *items(record.get("component"))]:
        concept_code = part.get("code")
        keys = terminology.concepts_of(codings(concept_code), concept_text(concept_code), "Observation")
        if "valueCodeableConcept" in part and keys:
            flag = part["valueCodeableConcept"]
            found = terminology.concepts_of(codings(flag), concept_text(flag), "Condition")
            if found and status_code(record.get("status")) in _FINAL:
                problems.append(Problem(found, concept_text(flag), where, _taken(record, zone)))
        for key in sorted(keys):
            concept = terminology.concepts[key]
            if concept.unit is None:
                continue
            value, why = _result(part, record, concept, today, zone)
            if isinstance(value, Result):
                results.append(value)
            elif why:
                notes.append(Note(why, where))
    return results, problems, notes


def _result(part: Resource, record: Resource, concept: Concept, today: date, zone: tzinfo) -> tuple[Result | None, str]:
    status = status_code(record.get("status"))
    if status not in _FINAL:
        return None, "" if status == "entered-in-error" else "status-ignored"
    if not any(name in part for name in _VALUES):
        return None, ""  # no value: a panel, or a result that is explained as absent
    number, unit, contradictory = _value(part)
    if number is None:
        return None, "resource-unreadable"
    if contradictory or (unit is None and not concept.unit_optional) or (unit is None and _has_unit(part)):
        return None, "unit-unknown"
    converted = concept.convert(number, unit)
    if converted is None:
        return None, "unit-unknown"
    if not concept.believes(converted):
        return None, "value-implausible"
    taken = _taken(record, zone)
    if taken is None:
        return None, "resource-unreadable"
    if taken.first > today:
        return None, "future-date"
    assert concept.unit is not None
    period = block(record.get("effectivePeriod"))
    first, last = parse_moment(period.get("start"), zone), parse_moment(period.get("end"), zone)
    days = (last.last - first.first).days + 1 if first and last else None
    return Result(concept.key, converted, concept.unit, taken, reference(record), days), ""


def _value(part: Resource) -> tuple[Decimal | None, str | None, bool]:
    """(number, unit, contradictory). A value with a comparator ("<0.5") is no number."""
    if isinstance(part.get("valueQuantity"), dict):
        return (None, None, False) if part["valueQuantity"].get("comparator") else quantity(part["valueQuantity"])
    for name in ("valueInteger", "valueDecimal"):
        if name in part:
            return decimal(part[name]), None, False
    return None, None, False


def _has_unit(part: Resource) -> bool:
    value = block(part.get("valueQuantity"))
    return bool(value.get("unit") or value.get("code"))


def _taken(record: Resource, zone: tzinfo) -> Moment | None:
    """When the sample was taken: effective[x] (a period by its end), else issued."""
    period = block(record.get("effectivePeriod"))
    candidates: list[Any] = [record.get("effectiveDateTime"), record.get("effectiveInstant"), period.get("end"),
                             period.get("start"), record.get("issued")]  # fmt: skip
    return next((moment for each in candidates if (moment := parse_moment(each, zone)) is not None), None)
