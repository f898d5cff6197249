"""Redaction: nothing that tells who it was stays, and the rules find the same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from mgcds.engine.evaluate import Engine
from mgcds.redaction.kept import DATES, ENUMERATED, known_words
from mgcds.redaction.redact import redact
from mgcds.requestfile import UnreadableFile, chart_of_file
from tests.conftest import ROOT, RULES

TODAY = date(2026, 6, 15)
FIXTURES = sorted(path for path in (ROOT / "fhir_fixtures").glob("*/*.json") if path.stem != "expected")
SHARED = ROOT.parent / "shared/fhir/requests"
CANARY = "Zqcanaryqz"


@pytest.fixture(scope="module")
def words() -> frozenset[str]:
    return known_words(RULES)


def found(value: Any, engine: Engine, today: date, folder: Path) -> dict[str, tuple[str, str | None]]:
    file = folder / "request.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    chart, _ = chart_of_file(file, hook="patient-view", terminology=engine.library.terminology, today=today, zone=UTC)
    return {rule: (outcome.state, outcome.level) for rule, outcome in engine.evaluate(chart).outcomes.items()}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_rules_find_the_same(engine: Engine, words: frozenset[str], tmp_path: Path, path: Path, seed: int) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    made = redact(value, words=words, today=TODAY, seed=seed)
    assert made.today != TODAY
    assert found(made.value, engine, made.today, tmp_path) == found(value, engine, TODAY, tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared FHIR data are not here")
def test_the_rules_find_the_same_in_requests_of_others(engine: Engine, words: frozenset[str], tmp_path: Path) -> None:
    differ, compared = [], 0
    for path in sorted(SHARED.rglob("*.json.gz"))[::6]:
        value = json.loads(gzip.decompress(path.read_bytes()))
        try:
            before = found(value, engine, date(2026, 11, 1), tmp_path)
        except UnreadableFile:
            continue
        made = redact(value, words=words, today=date(2026, 11, 1), seed=3)
        compared += 1
        if found(made.value, engine, made.today, tmp_path) != before:
            differ.append(path.name)
    assert compared > 5
    assert differ == []


def planted(value: Any, key: str = "") -> Any:
    """The same with a canary in every string that is no code and no date, and in elements that are not kept."""
    if isinstance(value, dict):
        made = {name: planted(item, name) for name, item in value.items()}
        if "resourceType" in value:
            made |= {"name": [{"family": CANARY}], "note": [{"text": CANARY}], "identifier": [{"value": CANARY}],
                     "text": {"div": f"<div>{CANARY}</div>"}, "extension": [{"url": "urn:x", "valueString": CANARY}]}  # fmt: skip
        return made
    if isinstance(value, list):
        return [planted(item, key) for item in value]
    kept = {*DATES, *ENUMERATED, "birthDate", "system", "code", "timeOfDay", "hook", "hookInstance", "url"}
    return f"{value}-{CANARY} {CANARY}" if isinstance(value, str) and key not in kept else value


@pytest.mark.parametrize("path", FIXTURES[::4], ids=lambda path: path.stem)
def test_no_free_string_survives(words: frozenset[str], path: Path) -> None:
    value = planted(json.loads(path.read_text(encoding="utf-8")))
    if isinstance(value, dict) and "hook" in value:
        value |= {"fhirServer": f"https://{CANARY}", "fhirAuthorization": {"access_token": CANARY}, "user": CANARY}
    assert CANARY in json.dumps(value)
    made = redact(value, words=words, today=TODAY, seed=1)
    assert CANARY.lower() not in json.dumps(made.value).lower()
    assert made.removed > 10


def test_names_of_people_go_and_names_of_drugs_stay(words: frozenset[str]) -> None:
    value = {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"text": "Mrs Mustermann 0151 4711: furosemide 40 mg tablet"},
    }
    text = redact(value, words=words, today=TODAY, seed=1).value["medicationCodeableConcept"]["text"]
    assert text == "furosemide 40 mg tablet"


@pytest.mark.parametrize(
    ("born", "today", "age"), [("1951-11-30", date(2026, 6, 15), 74), ("1920-01-01", TODAY, 90), ("2026-02-20", TODAY, 0)]
)
def test_the_age_stays_and_the_birthday_goes(words: frozenset[str], born: str, today: date, age: int) -> None:
    made = redact({"resourceType": "Patient", "birthDate": born}, words=words, today=today, seed=5)
    told = date.fromisoformat(made.value["birthDate"])
    assert told.day == 1
    assert made.today.year - told.year - ((made.today.month, made.today.day) < (told.month, told.day)) == age


def test_references_stay_joined_and_intervals_exact(words: frozenset[str]) -> None:
    value = [
        {"resourceType": "Observation", "id": "b", "effectiveDateTime": "2026-06-10T08:30:00+02:00", "subject": {"reference": "Patient/9"}},
        {"resourceType": "Observation", "id": "a", "effectiveDateTime": "2026-06-15", "subject": {"reference": "https://x.org/fhir/Patient/9"}},
        {"resourceType": "Patient", "id": "9"},
    ]  # fmt: skip
    first, second, patient = redact(value, words=words, today=TODAY, seed=2).value
    assert first["subject"]["reference"] == f"Patient/{patient['id']}"
    assert second["subject"]["reference"].endswith(f"/Patient/{patient['id']}")
    assert "x.org" not in second["subject"]["reference"]
    assert date.fromisoformat(second["effectiveDateTime"]) - date.fromisoformat(first["effectiveDateTime"][:10]) == date(
        2026, 6, 15
    ) - date(2026, 6, 10)
    assert first["effectiveDateTime"].endswith("T08:30:00+02:00")
    assert second["id"] < first["id"]


def test_the_same_seed_gives_the_same_file(words: frozenset[str]) -> None:
    value = json.loads(FIXTURES[0].read_text(encoding="utf-8"))
    texts: Callable[[int], str] = lambda seed: json.dumps(redact(value, words=words, today=TODAY, seed=seed).value)  # noqa: E731
    assert texts(1) == texts(1) != texts(2)


@pytest.mark.parametrize("born", ["1920", "1920-05"])
def test_a_year_of_birth_alone_does_not_tell_of_an_age_above_ninety(words: frozenset[str], born: str) -> None:
    made = redact({"resourceType": "Patient", "birthDate": born}, words=words, today=date(2026, 1, 15), seed=3)
    assert made.value["birthDate"] == str(made.today.year - 90)


@pytest.mark.parametrize("said", ["555 123 4567", "(555) 123-4567", "123-45-6789", "12/24/1950", "1950-12-24", "24.12.1950"])
def test_no_part_of_a_telephone_or_security_number_or_a_date_stays_among_words(words: frozenset[str], said: str) -> None:
    text = f"magnesium oxide 400 mg 1-2 tablets, {said}"
    made = redact({"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": text}},
                  words=words, today=date(2026, 1, 15), seed=3)  # fmt: skip
    assert made.value["medicationCodeableConcept"]["text"] == "magnesium oxide 400 mg 1-2 tablets"


@pytest.mark.parametrize("written", ["2020-13", "0000", "0001-01-01", "2020-13-45"])
def test_a_date_that_no_calendar_has_goes_and_the_rest_is_redacted(words: frozenset[str], written: str) -> None:
    value = {"resourceType": "Patient", "gender": "female", "deceasedDateTime": written, "birthDate": written}
    made = redact(value, words=words, today=date(2026, 1, 15), seed=3).value
    assert made["gender"] == "female"
    assert written not in made.values()
