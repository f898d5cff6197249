"""One patient written in four versions of FHIR is one chart."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import re
from typing import Any

import pytest

from mgcds.chart.facts import Chart
from mgcds.chart.intake import read_chart
from mgcds.chart.versions import as_r4
from mgcds.terminology import Terminology
from tests.conftest import ROOT
from tests.unit.chart.build import TODAY, bundle
from tests.unit.chart.patients import CASES, Case
from tests.unit.chart.versions import VERSIONS, as_named_in_r4, written_in

MODELS = {"STU3": "fhir.resources.STU3.", "R4": "fhir.resources.R4B.", "R5": "fhir.resources."}


def chart_in(version: str, case: Case, terminology: Terminology) -> Chart:
    drafts = bundle(*(written_in(version, draft) for draft in case.drafts))
    everything = bundle(*(written_in(version, record) for record in case.records))
    return read_chart(
        hook=case.hook, context={"patientId": "p", "draftOrders": drafts}, today=TODAY, terminology=terminology,
        prefetch={"patient": written_in(version, case.patient), "everything": everything},
    )  # fmt: skip


def facts(chart: Chart) -> Any:
    """Everything in a chart but the drafts as sent; lists in one order, references by the names of R4."""
    told = dataclasses.asdict(dataclasses.replace(chart, drafts=dict.fromkeys(chart.drafts, "sent")))

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return sorted(map(plain, value), key=repr)
        return value

    return as_named_in_r4(plain(told))


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "R4"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_version_gives_the_chart_of_r4(terminology: Terminology, case: Case, version: str) -> None:
    assert facts(chart_in(version, case, terminology)) == facts(chart_in("R4", case, terminology))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_record_is_read_into_the_chart(terminology: Terminology, case: Case) -> None:
    """The cases would prove nothing if the charts were empty."""
    found = chart_in("R4", case, terminology)
    assert not found.notes
    assert found.uses or found.results or found.problems or found.requests


@pytest.mark.parametrize("version", MODELS)
def test_what_we_call_a_version_is_that_version(version: str) -> None:
    for case in CASES:
        for resource in [case.patient, *case.records, *case.drafts]:
            sent = written_in(version, resource)
            kind = sent["resourceType"]
            model = getattr(importlib.import_module(MODELS[version] + kind.lower()), kind)
            model.model_validate(sent)


def test_a_record_of_r4_stays_as_it_is() -> None:
    for case in CASES:
        for resource in [case.patient, *case.records, *case.drafts]:
            assert as_r4(resource) == resource


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_sent_is_left_untouched(version: str) -> None:
    for case in CASES:
        for resource in case.records:
            sent = written_in(version, resource)
            kept = copy.deepcopy(sent)
            assert as_r4(as_r4(sent)) == as_r4(sent)
            assert sent == kept


# The page that says what becomes of every element is complete.

KINDS = {
    "Patient": "patient", "MedicationRequest": "medicationrequest", "MedicationRequestDispenseRequest": "medicationrequest",
    "MedicationStatement": "medicationstatement", "MedicationDispense": "medicationdispense",
    "MedicationAdministration": "medicationadministration", "MedicationAdministrationDosage": "medicationadministration",
    "Medication": "medication", "MedicationIngredient": "medication", "Condition": "condition", "Observation": "observation",
    "ObservationComponent": "observation", "Procedure": "procedure", "ServiceRequest": "servicerequest", "Encounter": "encounter",
    "Appointment": "appointment", "Dosage": "dosage", "DosageDoseAndRate": "dosage", "Timing": "timing", "TimingRepeat": "timing",
}  # fmt: skip


def elements(version: str, kind: str) -> set[str]:
    if version == "STU3" and kind == "ServiceRequest":
        kind = "ProcedureRequest"
    try:
        module = importlib.import_module(MODELS[version] + KINDS.get(kind, kind.lower()))
    except ModuleNotFoundError:
        return set()
    model = getattr(module, kind, None)
    return {field.alias or name for name, field in model.model_fields.items() if not name.endswith("__ext")} if model else set()


@pytest.mark.parametrize("version", ["STU3", "R5"])
def test_the_page_names_every_element_that_r4_does_not_have(version: str) -> None:
    page = (ROOT / "docs/reference/fhir-versions.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1:4] for row in page.splitlines() if row.startswith("| ")]
    named = {(kind, element) for kinds, versions, told in rows if version in versions
             for kind in kinds.replace(",", " ").split() for element in re.findall(r"`(\w+)`", told)}  # fmt: skip
    for kind in KINDS:
        missing = elements(version, kind) - elements("R4", kind) - {element for name, element in named if name == kind}
        assert not missing, f"{kind} of {version}"
