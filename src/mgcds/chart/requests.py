"""Orders and appointments that are not yet done."""

from __future__ import annotations

from datetime import tzinfo

from mgcds.chart.facts import Request
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, reference, status_code, text
from mgcds.chart.terms import Terms
from mgcds.clock import Moment, parse_moment

TYPES = frozenset({"ServiceRequest", "ProcedureRequest", "DiagnosticOrder"})
_OPEN = frozenset({"active", "draft", "on-hold"})
_PLANNED = frozenset({"proposed", "pending", "booked", "arrived", "checked-in", "waitlist"})
_NOT_ORDERS = frozenset({"proposal", "option"})
_VOID = frozenset({"entered-in-error", "revoked"})


def read_request(record: Resource, terms: Terms, zone: tzinfo, *, drafted: bool = False, named: str = "") -> list[Request]:
    """A ServiceRequest that is open, or what a DiagnosticOrder holds of open items; one for a procedure is a booking.

    A draft counts whatever its status, unless it is void; `named` is the reference of one without id.
    """
    status = status_code(record.get("status"))
    is_order = drafted or text(record.get("intent")) not in _NOT_ORDERS
    if record.get("doNotPerform") is True or not is_order or not _is_open(status, drafted):
        return []
    ordered = [item for item in items(record.get("item")) if _is_open(status_code(item.get("status")) or status, drafted)]
    made = []
    for code in (part.get("code") for part in [record, *ordered]):
        found = terms.concepts_of(codings(code), concept_text(code), "ServiceRequest")
        if found:
            name = concept_text(code) or min(found)
            made.append(Request(found, name, reference(record) or named, _due(record, zone), _is_booking(found, terms)))
    return made


def _is_open(status: str, drafted: bool) -> bool:
    return status not in _VOID if drafted else status in _OPEN


def _due(record: Resource, zone: tzinfo) -> Moment | None:
    period = block(record.get("occurrencePeriod"))
    written = (record.get("occurrenceDateTime"), period.get("start"))
    return next((moment for value in written if (moment := parse_moment(value, zone)) is not None), None)


def _is_booking(found: frozenset[str], terms: Terms) -> bool:
    return any("Procedure" in terms.concepts[key].recorded_in for key in found)


def read_appointment(record: Resource, terms: Terms, zone: tzinfo) -> list[Request]:
    """A planned Appointment whose reason or service is a procedure that we know."""
    if status_code(record.get("status")) not in _PLANNED:
        return []
    concepts = [each for key in ("reasonCode", "serviceType") for each in items(record.get(key))]
    made = []
    for each in concepts:
        found = terms.concepts_of(codings(each), concept_text(each), "ServiceRequest")
        found = frozenset(key for key in found if _is_booking(frozenset({key}), terms))
        if found:
            due = parse_moment(record.get("start"), zone)
            made.append(Request(found, concept_text(each) or min(found), reference(record), due, booked=True))
    return made
