"""Every row and every check has a test, and nothing claims a row that is not there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.conformance.rows import CHECKS, ELSEWHERE, ROWS
from tests.conftest import ROOT

SPEC = ROOT.parent / "shared/spec/cds-hooks.md"


def proven() -> set[str]:
    found: set[str] = set()
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        for name, test in vars(module).items():
            for mark in getattr(test, "pytestmark", []) if name.startswith("test_") else []:
                if mark.name == "parametrize" and mark.args[0] == "proven":
                    found |= set(mark.args[1][0])
    return found


@pytest.mark.parametrize("name", [*ROWS, *CHECKS])
def test_each_row_has_a_test(name: str) -> None:
    assert name in proven()


def test_nothing_else_is_claimed() -> None:
    assert proven() <= {*ROWS, *CHECKS}
    assert set(CHECKS.values()) <= set(ROWS)


@pytest.mark.skipif(not SPEC.is_file(), reason="the list of requirements is not beside the project")
def test_the_rows_are_those_of_the_list_of_requirements() -> None:
    listed = set(re.findall(r"^\| ([GDRCFPJ]\d+)\b", SPEC.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {row for row in listed if row[0] not in ELSEWHERE} == set(ROWS)
