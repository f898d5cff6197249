"""Every row and every check has a test, and nothing claims a row that is not there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.conformance import elsewhere
from tests.conformance.rows import CHECKS, ROWS, missing
from tests.conftest import ROOT

SPEC = ROOT.parent / "shared/spec/cds-hooks.md"
CHECK = re.compile(r"(disc|call|bad|tol|card|fdbk|fb|jwt)\.[^*]\S+|(?!cache-)[\w()]+(-[\w()]+)+")  # not the name of a header


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


@pytest.mark.parametrize("name", elsewhere.ELSEWHERE)
def test_each_row_on_callers_and_fetching_has_tests_that_exist(name: str) -> None:
    _, tests = elsewhere.ELSEWHERE[name]
    assert tests or name == "J9"
    assert missing(tests) == []


def test_each_check_belongs_to_a_row() -> None:
    assert set(elsewhere.CHECKS.values()) <= elsewhere.ELSEWHERE.keys()
    assert not elsewhere.CHECKS.keys() & CHECKS.keys()


@pytest.mark.skipif(not SPEC.is_file(), reason="the list of requirements is not beside the project")
def test_the_rows_and_checks_are_those_of_the_list_of_requirements() -> None:
    rows = re.findall(r"^\| ([GDRCFPJ]\d+)\b.*\| ?([^|\n]*) \|$", SPEC.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {row for row, _ in rows} == {*ROWS, *elsewhere.ELSEWHERE}
    named = {name for _, last in rows for name in re.findall(r"`([^`]+)`", last) if CHECK.fullmatch(name)}
    assert len(named) > 40
    known = tuple({*CHECKS, *elsewhere.CHECKS})
    assert [name for name in sorted(named) if not name.startswith(known)] == []
