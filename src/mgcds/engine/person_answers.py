"""Answers about the patient: age, sex, and what a table says for them."""

from __future__ import annotations

from decimal import Decimal

from mgcds.chart.facts import CONDITIONS, PATIENT
from mgcds.clock import completed_months, completed_years
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import Asking
from mgcds.language.find import Patient, Table
from mgcds.language.library import Asked
from mgcds.units import plain


def patient(ask: Asking, asked: Asked, question: Patient) -> Answer:
    """Age in completed years, a range of two where a partial birth date allows no more; or sex."""
    person = ask.chart.person
    if not ask.supplied(PATIENT, question):
        return not_known(asked.key, "the patient was not supplied")
    because = (Because(person.reference),)
    if question.patient == "sex":
        if person.sex is None:
            return not_known(asked.key, "sex is not written as male or female")
        return Answer(asked.key, True, True, word=person.sex, because=because, why=person.sex)
    ages = _ages(ask)
    if ages is None:
        return not_known(asked.key, "no birth date")
    young, old = ages
    text = f"{young} years" if young == old else f"{young} or {old} years (the birth date is partial)"
    exact = (Because(person.reference, Decimal(young), "years"),) if young == old else because
    return Answer(asked.key, True, True, Decimal(young), Decimal(old), unit="years", because=exact, why=text)


def _ages(ask: Asking) -> tuple[int, int] | None:
    born = ask.chart.person.born
    if born is None:
        return None
    return completed_years(born.last, ask.chart.today), completed_years(born.first, ask.chart.today)


def table(ask: Asking, asked: Asked, question: Table) -> Answer:
    """A number looked up; a partial birth date or unknown life stage that leaves two rows possible leaves it not known."""
    rows = ask.library.tables[str(question.table)]
    born, sex = ask.chart.person.born, ask.chart.person.sex
    if "age" in question.by and born is None:
        return not_known(asked.key, "age is not known")
    if "sex" in question.by and sex is None:
        return not_known(asked.key, "sex is not known")
    ages: tuple[int | None, ...] = (None,)
    if "age" in question.by and born is not None:
        ages = tuple(completed_months(day, ask.chart.today) for day in dict.fromkeys((born.last, born.first)))
    stages = _life_stages(ask, question) if "life-stage" in question.by else (None,)
    found = {id(row): row for age in ages for stage in stages if (row := rows.find(months=age, sex=sex, stage=stage))}
    values = {row.value.value if row.value else None for row in found.values()}
    if len(values) > 1:
        return not_known(asked.key, "the birth date or the life stage leaves two rows possible")
    row = next(iter(found.values()), None)
    if row is None or row.value is None:
        return absent(asked.key, str(row.because) if row and row.because else "no row of the table fits", unit=asked.unit)
    value = row.value.value * question.times
    because = (Because(ask.chart.person.reference),) if "age" in question.by else ()
    return Answer(
        asked.key,
        True,
        True,
        value,
        unit=row.value.unit,
        because=because,
        why=f"{plain(value)} {row.value.unit} ({rows.title})",
    )


# What a column of a table takes from the patient, for transparency: a man is in no life stage, whatever was supplied.
COLUMN_TAKES = {"age": frozenset({"age"}), "sex": frozenset({"sex"}), "life-stage": frozenset({"sex"})}
STAGES = ("pregnancy", "lactation")  # concepts; a table's rows name them as life-stage


def _life_stages(ask: Asking, question: Table) -> tuple[str | None, ...]:
    """The life stage on the record; every stage where conditions were not supplied and the patient may be in one."""
    for stage in STAGES:
        if any(stage in problem.concepts for problem in ask.chart.problems):
            return (stage,)
    if ask.chart.person.sex == "male" or ask.supplied(CONDITIONS, question):
        return (None,)
    return (None, *STAGES)
