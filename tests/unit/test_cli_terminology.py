"""`mgcds terminology import`: a release comes in, and a request that only it can read gets its finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mgcds.cards import findings_on
from mgcds.cli import app
from tests.unit.terminology import releases as made
from tests.unit.terminology.releases import small

RXNORM, NDC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def low_magnesium_on(system: str, code: str) -> list[dict[str, object]]:
    """A patient with low magnesium on a medicine of which nothing is told but a code."""
    subject = {"reference": "Patient/made-up"}
    value = {"value": 1.4, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    return [
        {"resourceType": "Patient", "id": "made-up", "gender": "female", "birthDate": "1950-01-01"},
        {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "subject": subject,
         "authoredOn": "2026-01-01", "medicationCodeableConcept": {"coding": [{"system": system, "code": code}]}},
        {"resourceType": "Observation", "id": "o", "status": "final", "subject": subject, "valueQuantity": value,
         "code": {"coding": [{"system": "http://loinc.org", "code": "19123-9"}]}, "effectiveDateTime": "2026-06-10"},
    ]  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return small().write(tmp_path / "RxNorm_full_10062025/rrf").parent


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("MGCDS_DATA_DIR", str(folder))
    return folder


def findings(tmp_path: Path, system: str, code: str) -> tuple[set[str], set[str]]:
    """Rules that found something, and codes of notes."""
    file = tmp_path / "request.json"
    file.write_text(json.dumps(low_magnesium_on(system, code)))
    result = run("evaluate", file, "--today", "2026-06-15", "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    found = {each["rule"] for card in answer["cards"] for each in findings_on(card)}
    return found, {note["code"] for note in answer["extension"]["org.mgcds.evaluation"].get("notes", [])}


@pytest.mark.parametrize(("system", "code"), [(RXNORM, made.DRUG), (RXNORM, made.BRAND), (NDC, made.NDC_OF_DRUG)])
def test_a_code_that_only_the_release_knows_gets_its_finding(
    tmp_path: Path, release: Path, data: Path, system: str, code: str
) -> None:
    found, notes = findings(tmp_path, system, code)
    assert "mg-low-ppi" not in found
    assert "medication-unresolved" in notes
    assert run("terminology", "import", release).exit_code == 0
    found, notes = findings(tmp_path, system, code)
    assert "mg-low-ppi" in found
    assert "medication-unresolved" not in notes


def test_the_summary_says_what_came_in_and_what_did_not(release: Path, data: Path) -> None:
    with (release / "rrf/RXNSAT.RRF").open("a") as file:
        file.write(f"{made.DRUG}|||1|AUI|{made.DRUG}|||NDC|RXNORM|123|N|4096|\n")
    with (release / "rrf/RXNREL.RRF").open("a") as file:
        file.write(f"1||CUI|RO|{made.DRUG}||CUI|consists_of|1||RXNORM||||||\n")
    result = run("terminology", "import", release)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:6] == [
        "Release: 2025-10-06",
        "Products: 14 (1 BN, 1 BPCK, 2 GPCK, 1 MIN, 1 SBD, 4 SCD, 3 SCDC, 1 SCDF), 14 of them new",
        "NDC codes: 1",
        "Ingredients and salts: 4, 2 of them new",
        "Relations to codes that the release does not hold: 1",
        "Left out:",
    ]
    assert lines[6].split() == ["1", "NDC", "codes", "that", "are", "not", "11", "digits", "(the", "first:", "RXNSAT.RRF:5)"]
    assert lines[7].startswith(f"Table: {data / 'terminology'} (hash ")


def test_without_a_place_for_the_table_it_says_what_to_do(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MGCDS_DATA_DIR", raising=False)
    result = run("terminology", "import", release)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Set MGCDS_DATA_DIR" in result.stderr
    assert "--to" in result.stderr


def test_to_names_another_folder(tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MGCDS_DATA_DIR", raising=False)
    result = run("terminology", "import", release, "--to", tmp_path / "new/terminology")
    assert result.exit_code == 0
    assert "the service reads MGCDS_DATA_DIR/terminology" in result.stderr
    monkeypatch.setenv("MGCDS_DATA_DIR", str(tmp_path / "new"))
    assert "mg-low-ppi" in findings(tmp_path, RXNORM, made.DRUG)[0]


def test_wrong_input_is_exit_2_with_file_and_line(release: Path, data: Path) -> None:
    file = release / "rrf/RXNREL.RRF"
    with file.open("a") as more:
        more.write("1|2|3|\n")
    number = len(file.read_text().splitlines())
    result = run("terminology", "import", release)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"mgcds: {file}:{number}: 3 columns, but RXNREL.RRF has 16" in result.stderr
    assert not (data / "terminology").exists()


def test_a_damaged_table_or_a_wrong_data_folder_is_told_before_anything_is_evaluated(
    tmp_path: Path, release: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(low_magnesium_on(RXNORM, made.DRUG)))
    assert run("terminology", "import", release).exit_code == 0
    (data / "terminology/release.json").write_text("{")
    result = run("evaluate", file)
    assert result.exit_code != 0
    assert "release.json" in result.stdout
    monkeypatch.setenv("MGCDS_DATA_DIR", str(tmp_path / "nowhere"))
    result = run("evaluate", file)
    assert result.exit_code != 0
    assert "correct MGCDS_DATA_DIR" in result.stdout
