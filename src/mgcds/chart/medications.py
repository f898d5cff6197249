"""Medication records of every sort to uses: what, whether it runs, since when, how much, when in the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from mgcds.chart.dosage import Dosage, portions, read_dosage
from mgcds.chart.facts import Note, Portion, Use
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, quantity, reference, status_code, tail, text
from mgcds.clock import Moment, parse_moment
from mgcds.terminology import Medicine, StatedIngredient, Terminology
from mgcds.units import decimal, whole_days

TYPES = frozenset(
    {"MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationAdministration", "MedicationDispense"}
)
_ACTIVE = frozenset({"active", "in-progress", "recorded", "intended"})
_OVER = frozenset({"completed", "stopped", "ended", "not-taken"})
_IGNORED = frozenset({"entered-in-error", "cancelled", "not-done", "declined", "preparation", "abandoned"})
_NOT_ORDERS = frozenset({"proposal", "option"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a medication needs besides the record itself."""

    terminology: Terminology
    today: date
    zone: tzinfo
    medications: Mapping[str, Resource]  # Medication resources by id and by fullUrl
    dispenses: Mapping[str, Sequence[Resource]]  # by id of the order they fill


def read_use(
    record: Resource, reading: Reading, *, drafted: bool = False, selected: bool = False, named: str = ""
) -> tuple[Use | None, list[Note]]:
    """A use, or None where the record says nothing about use; with notes. `named` is the reference of a draft without id."""
    where = reference(record) or named
    state = _state(record)
    if (text(record.get("intent")) in _NOT_ORDERS and not drafted) or record.get("doNotPerform") is True:
        return None, []
    if state == "ignored" or (state == "draft" and not drafted):
        return None, []
    if state == "unknown" and not drafted:
        return None, [Note("status-ignored", where)]
    medicine = _medicine(record, reading)
    notes = [] if medicine.is_resolved else [Note("medication-unresolved", where)]
    dosages = [read_dosage(each) for each in items(record.get("dosageInstruction", record.get("dosage")))]
    if any(not dosage.readable for dosage in dosages):
        notes.append(Note("dosage-unreadable", where))
    start, end = _bounds(record, dosages, reading)
    active = state == "active" and (end is None or end.last >= reading.today)
    if record.get("resourceType") == "MedicationDispense":
        active = end is not None and end.last >= reading.today and state in ("active", "over")
    route_of = next((each for each in items(record.get("dosageInstruction", record.get("dosage"))) if each.get("route")), {})
    route = block(route_of.get("route"))
    use = Use(
        medicine=medicine,
        reference=where,
        active=active or drafted,
        drafted=drafted,
        selected=selected,
        route=reading.terminology.route(codings(route), concept_text(route)) if route else None,
        start=start,
        end=None if active else end or start,
        recorded=_recorded(record, reading.zone),
        portions=_portions(medicine, dosages),
        times=tuple(dosage.schedule.times for dosage in dosages),
        indications=_indications(record, reading.terminology),
        length_days=max((d.schedule.length_days for d in dosages if d.schedule.length_days is not None), default=None),
        supply_days=_supply(record),
        links=frozenset(_links(record)),
    )
    return use, notes


def _state(record: Resource) -> str:
    """active, over, draft, ignored or unknown."""
    status = status_code(record.get("status"))
    adherence = status_code(block(record.get("adherence")).get("code"))
    if status == "recorded" and adherence and adherence not in ("taking", "taking-as-directed", "taking-not-as-directed"):
        return "over"
    if record.get("taken") in ("n", "unk", "na") and status == "active":
        return "over"
    if record.get("wasNotTaken") is True or record.get("wasNotGiven") is True:
        return "ignored"
    if status in _ACTIVE:
        return "active"
    if status in _OVER:
        return "over"
    if status == "draft":
        return "draft"
    if status == "on-hold":
        return "ignored"
    return "ignored" if status in _IGNORED else "unknown"


def _medicine(record: Resource, reading: Reading) -> Medicine:
    concept, target = record.get("medicationCodeableConcept"), record.get("medicationReference")
    either = block(record.get("medication"))  # R5: a CodeableReference
    if either and not concept and not target:
        concept = either if "coding" in either or "text" in either else either.get("concept")
        target = either if isinstance(either.get("reference"), str) else either.get("reference")
    found: Resource = {}
    if isinstance(target, dict):
        written = text(target.get("reference"))
        contained = {str(item.get("id")): item for item in items(record.get("contained"))}
        found = (
            contained.get(written[1:], {})
            if written.startswith("#")
            else (reading.medications.get(written) or reading.medications.get(tail(target)) or {})
        )
    sources = [each for each in (concept, found.get("code")) if isinstance(each, dict)]
    all_codings = tuple(coding for source in sources for coding in codings(source))
    words = next((words for source in sources if (words := concept_text(source))), "") or text(block(target).get("display"))
    return reading.terminology.medicine(all_codings, words, _stated(found))


def _stated(medication: Resource) -> list[StatedIngredient]:
    made = []
    for item in items(medication.get("ingredient")):
        concept = item.get("itemCodeableConcept") or block(item.get("item"))
        ratio = block(item.get("strength") or item.get("strengthRatio") or item.get("amount"))
        value, unit, _ = quantity(ratio.get("numerator") or item.get("strengthQuantity"))
        below, below_unit, _ = quantity(ratio.get("denominator"))
        per = "mL" if below_unit == "mL" else "unit"
        strength = value / below if value is not None and below else value
        made.append(StatedIngredient(codings(concept), concept_text(concept), strength, unit, per))
    return made


