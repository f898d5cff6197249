"""How times and intervals are told, and that a product is never too close to itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mgcds.check.charts import chart_of
from mgcds.engine.evaluate import Engine
from mgcds.engine.spacing_answer import length
from tests.spec.mini import Mini, case


@pytest.mark.parametrize(
    ("minutes", "told"), [(30, "30 minutes"), (59, "59 minutes"), (60, "1 h"), (90, "1.5 h"), (240, "4 h")]
)
def test_whole_and_half_hours_are_told_in_hours(minutes: int, told: str) -> None:
    assert length(minutes) == told


def test_a_product_that_holds_both_is_not_too_close_to_itself(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.questions("""
        oral_mg: {taking: magnesium, by: [oral]}
        gap: {spacing: oral_mg, from: bisphosphonates, by: [oral], intervals: magnesium-spacing}
    """)
    library, _ = mini.build()
    assert library is not None
    lines = '- {taking: alendronate, by: oral, times: ["07:00"]}\n- {taking: magnesium oxide, by: oral, times: ["21:00"]}'
    chart = chart_of(case(lines), library.terminology)
    drug, product = chart.uses
    assert Engine(library).evaluate(chart).answers["gap"].word == "apart"
    both = replace(product.medicine, classes=product.medicine.classes | drug.medicine.classes)
    alone = replace(chart, uses=(product._replace(medicine=both),))
    assert not Engine(library).evaluate(alone).answers["gap"].present
