"""Results computed from others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.chart.small import Json, chart, lab, person


def _made(key: str, *resources: Json) -> list[tuple[Any, str]]:
    from mgcds.chart.intake import read_resources
    from tests.unit.chart.small import TERMS, TODAY

    results = read_resources(list(resources), hook="patient-view", terminology=TERMS, today=TODAY).results
    return [(result.value, result.computed_from) for result in results if result.concept == key]


@pytest.mark.parametrize(
    ("creatinine", "born", "egfr"),
    [(2.0, "1954-01-01", 26), (1.0, "1956-01-01", 61), (2.0, "2008-06-15", 36), (0.5, "1980-01-01", 117)],
)
def test_egfr_of_women_by_ckd_epi_2021(creatinine: float, born: str, egfr: int) -> None:
    assert _made("egfr-made", person(born), lab("creatinine", creatinine)) == [(egfr, "creatinine")]


def test_egfr_of_a_man() -> None:
    assert _made("egfr-made", person("1976-01-01", "male"), lab("creatinine", 1.0)) == [(92, "creatinine")]
    assert _made("egfr-made", person("1976-01-01", "male"), lab("creatinine", 0.6)) == [(118, "creatinine")]


def _limit(key: str, *resources: Json) -> list[tuple[str, Any]]:
    """Sign and value of what was computed."""
    return [(result.sign, result.value) for result in chart(*resources).results if result.concept == key]


def _at(sign: str, value: float) -> Json:
    return {"valueQuantity": {"value": value, "unit": "mg/dL", "comparator": sign}}


@pytest.mark.parametrize(("sent", "made"), [("<", ">="), ("<=", ">="), (">", "<="), (">=", "<=")])
def test_a_creatinine_that_is_only_a_limit_bounds_the_egfr_from_the_other_side(sent: str, made: str) -> None:
    assert _limit("egfr-made", lab("creatinine") | _at(sent, 2.0)) == [(made, 31)]


def test_a_limit_of_corrected_calcium_may_be_reached_only_where_rounding_moved_it() -> None:
    sample = lab("calcium") | _at("<", 8.0)
    assert _limit("calcium-made", sample, _albumin(3.0, "2026-06-10")) == [("<", Decimal("8.80"))]
    assert _limit("calcium-made", sample, _albumin(3.33, "2026-06-10")) == [("<=", Decimal("8.54"))]
    assert _limit("calcium-made", lab("calcium", 8.0), _albumin(3.33, "2026-06-10")) == [("", Decimal("8.54"))]


def test_no_creatinine_at_all_gives_no_egfr() -> None:
    assert not _made("egfr-made", person(), lab("creatinine", 0))


@pytest.mark.parametrize(
    ("born", "sex"),
    [("2008-06-16", "female"), ("2008", "female"), (None, "female"), ("1980-01-01", "other"), ("1980-01-01", None)],
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
        _albumin(4.5, "2026-06-02", "o4"),
    )
    assert found == [(Decimal("8.80"), "calcium and albumin")]


def test_each_gram_of_albumin_that_is_missing_counts() -> None:
    found = _made("calcium-made", lab("calcium", 8.0), _albumin(1.5, "2026-06-10"))
    assert found == [(Decimal("10.00"), "calcium and albumin")]


def test_an_albumin_that_is_only_a_limit_corrects_nothing() -> None:
    limit = lab("albumin", valueQuantity={"value": 2.0, "unit": "g/dL", "comparator": "<"}, id="o2")
    assert _made("calcium-made", lab("calcium", 8.0), limit) == [(Decimal("8.00"), "calcium")]


@pytest.mark.parametrize(("when", "value"), [("2026-06-01", "8.80"), ("2026-05-31", "8.00")])
def test_an_albumin_older_than_14_days_today_leaves_total_calcium(when: str, value: str) -> None:
    ((found, source),) = _made("calcium-made", lab("calcium", 8.0, when="2026-06-10"), _albumin(3.0, when))
    assert found == Decimal(value)
    assert source == ("calcium and albumin" if value == "8.80" else "calcium")
