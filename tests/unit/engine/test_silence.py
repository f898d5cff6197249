"""What is kept of one chart for the next: only answers for want of anything, and never more than so many."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from mgcds.chart.facts import Chart, Person, Result
from mgcds.clock import on
from mgcds.engine import answers
from mgcds.engine.answers import answer_all
from mgcds.language.library import Library

TODAY = date(2026, 6, 15)
EMPTY = Chart(TODAY, "patient-view", Person("Patient/p"), frozenset({"patient", "medications", "conditions", "orders"}))


def test_a_chart_that_holds_something_is_asked_and_leaves_nothing_behind(library: Library) -> None:
    library.silence.clear()
    result = Result("serum-magnesium", Decimal("1.5"), "mg/dL", on(TODAY), "Observation/secret")
    before = answer_all(EMPTY, library)
    asked = answer_all(replace(EMPTY, results=(result,)), library)
    assert asked["serum_mg"].because[0].reference == "Observation/secret"
    assert answer_all(EMPTY, library) == before
    assert "secret" not in str(library.silence)


def test_another_set_of_data_supplied_is_another_silence(library: Library) -> None:
    with_drugs = answer_all(EMPTY, library)["ppi"]
    without = answer_all(replace(EMPTY, supplied=EMPTY.supplied - {"medications"}), library)["ppi"]
    assert (with_drugs.known, without.known) == (True, False)
    assert answer_all(EMPTY, library)["ppi"] is with_drugs


def test_clients_that_supply_ever_other_data_do_not_fill_the_memory(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST_KINDS_OF_CHARTS", 8)
    for number in range(40):
        answer_all(replace(EMPTY, supplied=EMPTY.supplied | {f"batch-{number}"}), library)
        assert len(library.silence) <= 8
