"""FHIR prefetch and context to a Chart. Read leniently, resource by resource: one bad entry never sinks a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from functools import partial
from typing import Any

from mgcds.chart.derived import computed
from mgcds.chart.facts import (
    CONDITIONS,
    MEDICATIONS,
    ORDERS,
    PATIENT,
    PROCEDURES,
    STATEMENTS,
    Chart,
    Note,
    Person,
    Problem,
    Request,
    Result,
    Use,
)  # fmt: skip
from mgcds.chart.fhir import Resource, block, items, reference, strings, tail, text, walk
from mgcds.chart.medications import TYPES, Reading, read_use
from mgcds.chart.problems import read_appointment, read_condition, read_procedure, read_request
from mgcds.chart.results import read_observation
from mgcds.chart.supply import supplied_by
from mgcds.clock import parse_moment
from mgcds.terminology import Terminology

_DRAFTS = {"order-select": "draftOrders", "order-sign": "draftOrders", "medication-refill": "medications"}
_REQUESTS = frozenset({"ServiceRequest", "ProcedureRequest", "DiagnosticOrder"})
# What a malformed resource can raise in a reader; anything else is a fault of ours and must be seen.
_MALFORMED = (
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    ArithmeticError,
    IndexError,
    RecursionError,
)


class WrongPatient(Exception):
    """The prefetched Patient is not the patient of the context: nothing may be said about either."""


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    results: list[Result] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    drafts: dict[str, Resource] = field(default_factory=dict)


def read_chart(
    *,
    hook: str,
    context: Mapping[str, Any],
    prefetch: Mapping[str, Any] | None,
    terminology: Terminology,
    today: date,
    zone: tzinfo = UTC,
) -> Chart:
    """The chart of a CDS Hooks request. Raises WrongPatient; bad data never raises."""
    supplied, notes = supplied_by(prefetch or {}, laboratory_batches(terminology))
    resources = [found for value in (prefetch or {}).values() for found in walk(value)]
    patient_id = tail(context.get("patientId", ""))
    drafts = _drafts_of(hook, context)
    appointments = [resource for resource, _ in walk(context.get("appointments"))]
    return _chart(hook, patient_id, resources, drafts, appointments, supplied, notes, terminology, today, zone)


def read_resources(resources: Any, *, hook: str, terminology: Terminology, today: date, zone: tzinfo = UTC) -> Chart:
    """The chart of a Bundle, a list or a resource; every kind counts as supplied, drafts are records of status draft."""
    found = list(walk(resources))
    patients = [resource for resource, _ in found if resource["resourceType"] == "Patient"]
    patient_id = str(patients[0].get("id", "")) if patients else ""
    drafts = [
        (reference(resource) or f"context.draftOrders#{number}", resource, True)
        for number, (resource, _) in enumerate(found)
        if hook in _DRAFTS and resource.get("status") == "draft" and resource["resourceType"] in TYPES | _REQUESTS
    ]
    drafted = {id(resource) for _, resource, _ in drafts}
    kept = [(resource, url) for resource, url in found if id(resource) not in drafted]
    every = frozenset({PATIENT, MEDICATIONS, STATEMENTS, CONDITIONS, PROCEDURES, ORDERS, *laboratory_batches(terminology)})
    return _chart(hook, patient_id, kept, drafts, [], every, [], terminology, today, zone)


def laboratory_batches(terminology: Terminology) -> frozenset[str]:
    """The prefetch batches in which results are supplied."""
    return frozenset(concept.batch for concept in terminology.concepts.values() if concept.batch)


def _drafts_of(hook: str, context: Mapping[str, Any]) -> list[tuple[str, Resource, bool]]:
    """(reference, draft, selected) of the orders at hand; a draft without id is named by its place in the context."""
    key = _DRAFTS.get(hook)
    if key is None:
        return []
    entries = items(block(context.get(key)).get("entry"))
    selections = set(strings(context.get("selections")))
    drafts = []
    for number, entry in enumerate(entries):
        draft = entry.get("resource")
        if not isinstance(draft, dict):
            continue
        where = reference(draft) or f"context.{key}#{number}"
        selected = where in selections or str(draft.get("id", "")) in selections or text(entry.get("fullUrl")) in selections
        drafts.append((where, draft, selected))
    return drafts


def _chart(
    hook: str,
    patient_id: str,
    resources: list[tuple[Resource, str]],
    drafts: list[tuple[str, Resource, bool]],
    appointments: list[Resource],
    supplied: frozenset[str],
    notes: list[Note],
    terminology: Terminology,
    today: date,
    zone: tzinfo,
) -> Chart:
    person, names = _person(resources, patient_id, zone)
    kept = _newest(resource for resource, _ in resources if _is_about(resource, names))
    notes = [*notes, *(Note("resource-unreadable", reference(r)) for r, _ in resources if not _is_about(r, names))]
    bundled = [*resources, *((draft, "") for _, draft, _ in drafts)]
    medications = {
        key: resource
        for resource, url in bundled
        if resource.get("resourceType") == "Medication"
        for key in (str(resource.get("id")), f"Medication/{resource.get('id')}", url)
        if key
    }
    dispenses: dict[str, list[Resource]] = {}
    for resource in kept:
        if resource["resourceType"] == "MedicationDispense":
            for target in items(resource.get("authorizingPrescription")):
                dispenses.setdefault(tail(target), []).append(resource)
    reading = Reading(terminology, today, zone, medications, dispenses)
    found = _Found(notes=list(notes))
    for resource in kept:
        _guarded(found, resource, reference(resource), partial(_read, found, resource, reading))
    for appointment in appointments:
        _guarded(found, appointment, reference(appointment), partial(_appointment, found, appointment, reading))
    for where, draft, selected in drafts:
        if _is_about(draft, names):
            _guarded(found, draft, where, partial(_draft, found, draft, where, selected, reading))
    found.results += computed(found.results, terminology.concepts, person, today)
    return Chart(
        today=today, hook=hook, person=person, supplied=supplied,
        results=tuple(sorted(set(found.results), key=lambda r: (r.concept, r.taken, r.reference, r.value))),
        uses=tuple(sorted(found.uses, key=lambda use: (use.reference, use.drafted))),
        problems=tuple(sorted(found.problems, key=lambda problem: (problem.reference, problem.name))),
        requests=tuple(sorted(found.requests, key=lambda request: (request.reference, request.name))),
        notes=tuple(sorted(set(found.notes), key=lambda note: (note.code, note.reference))),
        unresolved=tuple(sorted({use.medicine.name for use in found.uses if use.active and not use.medicine.is_resolved})),
        drafts=found.drafts,
    )  # fmt: skip


def _guarded(found: _Found, resource: Resource, where: str, read: Callable[[], None]) -> None:
    try:
        read()
    except _MALFORMED:
        found.notes.append(Note("resource-unreadable", where or text(resource.get("resourceType"))))


def _read(found: _Found, resource: Resource, reading: Reading) -> None:
    kind, terminology = resource["resourceType"], reading.terminology
    if kind in TYPES:
        use, notes = read_use(resource, reading)
        found.uses += [use] if use else []
        found.notes += notes
    elif kind == "Observation":
        results, flags, notes = read_observation(resource, terminology, reading.today, reading.zone)
        found.results += results
        found.problems += flags
        found.notes += notes
    elif kind in ("Condition", "Procedure"):
        reader = read_condition if kind == "Condition" else read_procedure
        problems, notes = reader(resource, terminology, reading.today, reading.zone)
        found.problems += problems
        found.notes += notes
    elif kind in _REQUESTS:
        found.requests += read_request(resource, terminology, reading.zone)


def _appointment(found: _Found, appointment: Resource, reading: Reading) -> None:
    found.requests += read_appointment(appointment, reading.terminology, reading.zone)


def _draft(found: _Found, draft: Resource, where: str, selected: bool, reading: Reading) -> None:
    if draft.get("resourceType") in TYPES:
        use, notes = read_use(draft, reading, drafted=True, selected=selected, named=where)
        if use:
            found.uses.append(use)
            found.drafts[where] = draft
        found.notes += notes
    elif draft.get("resourceType") in _REQUESTS:
        found.requests += read_request({"status": "draft", **draft}, reading.terminology, reading.zone)


def _person(resources: list[tuple[Resource, str]], patient_id: str, zone: tzinfo) -> tuple[Person, frozenset[str]]:
    """The patient, and every name under which records may refer to them."""
    patients = [(resource, url) for resource, url in resources if resource["resourceType"] == "Patient"]
    if not patients:
        return Person(f"Patient/{patient_id}"), frozenset({patient_id} - {""})
    mine = [pair for pair in patients if not patient_id or str(pair[0].get("id")) == patient_id or tail(pair[1]) == patient_id]
    if not mine:
        raise WrongPatient
    resource, url = mine[0]
    sex = resource.get("gender")
    person = Person(
        reference(resource) or f"Patient/{patient_id}",
        parse_moment(resource.get("birthDate"), zone),
        sex if sex in ("male", "female") else None,
    )
    return person, frozenset({patient_id, str(resource.get("id", "")), tail(url)} - {""})


def _is_about(resource: Resource, names: frozenset[str]) -> bool:
    """Whether a record is the patient's; one that names nobody is."""
    subject = resource.get("subject") or resource.get("patient")
    target = tail(subject)
    return not target or not names or target in names


def _newest(resources: Iterable[Resource]) -> list[Resource]:
    """One version a resource: the higher version, else the later update, else an order-independent choice."""
    chosen: dict[str, Resource] = {}
    loose: dict[str, Resource] = {}
    for resource in resources:
        where = reference(resource)
        if not where:
            loose[repr(resource)] = resource
        elif where not in chosen or _version(resource) > _version(chosen[where]):
            chosen[where] = resource
    return [*chosen.values(), *loose.values()]


def _version(resource: Resource) -> tuple[int, str, str]:
    meta = block(resource.get("meta"))
    version = text(meta.get("versionId"))
    return int(version) if version.isdecimal() else -1, text(meta.get("lastUpdated")), repr(resource)
