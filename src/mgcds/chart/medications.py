"""Medication records of every sort to uses: what, whether it runs, since when, how much, when in the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

from mgcds.chart.bundle import Index, follow
from mgcds.chart.courses import links_of, recorded_on, start_of, supplied_end, supply_days, written_end
from mgcds.chart.dosage import Dosage, portions, read_dosage
from mgcds.chart.facts import Note, Person, Portion, Use
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, reference, status_code, text
from mgcds.chart.products import medicine_of
from mgcds.chart.terms import Terms
from mgcds.clock import Moment
from mgcds.terminology.types import Medicine

TYPES = frozenset(
    {"MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationAdministration", "MedicationDispense"}
)
ACTIVE, OVER, WAITING, NOT_USED, VOID, UNKNOWN = "active", "over", "waiting", "not used", "void", "unknown"
_STATES = {
    "active": ACTIVE, "in-progress": ACTIVE, "recorded": ACTIVE,
    "completed": OVER, "stopped": OVER, "ended": OVER,
    "draft": WAITING, "on-hold": WAITING, "intended": WAITING,
    "not-taken": NOT_USED, "not-done": NOT_USED, "declined": NOT_USED, "preparation": NOT_USED, "abandoned": NOT_USED,
    "entered-in-error": VOID, "cancelled": VOID,
}  # fmt: skip
_TAKEN = frozenset({"taking", "taking-as-directed", "taking-not-as-directed"})
NOT_ORDERS = frozenset({"proposal", "option"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a record needs besides the record itself."""

    terms: Terms
    today: date
    zone: tzinfo
    person: Person
    index: Index
    dispenses: Mapping[str, Sequence[Resource]]  # by reference of the order they fill


def read_use(
    record: Resource, reading: Reading, *, drafted: bool = False, selected: bool = False, named: str = ""
) -> tuple[Use | None, list[Note]]:
    """A use, or None where the record says nothing about use; with notes. `named` is the reference of a draft without id."""
    where = reference(record) or named
    state = _state(record)
    if state == VOID or record.get("doNotPerform") is True:
        return None, []
    if not drafted:
        if state == UNKNOWN:
            return None, [Note("status-ignored", where)]
        if state not in (ACTIVE, OVER) or text(record.get("intent")) in NOT_ORDERS or _fills_known_order(record, reading):
            return None, []
    medicine = medicine_of(record, reading.index, reading.terms)
    instructions = items(record.get("dosageInstruction") or record.get("dosage"))
    dosages = [read_dosage(each, reading.zone) for each in instructions]
    notes = [] if medicine.is_resolved else [Note("medication-unresolved", where)]
    notes += [] if all(dosage.readable for dosage in dosages) else [Note("dosage-unreadable", where)]
    start, end = _course(record, state, dosages, reading)
    active = drafted or (end is None and state == ACTIVE) or (end is not None and end.last > reading.today)
    route = next((each["route"] for each in instructions if isinstance(each.get("route"), dict)), None)
    use = Use(
        medicine=medicine,
        reference=where,
        active=active,
        drafted=drafted,
        selected=selected,
        route=reading.terms.route(codings(route), concept_text(route)) if route else None,
        start=start,
        end=None if active else end or start,
        recorded=recorded_on(record, reading.zone),
        portions=_portions(medicine, dosages),
        times=tuple(dosage.schedule.times for dosage in dosages),
        indications=_indications(record, reading),
        length_days=max((d.schedule.length_days for d in dosages if d.schedule.length_days is not None), default=None),
        supply_days=supply_days(record),
        links=links_of(record, reading.index) | ({where} if drafted else frozenset()),  # a draft renews the order of its id
    )
    return use, notes


def _state(record: Resource) -> str:
    """What the status of any kind of medication record, of any FHIR version, means for use."""
    status = status_code(record.get("status"))
    if record.get("wasNotTaken") is True or record.get("wasNotGiven") is True:
        return VOID if status == "entered-in-error" else NOT_USED
    adherence = status_code(block(record.get("adherence")).get("code"))
    is_not_taken = record.get("taken") in ("n", "unk", "na") or (bool(adherence) and adherence not in _TAKEN)
    state = _STATES.get(status, UNKNOWN)
    return OVER if state == ACTIVE and is_not_taken else state


def _fills_known_order(record: Resource, reading: Reading) -> bool:
    """Whether a dispense belongs to an order that was sent: then the order tells of the use, the dispense of its dates."""
    if record.get("resourceType") != "MedicationDispense":
        return False
    orders = items(record.get("authorizingPrescription"))
    return any(follow(reading.index, order, "MedicationRequest") is not None for order in orders)
