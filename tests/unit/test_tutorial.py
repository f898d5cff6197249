"""The tutorial's new nutrient, as it stands on the page: files under rules/ only, and the whole service knows it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mgcds.cards import findings_on
from mgcds.check.cases import read_cases, run_file
from mgcds.check.noticing import unnoticed
from mgcds.check.nudge import nudges
from mgcds.engine.evaluate import Engine
from mgcds.language.files import read_files
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.service.app import create_app
from mgcds.settings import read_settings

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"<!-- (append|file): rules/(\S+) -->\n```yaml\n(.*?)```", re.DOTALL)
RULE = "fe-levothyroxine"
IRON = {
    "resourceType": "MedicationRequest", "id": "iron", "status": "draft", "intent": "order",
    "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
    "dosageInstruction": [
        {"route": {"text": "oral"}, "timing": {"repeat": {"timeOfDay": ["08:30:00"], "frequency": 1, "period": 1, "periodUnit": "d"}}}
    ],
}  # fmt: skip
THYROID = {
    "resourceType": "MedicationRequest", "id": "thyroid", "status": "active", "intent": "order",
    "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": {"text": "levothyroxine 100 mcg tablet"},
    "dosageInstruction": [
        {"route": {"text": "oral"}, "timing": {"repeat": {"timeOfDay": ["08:00:00"], "frequency": 1, "period": 1, "periodUnit": "d"}}}
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rules with the tutorial's files written into it."""
    root = tmp_path_factory.mktemp("tutorial") / "rules"
    shutil.copytree(ROOT / "rules", root)
    blocks = BLOCK.findall((ROOT / "docs/tutorial.md").read_text())
    assert len(blocks) == 4
    for how, name, text in blocks:
        target = root / name
        target.parent.mkdir(exist_ok=True)
        target.write_text((target.read_text() if how == "append" else "") + text)
    return root


@pytest.fixture(scope="module")
def library(rules: Path) -> Library:
    return load(rules)


def test_the_new_rule_passes_its_cases_and_no_number_of_it_goes_unnoticed(rules: Path, library: Library) -> None:
    cases = [file for file in read_cases(rules) if file.about == RULE]
    assert [problem for file in cases for problem in run_file(file, Engine(library))] == []
    files = read_files(rules)
    ours = [nudge for nudge in nudges(files) if "iron" in nudge.file]
    assert len(ours) >= 4
    made, missed = unnoticed(files, library.terminology, cases, only=lambda nudge: "iron" in nudge.file)
    assert made == len(ours)
    assert missed == []


def test_the_service_answers_with_its_card_and_a_safe_time(rules: Path) -> None:
    app = create_app(load(rules), read_settings(rules=rules, today="2026-06-15"))
    request: dict[str, Any] = {
        "hook": "order-sign",
        "hookInstance": "6c1c3c4e-0d9e-4d55-9b7e-0f3b1c5f7a10",
        "context": {
            "userId": "Practitioner/u",
            "patientId": "p",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": IRON}]},
        },
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01", "gender": "female"},
            "medications": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": THYROID}]},
        },
    }
    with TestClient(app) as client:
        answer = client.post("/cds-services/mgcds-order-sign", json=request).json()
        page = client.get(f"/rules/{RULE}")
    (card,) = answer["cards"]
    assert [finding["rule"] for finding in findings_on(card)] == [RULE]
    assert "at least 4 h after it or at least 4 h before it" in card["summary"]
    assert "21:00" in json.dumps(card["suggestions"])
    assert page.status_code == 200
    assert "Iron too close to levothyroxine" in page.text
