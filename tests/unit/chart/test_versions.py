"""One patient written in four versions of FHIR is one chart."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import pytest

from mgcds.chart.facts import Chart
from mgcds.chart.intake import read_chart
from mgcds.terminology import Terminology
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
