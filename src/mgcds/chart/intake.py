"""FHIR prefetch and context to a Chart. Read leniently, resource by resource: one bad entry never sinks a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from typing import Any

from mgcds.chart import medications, requests
from mgcds.chart.bundle import Index, Record, newest, reference_to
from mgcds.chart.derived import computed, each_once
from mgcds.chart.drafts import PLACED, Draft, at_hand, drafts_among, drafts_of, problems_of
from mgcds.chart.facts import Chart, Note, Person, Problem, Request, Result, Use
from mgcds.chart.fhir import Resource, block, holds_rubbish, items, reference, tail, text, walk
from mgcds.chart.medications import Reading, read_use
from mgcds.chart.person import WrongPatient, is_about, read_person
from mgcds.chart.problems import read_condition, read_encounter, read_procedure
from mgcds.chart.requests import read_appointment, read_request
from mgcds.chart.results import Flag, read_observation
from mgcds.chart.supply import KINDS, supplied_by
from mgcds.chart.terms import Terms
from mgcds.chart.unread import has_unread_words
from mgcds.chart.versions import as_r4

__all__ = ["TooCostly", "WrongPatient", "laboratory_batches", "read_chart", "read_resources"]

# What a malformed resource can raise in a reader; anything else is a fault of ours and must be seen.
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


class TooCostly(Exception):
    """The time for reading was up. Nothing may be said about what was read so far: the rest could change it."""


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    results: list[Result] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
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
    terminology: Terms,
    today: date,
    zone: tzinfo = UTC,
    is_late: Callable[[], bool] = lambda: False,
) -> Chart:
    """The chart of a CDS Hooks request. Raises WrongPatient, and TooCostly once `is_late`; bad data never raises."""
    given, told = block(prefetch), block(context)
    sent = supplied_by(given, laboratory_batches(terminology))
    appointments, lost = at_hand(told, "appointments")
    drafts, unread = drafts_of(hook, told)
    problems, unclear = problems_of(hook, told)
    notes = (*sent.notes, *lost, *unread, *unclear)
    empty = Chart(today, hook, Person(""), sent.kinds, notes=notes, partial=sent.partial)
    records = [*sent.records, *(record for _, record in appointments)]
    return _filled(empty, tail(told.get("patientId")), records, [*drafts, *problems], terminology, zone, is_late)


def read_resources(resources: Any, *, hook: str, terminology: Terms, today: date, zone: tzinfo = UTC) -> Chart:
    """The chart of a Bundle, a list or a resource; every kind counts as supplied, drafts are records of status draft."""
    records = newest(walk(resources))
    drafts = drafts_among(records, hook, medications.TYPES | requests.TYPES)
    drafted = {id(draft.sent) for draft in drafts}
    patient_id = next((tail(reference(found)) for found, _ in records if found["resourceType"] == "Patient"), "")
    notes = (Note("resource-unreadable"),) if holds_rubbish(resources) else ()
    empty = Chart(today, hook, Person(""), KINDS | laboratory_batches(terminology), notes=notes)
    kept = [pair for pair in records if id(pair[0]) not in drafted]
    return _filled(empty, patient_id, kept, drafts, terminology, zone)


def laboratory_batches(terminology: Terms) -> frozenset[str]:
    """The prefetch batches in which results are supplied."""
    return frozenset(concept.batch for concept in terminology.concepts.values() if concept.batch)


def _filled(
    empty: Chart,
    patient_id: str,
    records: Iterable[Record],
    drafts: Sequence[Draft],
    terms: Terms,
    zone: tzinfo,
    is_late: Callable[[], bool] = lambda: False,
) -> Chart:
    """The chart with what the records and drafts say of its patient."""
    every = newest(sent if (made := as_r4(sent[0])) is sent[0] else (made, sent[1]) for sent in records)
    person, names = read_person(every, patient_id, zone)
    at_hand = {draft.where for draft in drafts} if empty.hook == PLACED else set[str]()
    mine: list[Record] = []
    found = _Found(notes=list(empty.notes))
    for record in every:
        if not is_about(record[0], names):
            found.notes.append(Note("resource-unreadable", reference(record[0])))
        elif not at_hand or reference(record[0]) not in at_hand:
            mine.append(record)
    index = Index([*mine, *((draft.resource, draft.url) for draft in drafts)])
    reading = Reading(terms, empty.today, zone, person, index, _dispenses(mine, index))
    for resource, _ in mine:
        # Asked where reading costs most, because asking costs a little too.
        if resource["resourceType"] in medications.TYPES and is_late():
            raise TooCostly
        try:
            _read(found, resource, reading)
        except _MALFORMED:
            found.notes.append(Note("resource-unreadable", reference(resource) or resource["resourceType"]))
    for draft in drafts:
        if is_late():
            raise TooCostly
        if is_about(draft.resource, names):
            try:
                _read_draft(found, draft, reading)
            except _MALFORMED:
                found.notes.append(Note("resource-unreadable", draft.where))
    found.problems += _latest_flags(found.flags)
    found.results += computed(found.results, terms.concepts, person, empty.today)
    return replace(
        empty,
        person=person,
        results=each_once(found.results),
        uses=tuple(sorted(found.uses, key=lambda use: (use.reference, use.drafted))),
        problems=tuple(sorted(found.problems, key=lambda problem: (problem.reference, problem.name))),
        requests=tuple(sorted(found.requests, key=lambda request: (request.reference, request.name))),
        notes=tuple(sorted(set(found.notes), key=lambda note: (note.code, note.reference))),
        unresolved=tuple(sorted({use.medicine.name for use in found.uses if use.active and not use.medicine.is_resolved})),
        drafts=found.drafts,
    )


def _dispenses(records: Iterable[Record], index: Index) -> dict[str, list[Resource]]:
    """Dispenses that took place, by the reference of the order they fill."""
    found: dict[str, list[Resource]] = {}
    for resource, _ in records:
        if resource["resourceType"] == "MedicationDispense" and text(resource.get("status")) in (
            "completed",
            "in-progress",
            "",
        ):
            for target in items(resource.get("authorizingPrescription")):
                found.setdefault(reference_to(index, target, "MedicationRequest"), []).append(resource)
    return found


def _read(found: _Found, resource: Resource, reading: Reading) -> None:
    kind, terms, today, zone = resource["resourceType"], reading.terms, reading.today, reading.zone
    if has_unread_words(resource):
        found.notes.append(Note("resource-unreadable", reference(resource)))
    if kind == "Observation":
        results, flags, notes = read_observation(resource, terms, today, zone)
        found.results += results
        found.flags += flags
        found.notes += notes
    elif kind in medications.TYPES:
        use, notes = read_use(resource, reading)
        if use:
            found.uses.append(use)
        found.notes += notes
    elif kind in ("Condition", "Procedure", "Encounter"):
        problems, notes = (
            read_condition(resource, terms, reading.person, today, zone) if kind == "Condition"
            else read_procedure(resource, terms, today, zone) if kind == "Procedure"
            else read_encounter(resource, terms, zone)
        )  # fmt: skip
        found.problems += problems
        found.notes += notes
    elif kind in requests.TYPES:
        found.requests += read_request(resource, terms, zone)
    elif kind == "Appointment":
        found.requests += read_appointment(resource, terms, zone)


def _read_draft(found: _Found, draft: Draft, reading: Reading) -> None:
    kind = draft.resource["resourceType"]
    if has_unread_words(draft.resource):
        found.notes.append(Note("resource-unreadable", draft.where))
    if kind in medications.TYPES:
        use, notes = read_use(draft.resource, reading, drafted=True, selected=draft.selected, named=draft.where)
        found.notes += notes
        if use:
            found.uses.append(use)
            found.drafts[draft.where] = draft.sent
    elif kind in requests.TYPES:
        ordered = read_request(draft.resource, reading.terms, reading.zone, drafted=True, named=draft.where)
        if ordered:
            found.requests += ordered
            found.drafts[draft.where] = draft.sent
    elif kind == "Condition":
        problems, notes = read_condition(draft.resource, reading.terms, reading.person, reading.today, reading.zone)
        found.problems += [replace(problem, reference=draft.where, added=True) for problem in problems]
        found.notes += [replace(note, reference=draft.where) for note in notes]


def _latest_flags(flags: Iterable[Flag]) -> list[Problem]:
    """The latest answer to each coded question, where it names something that holds."""
    latest = {flag.question: flag for flag in sorted(flags, key=lambda flag: (flag.taken, flag.problem.reference))}
    return [flag.problem for flag in latest.values() if flag.problem.concepts]
