"""The survey counts findings and medicines by source, a patient a file, and says nothing about one patient."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.test_cli import PATIENT, run

SHARED = ROOT.parent / "shared/fhir"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ward, clinic = tmp_path / "data/ward", tmp_path / "data/clinic"
    ward.mkdir(parents=True)
    clinic.mkdir()
    shutil.copy(PATIENT, ward / "one.json")
    bundle = json.loads(PATIENT.read_text(encoding="utf-8"))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "MedicationRequest":
            entry["resource"].pop("medicationReference", None)
            entry["resource"]["medicationCodeableConcept"] = {"text": "a drug that nobody knows"}
    (clinic / "two.json").write_text(json.dumps(bundle), encoding="utf-8")
    (clinic / "broken.json").write_text("{", encoding="utf-8")
    (clinic / "notes.txt").write_text("not data", encoding="utf-8")
    return tmp_path / "data"


def test_a_survey_counts_by_folder(folder: Path) -> None:
    result = run("survey", folder, "--today", "2026-06-15", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert {name: (source["files"], source["patients"]) for name, source in found.items()} == {"clinic": (2, 1), "ward": (1, 1)}
    assert found["ward"]["findings"]["mg-low-ppi-diuretic"] == 1
    assert found["ward"]["notes"].get("medication-unresolved", 0) == 0
    assert "mg-low-ppi-diuretic" not in found["clinic"]["findings"]
    assert found["clinic"]["notes"]["medication-unresolved"] == found["clinic"]["medicines"] > 0
    assert sum(found["clinic"]["refused"].values()) == 1


def test_without_a_day_each_patient_is_read_on_the_day_of_the_newest_record(folder: Path) -> None:
    told = run("survey", folder).stdout
    assert told == run("survey", folder).stdout
    assert "| mg-low-ppi-diuretic | 0.0 | 100.0 |" in told.splitlines()
    assert "woman" not in told


def test_a_folder_that_is_not_there_is_exit_2(tmp_path: Path) -> None:
    assert run("survey", tmp_path / "nowhere").exit_code == 2


FEW = ("dstu2_synthea", "r4_carebundle", "stu3_smart", "stu3_synthea")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared FHIR data are not here")
@pytest.mark.parametrize("folder", [""] if os.environ.get("MGCDS_LONG") else FEW)
def test_no_rule_fails_on_real_shapes(folder: str) -> None:
    result = run("survey", SHARED / folder, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert sum(source["patients"] for source in found.values()) >= 4
    assert all("error" not in source["states"] for source in found.values())
