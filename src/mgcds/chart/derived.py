"""Results computed from others. The shape of a formula lives here, its numbers in the concept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal

from mgcds.chart.facts import Person, Result
from mgcds.clock import completed_years
from mgcds.terminology import Concept
from mgcds.terminology.types import Formula
from mgcds.units import round_half_up


def computed(results: Iterable[Result], concepts: Mapping[str, Concept], person: Person, today: date) -> list[Result]:
    """Every result that a concept with a formula makes of the results there are."""
    known = list(results)
    made = []
    for concept in concepts.values():
        if concept.formula is None:
            continue
        shape = _SHAPES[concept.formula.name]
        for result in known:
            if result.concept == concept.formula.of and (value := shape(result, concept.formula, person, today)) is not None:
                number, source = value
                assert concept.unit is not None
                made.append(
                    Result(concept.key, round_half_up(number, concept.decimals), concept.unit, result.taken,
                           result.reference, computed_from=source)
                )  # fmt: skip
    return made


Shape = Callable[[Result, Formula, Person, date], tuple[Decimal, str] | None]


def _ckd_epi_2021(result: Result, formula: Formula, person: Person, today: date) -> tuple[Decimal, str] | None:
    """eGFR from creatinine in mg/dL (Inker 2021, NEJM 385:1737); adults whose sex is male or female.

    With a partial birth date only if the youngest and the oldest possible age give the same rounded result.
    """
    if person.born is None or person.sex is None or result.value <= 0:
        return None
    ages = {completed_years(person.born.last, today), completed_years(person.born.first, today)}
    if min(ages) < (formula.from_age or 0):
        return None
    n = formula.numbers
    ratio = float(result.value / n[f"k_{person.sex}"])
    values = {
        round_half_up(
            Decimal(
                repr(
                    float(n["scale"])
                    * min(ratio, 1.0) ** float(n[f"a_{person.sex}"])
                    * max(ratio, 1.0) ** float(n["b"])
                    * float(n["c"]) ** age
                    * float(n.get(f"f_{person.sex}", Decimal(1)))
                )
            ),
            0,
        )
        for age in ages
    }
    return (values.pop(), "creatinine") if len(values) == 1 else None


_SHAPES: dict[str, Shape] = {"ckd-epi-2021": _ckd_epi_2021}
