"""Results computed from others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.chart.small import Json, lab, person


def _made(key: str, *resources: Json) -> list[tuple[Any, str]]:
    from mgcds.chart.intake import read_resources
    from tests.unit.chart.small import TERMS, TODAY

    results = read_resources(list(resources), hook="patient-view", terminology=TERMS, today=TODAY).results
    return [(result.value, result.computed_from) for result in results if result.concept == key]


@pytest.mark.parametrize(
    ("creatinine", "born", "egfr"), [(2.0, "1954-01-01", 26), (1.0, "1956-01-01", 61), (2.0, "2008-06-15", 36)]
)
def test_egfr_of_women_by_ckd_epi_2021(creatinine: float, born: str, egfr: int) -> None:
    assert _made("egfr-made", person(born), lab("creatinine", creatinine)) == [(egfr, "creatinine")]


def test_egfr_of_a_man() -> None:
    assert _made("egfr-made", person("1976-01-01", "male"), lab("creatinine", 1.0)) == [(92, "creatinine")]


@pytest.mark.parametrize(
    ("born", "sex"), [("2008-06-16", "female"), (None, "female"), ("1980-01-01", "other"), ("1980-01-01", None)]
)
def test_no_egfr_below_18_or_without_age_or_sex(born: str | None, sex: str | None) -> None:
    assert not _made("egfr-made", person(born, sex), lab("creatinine", 1.0))


def test_a_partial_birth_date_gives_an_egfr_only_where_it_makes_no_difference() -> None:
    assert _made("egfr-made", person("1954"), lab("creatinine", 2.0)) == [(26, "creatinine")]
    assert not _made("egfr-made", person("1976"), lab("creatinine", 0.75))


def _albumin(value: float, when: str, identity: str = "o2") -> Json:
    return lab("albumin", value, "g/dL", when, id=identity)


def test_calcium_is_corrected_with_the_newest_albumin() -> None:
    found = _made(
        "calcium-made",
        lab("calcium", 8.0, when="2026-06-05"),
        _albumin(1.0, "2026-06-04"),
        _albumin(3.0, "2026-06-10", "o3"),
    )
    assert found == [(Decimal("8.80"), "calcium and albumin")]


@pytest.mark.parametrize(("when", "value"), [("2026-06-01", "8.80"), ("2026-05-31", "8.00")])
def test_an_albumin_older_than_14_days_today_leaves_total_calcium(when: str, value: str) -> None:
    ((found, source),) = _made("calcium-made", lab("calcium", 8.0, when="2026-06-10"), _albumin(3.0, when))
    assert found == Decimal(value)
    assert source == ("calcium and albumin" if value == "8.80" else "calcium")
