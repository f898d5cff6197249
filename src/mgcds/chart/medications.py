"""Medication records of every sort to uses: what, whether it runs, since when, how much, when in the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from functools import partial

from mgcds.chart.bundle import Index, contained_in, follow
from mgcds.chart.courses import links_of, recorded_on, start_of, supplied_end, supply_days, written_end
from mgcds.chart.dosage import Dosage, is_readable, may_wait, portions, read_dosage
from mgcds.chart.facts import Dosing, Note, Person, Portion, Use
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, reference, status_code, text
from mgcds.chart.products import medicine_of
from mgcds.chart.terms import Terms
from mgcds.chart.timing import Bounds, bounds_of
from mgcds.clock import Moment, on
from mgcds.terminology.types import Medicine

TYPES = frozenset(
    {"MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationAdministration", "MedicationDispense"}
)
ACTIVE, OVER, WAITING, NOT_USED, VOID, UNKNOWN = "active", "over", "waiting", "not used", "void", "unknown"
_STATES = {
    "active": ACTIVE, "in-progress": ACTIVE,
    "completed": OVER, "stopped": OVER, "ended": OVER,
    "draft": WAITING, "on-hold": WAITING, "intended": WAITING,
    "not-taken": NOT_USED, "not-done": NOT_USED, "declined": NOT_USED, "preparation": NOT_USED, "abandoned": NOT_USED,
    "entered-in-error": VOID, "cancelled": VOID,
}  # fmt: skip
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
    own = reference(record)
    where = own or named
    state = _STATES.get(status_code(record.get("status")), UNKNOWN)
    if state == VOID or record.get("doNotPerform") is True:
        return None, []
    if not drafted:
        if state == UNKNOWN:
            return None, [Note("status-ignored", where)]
        if state not in (ACTIVE, OVER) or text(record.get("intent")) in NOT_ORDERS or _fills_known_order(record, reading):
            return None, []
    medicine = medicine_of(record, reading.index, reading.terms)
    instructions = items(record.get("dosageInstruction") or record.get("dosage"))
    notes = [] if medicine.is_resolved else [Note("medication-unresolved", where)]
    if not all(map(is_readable, instructions)):
        notes.append(Note("dosage-unreadable", where))
    bounds = [bounds_of(each.get("timing"), reading.zone) for each in instructions]
    start, end, runs = _course(record, state, bounds, reading.dispenses.get(own, ()), reading)
    active = drafted or runs
    links = links_of(record, reading.index)
    dosing = partial(_dosing, medicine, instructions, reading.zone)
    use = Use(
        medicine=medicine,
        reference=where,
        active=active,
        drafted=drafted,
        selected=selected,
        route=_route(instructions, reading.terms),
        start=start,
        end=None if active else end or start,
        recorded=recorded_on(record, reading.zone),
        dosing=Dosing.later(dosing) if may_wait(medicine, instructions) else dosing(),
        indications=_indications(record, reading),
        supply_days=supply_days(record),
        links=links | {where} if drafted else links,  # a draft renews the order of its id
    )
    return use, notes


def _route(instructions: Sequence[Resource], terms: Terms) -> str | None:
    for each in instructions:
        if isinstance(route := each.get("route"), dict):
            return terms.route(codings(route), concept_text(route)) if route else None
    return None


def _dosing(medicine: Medicine, instructions: Sequence[Resource], zone: tzinfo) -> Dosing:
    """What the instructions say together."""
    dosages = [read_dosage(each, zone) for each in instructions]
    lengths = [days for dosage in dosages if (days := dosage.schedule.length_days) is not None]
    times = tuple(dosage.schedule.times for dosage in dosages)
    return Dosing(_portions(medicine, dosages), times, max(lengths, default=None))


def _fills_known_order(record: Resource, reading: Reading) -> bool:
    """Whether a dispense belongs to an order that was sent: then the order tells of the use, the dispense of its dates."""
    if record.get("resourceType") != "MedicationDispense":
        return False
    orders = items(record.get("authorizingPrescription"))
    return any(follow(reading.index, order, "MedicationRequest") is not None for order in orders)


def _course(
    record: Resource, state: str, bounds: Sequence[Bounds], dispenses: Sequence[Resource], reading: Reading
) -> tuple[Moment | None, Moment | None, bool]:
    """Start and end of the course, and whether it runs today."""
    start = start_of(record, bounds, dispenses, reading.zone)
    end = written_end(record, bounds, reading.zone)
    if record.get("resourceType") == "MedicationDispense":
        end = end or supplied_end(record, [record], reading.zone)
        runs = end is not None and status_code(record.get("status")) != "stopped"
    else:
        runs = state == ACTIVE
    if runs and (end is None or end.last >= reading.today):
        return start, end, True
    end = end or supplied_end(record, dispenses, reading.zone)
    # What is over was over by today, whatever had been planned.
    return start, on(reading.today) if end is not None and end.first > reading.today else end, False


def _portions(medicine: Medicine, dosages: Sequence[Dosage]) -> tuple[Portion, ...]:
    """Concurrent instructions add up; instructions with different sequence numbers follow each other in time."""
    groups: dict[int | None, list[Dosage]] = {}
    for dosage in dosages:
        groups.setdefault(dosage.sequence, []).append(dosage)
    each = [portions(medicine, [dosage.dose for dosage in group]) for group in groups.values()]
    if not each:
        return portions(medicine, [])
    return tuple(_widest([one[position] for one in each]) for position in range(len(medicine.ingredients)))


def _widest(choices: Sequence[Portion]) -> Portion:
    """The least and the most of several portions of one ingredient; not computable if one of them is not."""
    lows = [choice.low for choice in choices if choice.low is not None]
    if len(lows) < len(choices):
        return Portion(choices[0].ingredient, choices[0].nutrient, None, None, None, choices[0].basis)
    top = max(choices, key=lambda choice: choice.high or Decimal(0))
    return Portion(top.ingredient, top.nutrient, min(lows), top.high, top.elemental, top.basis)


def _indications(record: Resource, reading: Reading) -> frozenset[str]:
    """Condition concepts of the reasons, in words, as codes or as references to conditions that were sent."""
    if "reasonReference" not in record and "reasonCode" not in record:
        return frozenset()
    inside = contained_in(record)
    conditions = (follow(reading.index, each, "Condition", inside) for each in items(record.get("reasonReference")))
    reasons = [*items(record.get("reasonCode")), *(block(found.get("code")) for found in conditions if found)]
    found_in = (reading.terms.concepts_of(codings(each), concept_text(each), "Condition") for each in reasons)
    return frozenset().union(*found_in)
