"""When a medicine was started and ended, as section 0 of the rule catalogue defines a course."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from typing import Any

from mgcds.chart.bundle import Index, reference_to
from mgcds.chart.fhir import Resource, block, items, quantity, text
from mgcds.chart.timing import Bounds
from mgcds.clock import Moment, parse_moment
from mgcds.units import decimal, whole_days

_INSTANTS = ("effectiveDateTime", "whenHandedOver", "whenPrepared")
_RECORDED = ("authoredOn", "dateAsserted", "whenHandedOver", "whenPrepared", "effectiveDateTime")
_LINKS = frozenset({"priorPrescription", "basedOn", "authorizingPrescription", "request", "derivedFrom"})
_LONGEST = 36_500  # days; a longer supply is a slip of the pen


def start_of(record: Resource, bounds: Sequence[Bounds], dispenses: Sequence[Resource], zone: tzinfo) -> Moment | None:
    """The written start, else the day of the order, else the earliest dispense."""
    starts = [start for start, _ in bounds if start]
    return (
        _period(record, "start", zone)
        or (starts[0] if len(starts) == 1 else min(starts, key=lambda moment: moment.first, default=None))
        or _first(record, _INSTANTS, zone)
        or parse_moment(record.get("authoredOn"), zone)
        or min((moment for moment, _ in _handed_over(dispenses, zone)), key=lambda moment: moment.first, default=None)
    )


def written_end(record: Resource, bounds: Sequence[Bounds], zone: tzinfo) -> Moment | None:
    """The end as the record or its dosage says it; a course with one instruction that is open has none."""
    ends = [end for _, end in bounds if end]
    is_closed = len(ends) == len(bounds)
    last = ends[0] if len(ends) == 1 else max(ends, key=lambda moment: moment.last, default=None)
    return _period(record, "end", zone) or (last if is_closed else None)


def supplied_end(record: Resource, dispenses: Sequence[Resource], zone: tzinfo) -> Moment | None:
    """When an ended course must have run out: by its last dispense, else by the supply that was ordered."""
    handed = _handed_over(dispenses, zone)
    if handed:
        moment, dispense = handed[-1]
        days = days_of(dispense.get("daysSupply"))
        if days is not None:
            return _later(moment, days)
    authored, total = parse_moment(record.get("authoredOn"), zone), supply_days(record)
    return _later(authored, total) if authored and total is not None else None


def _handed_over(dispenses: Sequence[Resource], zone: tzinfo) -> list[tuple[Moment, Resource]]:
    """Dispenses in order of time."""
    dated = [(moment, each) for each in dispenses if (moment := _first(each, ("whenHandedOver", "whenPrepared"), zone))]
    return sorted(dated, key=lambda pair: (pair[0].last, pair[0], str(pair[1].get("id"))))


def supply_days(record: Resource) -> int | None:
    """Days supplied x (1 + repeats)."""
    request = block(record.get("dispenseRequest"))
    if not request:
        return None
    days = days_of(request.get("expectedSupplyDuration"))
    repeats = decimal(request.get("numberOfRepeatsAllowed", request.get("numberOfRefills"))) or 0
    return min(int(days * (1 + max(repeats, 0))), _LONGEST) if days is not None else None


def days_of(value: Any) -> int | None:
    """A supply in days; one without any unit is in days already."""
    number, unit, _ = quantity(value)
    if number is None:
        return None
    if unit is None and not text(block(value).get("unit")) and not text(block(value).get("code")):
        unit = "days"
    found = whole_days(number, unit) if unit else None
    return found if found is not None and 0 <= found <= _LONGEST else None


def recorded_on(record: Resource, zone: tzinfo) -> Moment | None:
    """When the record was made: of two records of one product the later counts."""
    return _first(record, _RECORDED, zone) or _period(record, "start", zone)


def links_of(record: Resource, index: Index) -> frozenset[str]:
    """References of other records of the same order."""
    if _LINKS.isdisjoint(record):
        return frozenset()
    kind = "MedicationRequest"  # what a link without a type leads to
    targets = [target for key in _LINKS for target in items(record.get(key))]
    return frozenset(found for target in targets if (found := reference_to(index, target, kind)))


def _first(record: Resource, keys: Sequence[str], zone: tzinfo) -> Moment | None:
    for key in keys:
        if moment := parse_moment(record.get(key), zone):
            return moment
    return None


def _period(record: Resource, side: str, zone: tzinfo) -> Moment | None:
    return parse_moment(block(record["effectivePeriod"]).get(side), zone) if "effectivePeriod" in record else None


def _later(moment: Moment, days: int) -> Moment:
    return Moment(moment.first + timedelta(days=days), moment.last + timedelta(days=days))
