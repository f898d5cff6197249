"""Prefetch queries for FHIR servers older than R4. Clients type them under our keys; we fetch by the queries of R4 only."""

from __future__ import annotations

from collections.abc import Mapping

from mgcds.chart.facts import ORDERS
from mgcds.service.prefetch import PATIENT_IS

OLDER = ("DSTU2", "STU3")
# What is written otherwise, in this order: types, names of dates, how to sort, statuses of what is not yet done.
_WRITTEN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "DSTU2": (
        ("MedicationRequest", "MedicationOrder"),
        ("ServiceRequest", "DiagnosticOrder"),
        ("_sort=-authoredon", "_sort:desc=datewritten"),
        ("_sort=-effective", "_sort:desc=effectivedate"),
        ("_sort=-", "_sort:desc="),
        ("status=active,draft,on-hold", "status=draft,planned,requested,received,accepted,in-progress,suspended"),
    ),
    "STU3": (("ServiceRequest", "ProcedureRequest"), ("status=active,draft,on-hold", "status=draft,active,suspended")),
}
# DSTU2 has two resources where R4 has ServiceRequest, and searches its ProcedureRequest by no status.
_BESIDE = {("DSTU2", ORDERS): {"procedure_requests": f"ProcedureRequest?{PATIENT_IS}&_count=100"}}


def queries_in(version: str, prefetch: Mapping[str, str]) -> dict[str, str]:
    """The keys whose queries differ from R4's in a version of `OLDER`, with the queries of that version."""
    made: dict[str, str] = {}
    for key, template in prefetch.items():
        query = template
        for ours, theirs in _WRITTEN[version]:
            query = query.replace(ours, theirs)
        if query != template:
            made |= {key: query} | _BESIDE.get((version, key), {})
    return made