def _bounds(record: Resource, dosages: list[Dosage], reading: Reading) -> tuple[Moment | None, Moment | None]:
    """Start and end of the course, as section 0 of the catalogue defines them."""
    zone = reading.zone
    period = block(record.get("effectivePeriod") or record.get("effectiveTimePeriod") or record.get("occurencePeriod"))
    starts = [d.schedule.starts for d in dosages if d.schedule.starts]
    ends = [d.schedule.ends for d in dosages if d.schedule.ends]
    start = parse_moment(period.get("start"), zone) or min(starts, key=lambda m: m.first, default=None)
    end = parse_moment(period.get("end"), zone) or max(ends, key=lambda m: m.last, default=None)
    instant = next(
        (
            m
            for key in (
                "effectiveDateTime",
                "effectiveTimeDateTime",
                "occurenceDateTime",
                "whenHandedOver",
                "whenPrepared",
            )
            if (m := parse_moment(record.get(key), zone))
        ),
        None,
    )
    dispenses = reading.dispenses.get(str(record.get("id")), ()) if record.get("resourceType") != "MedicationDispense" else ()
    handed = sorted(
        ((moment, each) for each in dispenses
         if (moment := parse_moment(each.get("whenHandedOver") or each.get("whenPrepared"), zone)) is not None),
        key=lambda pair: (pair[0], str(pair[1].get("id"))),
    )  # fmt: skip
    authored = parse_moment(record.get("authoredOn") or record.get("dateWritten"), zone)
    start = start or instant or authored or (handed[0][0] if handed else None)
    if end is None and handed:
        supply = _days(handed[-1][1].get("daysSupply"))
        end = _plus(handed[-1][0], supply) if supply is not None else None
    if end is None and record.get("resourceType") == "MedicationDispense" and instant:
        supply = _days(record.get("daysSupply"))
        end = _plus(instant, supply) if supply is not None else instant
    if end is None and status_code(record.get("status")) in _OVER and authored:
        total = _supply(record)
        end = _plus(authored, total) if total is not None else None
    return start, end


def _plus(moment: Moment, days: int) -> Moment:
    return Moment(moment.first + timedelta(days=days), moment.last + timedelta(days=days))


def _days(value: Any) -> int | None:
    number, unit, _ = quantity(value)
    found = whole_days(number, unit) if number is not None and unit else None
    if found is None and number is not None and not block(value).get("unit") and not block(value).get("code"):
        found = int(number)  # a supply without a unit is in days
    return found if found is not None and 0 <= found < 36_500 else None


def _supply(record: Resource) -> int | None:
    """Days supplied x (1 + repeats)."""
    request = block(record.get("dispenseRequest"))
    days = _days(request.get("expectedSupplyDuration"))
    repeats = decimal(request.get("numberOfRepeatsAllowed", request.get("numberOfRefills", 0)))
    return int(days * (1 + (repeats or 0))) if days is not None else None


def _recorded(record: Resource, zone: tzinfo) -> Moment | None:
    keys = ("authoredOn", "dateWritten", "dateAsserted", "whenHandedOver", "effectiveDateTime")
    found = (parse_moment(record.get(key), zone) for key in keys)
    return next((moment for moment in found if moment), None) or parse_moment(
        block(record.get("effectivePeriod")).get("start"), zone
    )


def _portions(medicine: Medicine, dosages: list[Dosage]) -> tuple[Portion, ...]:
    """Concurrent instructions add up; instructions with different sequence numbers follow each other in time."""
    groups: dict[int | None, list[Dosage]] = {}
    for dosage in dosages:
        groups.setdefault(dosage.sequence, []).append(dosage)
    if len(groups) <= 1:
        return portions(medicine, [dosage.dose for dosage in dosages])
    each = [portions(medicine, [dosage.dose for dosage in group]) for group in groups.values()]
    return tuple(_widest([one[position] for one in each]) for position in range(len(medicine.ingredients)))


def _widest(choices: list[Portion]) -> Portion:
    known = [choice for choice in choices if choice.high is not None]
    if len(known) < len(choices):
        return Portion(choices[0].ingredient, choices[0].nutrient, None, None, None, choices[0].basis)
    top = max(known, key=lambda choice: choice.high or Decimal(0))
    low = min(choice.low for choice in known if choice.low is not None)
    return Portion(top.ingredient, top.nutrient, low, top.high, top.elemental, top.basis)


def _indications(record: Resource, terminology: Terminology) -> frozenset[str]:
    concepts = [
        *items(record.get("reasonCode")),
        *items(record.get("reason")),
        *items(record.get("reasonCodeableConcept")),
    ]
    concepts += [block(each) for each in items(record.get("reasonForUseCodeableConcept"))]
    found = (terminology.concepts_of(codings(each), concept_text(each), "Condition") for each in concepts)
    return frozenset().union(*found)


def _links(record: Resource) -> list[str]:
    """References of other records of the same order, as "Type/id"."""
    kind = text(record.get("resourceType"))
    targets = [
        record.get("priorPrescription"),
        *items(record.get("basedOn")),
        *items(record.get("authorizingPrescription")),
    ]
    targets += [record.get("prescription"), record.get("request"), *items(record.get("derivedFrom"))]
    made = []
    for target in targets:
        written = text(block(target).get("reference"))
        if written:
            parts = written.split("/_history")[0].split("/")
            made.append("/".join(parts[-2:]) if len(parts) > 1 else f"{kind}/{tail(target)}")
    return made
