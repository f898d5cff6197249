"""Conditions, procedures and encounters that hold now."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta, tzinfo

from mgcds.chart.facts import Note, Person, Problem
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, quantity, reference, status_code
from mgcds.chart.terms import Terms
from mgcds.clock import Moment, parse_moment

_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_NOT_ACTIVE = frozenset({"inactive", "remission", "resolved"})
_NOT_TRUE = frozenset({"refuted", "entered-in-error"})
_RUNNING = frozenset({"in-progress", "active", "on-hold"})
_DONE_OR_RUNNING = _RUNNING | {"completed", ""}
_MONTHS = {"years": 12, "months": 1}

Read = tuple[list[Problem], list[Note]]


def read_condition(record: Resource, terms: Terms, person: Person, today: date, zone: tzinfo) -> Read:
    """A Condition that is active and not refuted, with its onset."""
    found = _concepts(record.get("code"), terms, "Condition")
    if not found:
        return [], []
    clinical, verification = status_code(record.get("clinicalStatus")), status_code(record.get("verificationStatus"))
    if clinical in _NOT_ACTIVE or verification in _NOT_TRUE or _is_abated(record, clinical, person, today, zone):
        return [], []
    onset = _when(record, "onset", person, zone)
    if onset is not None and onset.first > today:
        return [], [Note("future-date", reference(record))]
    return [Problem(found, _name(record.get("code"), found), reference(record), onset)], []


def _is_abated(record: Resource, clinical: str, person: Person, today: date, zone: tzinfo) -> bool:
    """Whether a condition is over. One that is still called active is over only from the day after its abatement."""
    over = _when(record, "abatement", person, zone)
    if over is not None:
        return over.last < today or (over.last == today and clinical not in _ACTIVE)
    if clinical in _ACTIVE:
        return False
    return any(record.get(f"abatement{kind}") for kind in ("Boolean", "Age", "Range", "String"))


def _when(record: Resource, name: str, person: Person, zone: tzinfo) -> Moment | None:
    period = block(record.get(f"{name}Period"))
    written = (record.get(f"{name}DateTime"), period.get("start" if name == "onset" else "end"), record.get(f"{name}String"))
    found = next((moment for value in written if (moment := parse_moment(value, zone)) is not None), None)
    return found or _at_age(record.get(f"{name}Age"), person)


def _at_age(age: object, person: Person) -> Moment | None:
    """The days on which the patient was that old, in completed years or months."""
    number, unit, _ = quantity(age)
    step = _MONTHS.get(unit or "")
    if number is None or step is None or person.born is None or not 0 <= number < 1800:
        return None
    months = int(number) * step
    return Moment(_months_later(person.born.first, months), _months_later(person.born.last, months + step) - timedelta(days=1))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def read_procedure(record: Resource, terms: Terms, today: date, zone: tzinfo) -> Read:
    """A Procedure that is running, or was done so lately that its concept still holds."""
    found = _concepts(record.get("code"), terms, "Procedure")
    status = status_code(record.get("status"))
    if not found or status not in _DONE_OR_RUNNING:
        return [], []
    period = block(record.get("performedPeriod"))
    begun = parse_moment(record.get("performedDateTime") or period.get("start"), zone)
    ended = parse_moment(period.get("end"), zone) or begun
    if begun is not None and begun.first > today:
        return [], [Note("future-date", reference(record))]
    if status not in _RUNNING:
        found = frozenset(key for key in found if still_holds(terms.concepts[key].procedure_lasts, ended, today))
    return ([Problem(found, _name(record.get("code"), found), reference(record), begun)] if found else []), []


def still_holds(days: int | None, ended: Moment | None, today: date) -> bool:
    """Whether a completed procedure, or an answer, still counts; `days` None: for ever."""
    if days is None:
        return True
    return ended is not None and 0 <= ended.most_days_before(today) < days


def read_encounter(record: Resource, terms: Terms, zone: tzinfo) -> Read:
    """What an Encounter that goes on now says of the patient by its type, service or reason."""
    if status_code(record.get("status")) not in ("in-progress", "arrived", "triaged"):
        return [], []
    begun = parse_moment(block(record.get("period")).get("start"), zone)
    concepts = [each for key in ("type", "serviceType", "reasonCode") for each in items(record.get(key))]
    found = [(each, _concepts(each, terms, "Encounter")) for each in concepts]
    return [Problem(keys, _name(each, keys), reference(record), begun) for each, keys in found if keys], []


def _concepts(concept: object, terms: Terms, kind: str) -> frozenset[str]:
    return terms.concepts_of(codings(concept), concept_text(concept), kind)


def _name(concept: object, found: frozenset[str]) -> str:
    return concept_text(concept) or min(found, default="")
