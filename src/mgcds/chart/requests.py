"""Orders and appointments that are not yet done."""

from __future__ import annotations

from datetime import tzinfo

from mgcds.chart.facts import Request
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, reference, status_code, text
from mgcds.chart.terms import Terms
from mgcds.clock import Moment, parse_moment

TYPES = frozenset({"ServiceRequest", "ProcedureRequest", "DiagnosticOrder"})
_OPEN = frozenset({"active", "draft", "on-hold", "requested", "accepted", "in-progress"})
_PLANNED = frozenset({"proposed", "pending", "booked", "arrived", "checked-in", "waitlist"})
_NOT_ORDERS = frozenset({"proposal", "option"})
_VOID = frozenset({"entered-in-error", "cancelled"})


def read_request(record: Resource, terms: Terms, zone: tzinfo, *, drafted: bool = False, named: str = "") -> list[Request]:
    """A ServiceRequest (or its older forms) that is open; one for a procedure is a booking.

    A draft counts whatever its status, unless it is void; `named` is the reference of one without id.
    """
    status = status_code(record.get("status"))
    is_open = status not in _VOID if drafted else status in _OPEN and text(record.get("intent")) not in _NOT_ORDERS
    if not is_open or record.get("doNotPerform") is True:
        return []
    coded = [record.get("code"), *(item.get("code") for item in items(record.get("item")))]
    made = []
    for code in coded:
        found = terms.concepts_of(codings(code), concept_text(code), "ServiceRequest")
        if found:
            name = concept_text(code) or min(found)
            made.append(Request(found, name, reference(record) or named, _due(record, zone), _is_booking(found, terms)))
    return made


def _due(record: Resource, zone: tzinfo) -> Moment | None:
    period = block(record.get("occurrencePeriod") or record.get("scheduledPeriod"))
    written = (record.get("occurrenceDateTime"), record.get("scheduledDateTime"), period.get("start"))
    return next((moment for value in written if (moment := parse_moment(value, zone)) is not None), None)


def _is_booking(found: frozenset[str], terms: Terms) -> bool:
    return any("Procedure" in terms.concepts[key].recorded_in for key in found)


def read_appointment(record: Resource, terms: Terms, zone: tzinfo) -> list[Request]:
    """A planned Appointment whose reason or service is a procedure that we know."""
    if status_code(record.get("status")) not in _PLANNED:
        return []
    concepts = [each for key in ("reasonCode", "reason", "serviceType") for each in items(record.get(key))]
    made = []
    for each in concepts:
        found = terms.concepts_of(codings(each), concept_text(each), "ServiceRequest")
        found = frozenset(key for key in found if _is_booking(frozenset({key}), terms))
        if found:
            due = parse_moment(record.get("start"), zone)
            made.append(Request(found, concept_text(each) or min(found), reference(record), due, booked=True))
    return made
