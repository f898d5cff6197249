"""Who the patient is, and which records are theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from mgcds.chart.bundle import Record
from mgcds.chart.facts import Person
from mgcds.chart.fhir import Resource, block, items, reference, tail, text
from mgcds.clock import parse_moment


class WrongPatient(Exception):
    """The prefetched Patient is not the patient of the context: nothing may be said about either."""


def read_person(records: Iterable[Record], patient_id: str, zone: tzinfo) -> tuple[Person, frozenset[str]]:
    """The patient, and every name under which records may refer to them. Raises WrongPatient."""
    patients = [(resource, url) for resource, url in records if resource["resourceType"] == "Patient"]
    if not patients:
        return Person(f"Patient/{patient_id}"), frozenset({patient_id} - {""})
    mine = [pair for pair in patients if not patient_id or patient_id in _names(*pair)]
    mine = mine or [pair for pair in patients if not _names(*pair)]  # a Patient without an id can only be this one
    if not mine:
        raise WrongPatient
    resource, url = mine[0]
    sex = resource.get("gender")
    person = Person(
        reference(resource) or f"Patient/{patient_id}",
        parse_moment(resource.get("birthDate"), zone),
        sex if sex in ("male", "female") else None,
    )
    return person, _names(resource, url) | (frozenset({patient_id}) - {""})


def _names(resource: Resource, url: str) -> frozenset[str]:
    identity = resource.get("id")
    return frozenset({str(identity) if isinstance(identity, str | int) else "", tail(url)} - {""})


def is_about(resource: Resource, names: frozenset[str]) -> bool:
    """Whether a record is the patient's; one that names nobody is."""
    if resource["resourceType"] == "Appointment":
        actors = [block(participant.get("actor")) for participant in items(resource.get("participant"))]
        actors.append(block(resource.get("subject")))  # R5
        patients = {tail(actor) for actor in actors if "Patient/" in text(actor.get("reference"))}
        return not patients or not names or bool(patients & names)
    target = tail(resource.get("subject"))
    return target in names or not target or not names
