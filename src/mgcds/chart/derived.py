"""Results computed from others. The shape of a formula lives here, its numbers in the concept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from mgcds.chart.facts import Person, Result
from mgcds.clock import Moment, completed_years
from mgcds.terminology.types import Concept, Formula
from mgcds.units import round_half_up

# (result, formula, result of the formula's other concept, patient, day, decimals) -> (value, sign, concepts computed from)
Computed = tuple[Decimal, str, tuple[str, ...]]
Shape = Callable[[Result, Formula, Result | None, Person, date, int], Computed | None]


def computed(results: Iterable[Result], concepts: Mapping[str, Concept], person: Person, today: date) -> list[Result]:
    """Every result that a concept with a formula makes of the results there are."""
    formulas = [(concept, concept.formula) for concept in concepts.values() if concept.formula]
    needed = {key for _, formula in formulas for key in (formula.of, formula.with_)}
    known: dict[str, list[Result]] = {}
    for result in sorted((each for each in results if each.concept in needed), key=in_order):
        known.setdefault(result.concept, []).append(result)
    made = []
    for concept, formula in formulas:
        shape = SHAPES.get(formula.name)
        if shape is None or concept.unit is None:
            continue
        beside = _beside(formula, known, today)
        for result in known.get(formula.of, ()):
            found = shape(result, formula, beside, person, today, concept.decimals)
            if found is not None:
                value, sign, sources = found
                source = " and ".join(_in_a_sentence(concepts[name].title) for name in sources)
                made.append(
                    Result(concept.key, value, concept.unit, result.taken, result.reference, computed_from=source, sign=sign)
                )
    return made


def each_once(results: Iterable[Result]) -> tuple[Result, ...]:
    """Results in order, each once."""
    ordered = sorted(results, key=in_order)
    # Not by a set: the hash of a Decimal takes longer than the rest.
    return tuple(each for each, before in zip(ordered, [None, *ordered], strict=False) if each != before)


def in_order(result: Result) -> tuple[str, Moment, str, Decimal, str, str, int]:
    """What results are sorted by: concept, time, reference, value, sign, and what else there is."""
    concept, value, _, taken, reference, period_days, computed_from, sign = result
    return concept, taken, reference, value, sign, computed_from, period_days or 0


def _beside(formula: Formula, known: Mapping[str, Sequence[Result]], today: date) -> Result | None:
    """The newest measured result of the other concept of a formula, if it is recent enough; a limit is none."""
    others = [other for other in known.get(formula.with_, ()) if not other.sign] if formula.with_ else []
    days = formula.within_days
    return next((other for other in reversed(others) if days is None or other.taken.most_days_before(today) <= days), None)


def _in_a_sentence(title: str) -> str:
    """ "Total calcium" as "total calcium"; abbreviations keep their capitals."""
    return title if title[:2].isupper() or title[1:2].isupper() else title[:1].lower() + title[1:]


def _ckd_epi_2021(
    result: Result, formula: Formula, _: Result | None, person: Person, today: date, decimals: int
) -> Computed | None:
    """eGFR from creatinine in mg/dL (Inker 2021, NEJM 385:1737); adults whose sex is male or female.

    With a partial birth date only if the youngest and the oldest possible age give the same rounded result. The more
    creatinine, the lower the eGFR, so a limit turns round; it is rounded, so it may be reached.
    """
    if person.born is None or person.sex is None or result.value <= 0:
        return None
    ages = {completed_years(person.born.last, today), completed_years(person.born.first, today)}
    if min(ages) < (formula.from_age or 0):
        return None
    n = _floats(formula)
    ratio = float(result.value) / n[f"k_{person.sex}"]
    by_ratio = n["scale"] * min(ratio, 1.0) ** n[f"a_{person.sex}"] * max(ratio, 1.0) ** n["b"]
    by_sex = n.get(f"f_{person.sex}", 1.0)
    values = {round_half_up(Decimal(repr(by_ratio * n["c"] ** age * by_sex)), decimals) for age in ages}
    sign = {"<": ">=", ">": "<="}[result.sign[0]] if result.sign else ""
    return (values.pop(), sign, (formula.of,)) if len(values) == 1 else None


@lru_cache(64)  # a Decimal takes its time to become a float: half the time of a formula
def _floats(formula: Formula) -> Mapping[str, float]:
    return {name: float(number) for name, number in formula.numbers.items()}


def _albumin_corrected(
    result: Result, formula: Formula, albumin: Result | None, _: Person, _today: date, decimals: int
) -> Computed | None:
    """Calcium + per_gram x (normal - albumin), with the newest albumin of the last days; without one the total calcium."""
    if albumin is None:
        value = result.value
    else:
        per_gram, normal = formula.numbers["per_gram"], formula.numbers["normal"]
        value = result.value + per_gram * (normal - albumin.value)
    rounded = round_half_up(value, decimals)
    sign = f"{result.sign[0]}=" if result.sign and rounded != value else result.sign
    return rounded, sign, (formula.of,) if albumin is None else (formula.of, albumin.concept)


# What each shape takes from the patient, for transparency: a test tries each shape on patients without it.
TAKES: Mapping[str, frozenset[str]] = {"ckd-epi-2021": frozenset({"age", "sex"}), "albumin-corrected": frozenset()}
SHAPES: Mapping[str, Shape] = {"ckd-epi-2021": _ckd_epi_2021, "albumin-corrected": _albumin_corrected}
