"""Conditions and procedures that hold now, and orders and appointments that are not yet done."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any

from mgcds.chart.facts import Note, Problem, Request
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, reference, status_code
from mgcds.clock import Moment, parse_moment
from mgcds.terminology import Terminology

_NOT_ACTIVE = frozenset({"inactive", "remission", "resolved"})
_NOT_TRUE = frozenset({"refuted", "entered-in-error"})
_RUNNING = frozenset({"in-progress", "active", "on-hold"})
_OPEN = frozenset({"active", "draft", "on-hold", "requested", "accepted", "in-progress"})
_PLANNED = frozenset({"proposed", "pending", "booked", "arrived", "checked-in", "waitlist"})


def read_condition(record: Resource, terminology: Terminology, today: date, zone: tzinfo) -> tuple[list[Problem], list[Note]]:
    """A Condition that is active and not refuted, with its onset."""
    clinical, verification = status_code(record.get("clinicalStatus")), status_code(record.get("verificationStatus"))
    if clinical in _NOT_ACTIVE or verification in _NOT_TRUE:
        return [], []
    code = record.get("code")
    found = terminology.concepts_of(codings(code), concept_text(code), "Condition")
    over = _when(record, "abatement", zone)
    if (
        not found
        or (over is not None and over.last <= today and clinical != "active")
        or record.get("abatementBoolean") is True
    ):
        return [], []
    onset = _when(record, "onset", zone)
    if onset is not None and onset.first > today:
        return [], [Note("future-date", reference(record))]
    return [Problem(found, concept_text(code) or sorted(found)[0], reference(record), onset)], []


def _when(record: Resource, name: str, zone: tzinfo) -> Moment | None:
    period = block(record.get(f"{name}Period"))
    values: list[Any] = [
        record.get(f"{name}DateTime"),
        period.get("start" if name == "onset" else "end"),
        record.get(f"{name}String"),
    ]
    return next((moment for value in values if (moment := parse_moment(value, zone)) is not None), None)


def read_procedure(record: Resource, terminology: Terminology, today: date, zone: tzinfo) -> tuple[list[Problem], list[Note]]:
    """A Procedure that is running, or was done so lately that its concept still holds."""
    status = status_code(record.get("status"))
    code = record.get("code")
    found = terminology.concepts_of(codings(code), concept_text(code), "Procedure")
    if not found or (status not in _RUNNING and status not in ("completed", "")):
        return [], []
    period = block(record.get("performedPeriod") or record.get("occurrencePeriod"))
    begun = parse_moment(record.get("performedDateTime") or record.get("occurrenceDateTime") or period.get("start"), zone)
    ended = parse_moment(period.get("end"), zone) or begun
    if status in _RUNNING:
        holding = found
    else:
        holding = frozenset(key for key in found if still_holds(terminology.concepts[key].procedure_lasts, ended, today))
    if not holding:
        return [], []
    return [Problem(holding, concept_text(code) or sorted(found)[0], reference(record), begun)], []


def still_holds(days: int | None, ended: Moment | None, today: date) -> bool:
    """Whether a completed procedure still counts; `days` None: for ever."""
    if days is None:
        return True
    return ended is not None and 0 <= ended.most_days_before(today) < days


def read_request(record: Resource, terminology: Terminology, zone: tzinfo) -> list[Request]:
    """A ServiceRequest (or its older forms) that is open; one for a procedure is a booking."""
    status = status_code(record.get("status"))
    if status not in _OPEN or record.get("doNotPerform") is True:
        return []
    code = record.get("code")
    found = terminology.concepts_of(codings(code), concept_text(code), "ServiceRequest")
    if not found:
        return []
    period = block(record.get("occurrencePeriod"))
    due = parse_moment(record.get("occurrenceDateTime") or period.get("start"), zone)
    booked = any("Procedure" in terminology.concepts[key].recorded_in for key in found)
    return [Request(found, concept_text(code) or sorted(found)[0], reference(record), due, booked)]


def read_appointment(record: Resource, terminology: Terminology, zone: tzinfo) -> list[Request]:
    """A planned Appointment whose reason or service is a procedure that we know."""
    if status_code(record.get("status")) not in _PLANNED:
        return []
    concepts = [*items(record.get("reasonCode")), *items(record.get("reason")), *items(record.get("serviceType"))]
    found = frozenset(key for each in concepts
                      for key in terminology.concepts_of(codings(each), concept_text(each), "ServiceRequest")
                      if "Procedure" in terminology.concepts[key].recorded_in)  # fmt: skip
    if not found:
        return []
    return [Request(found, sorted(found)[0], reference(record), parse_moment(record.get("start"), zone), booked=True)]
