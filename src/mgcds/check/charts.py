"""A case's chart, written in the words of a pharmacist, as a Chart."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from mgcds.chart.derived import computed
from mgcds.chart.dosage import DailyDose, portions
from mgcds.chart.facts import (
    CONDITIONS,
    MEDICATIONS,
    ORDERS,
    PATIENT,
    PROCEDURES,
    STATEMENTS,
    Chart,
    Dosing,
    Person,
    Problem,
    Request,
    Result,
    Times,
    Use,
)  # fmt: skip
from mgcds.chart.intake import laboratory_batches
from mgcds.chart.problems import still_holds
from mgcds.clock import WEEKDAYS, Moment, days_before, on, parse_time_of_day
from mgcds.engine.remember import Override
from mgcds.language.cases import (
    BookedLine,
    Case,
    IntakeLine,
    LabLine,
    MedicineLine,
    NotSuppliedLine,
    OrderedLine,
    PatientLine,
    ProblemLine,
)  # fmt: skip
from mgcds.terminology import Terminology
from mgcds.units import milligrams

# Cases are about differences of days, so any day will do; this one lies far from month ends.
TODAY = date(2026, 6, 15)


def chart_of(case: Case, terminology: Terminology) -> Chart:
    """The chart of a case; what no line says is supplied and empty, the patient a woman of 50."""
    person = Person("Patient/case", on(_born(50)), "female")
    supplied = {PATIENT, MEDICATIONS, STATEMENTS, CONDITIONS, PROCEDURES, ORDERS, *laboratory_batches(terminology)}
    results: list[Result] = []
    uses: list[Use] = []
    problems: list[Problem] = []
    requests: list[Request] = []
    for number, line in enumerate(case.chart):
        where = f"Case/{number}"
        if isinstance(line, PatientLine):
            born = on(_born(int(line.age.value), line.age.unit)) if line.age else None
            person = Person("Patient/case", born, None if line.patient == "unknown" else line.patient)
        elif isinstance(line, LabLine | IntakeLine):
            results += _result(line, where, terminology)
        elif isinstance(line, MedicineLine):
            uses.append(_use(line, where, terminology))
        elif isinstance(line, ProblemLine):
            name, added = str(line.adding or line.has), line.adding is not None
            concept, over, answered = terminology.concepts[name], _day(line.done), _day(line.answered)
            if (over is None or still_holds(concept.procedure_lasts, over, TODAY)) and (
                answered is None or still_holds(concept.answer_lasts, answered, TODAY)
            ):
                problems.append(Problem(frozenset({name}), name, where, _day(line.since) or answered, added))
        elif isinstance(line, OrderedLine):
            requests.append(Request(frozenset({str(line.ordered)}), str(line.ordered), where))
        elif isinstance(line, BookedLine):
            requests.append(Request(frozenset({str(line.booked)}), str(line.booked), where, _day(line.due), True))
        elif isinstance(line, NotSuppliedLine):
            supplied -= set(map(str, line.not_supplied))
    results += computed(results, terminology.concepts, person, TODAY)
    return Chart(TODAY, case.at, person, frozenset(supplied), tuple(results), tuple(uses), tuple(problems), tuple(requests))


def overrides_of(case: Case) -> tuple[Override, ...]:
    """What was overridden before, on the days that the case says."""
    return tuple(Override(str(line.rule), line.at, days_before(TODAY, line.on)) for line in case.overridden)


def _born(age: int, unit: str = "years") -> date:
    """A birthday some time ago, so that the age is the same for days around."""
    if unit == "months":
        years, month = divmod(TODAY.year * 12 + TODAY.month - 1 - age, 12)
        return date(years, month + 1, 1)
    return date(TODAY.year - age, 2, 1)


def _day(ago: int | None) -> Moment | None:
    return None if ago is None else on(TODAY - timedelta(days=ago))


def _result(line: LabLine | IntakeLine, where: str, terminology: Terminology) -> list[Result]:
    """The result as a chart would hold it: converted, rounded, and left out where it cannot be believed."""
    concept = terminology.concepts[str(line.lab if isinstance(line, LabLine) else line.intake)]
    found = concept.limit(line.value.value, line.value.unit, line.value.sign if isinstance(line, LabLine) else "")
    if found is None or not concept.believes(found[0]) or concept.unit is None:
        return []
    value, sign = found
    days = line.recorded_for if isinstance(line, IntakeLine) else None
    taken = _day(line.taken)
    return [Result(concept.key, value, concept.unit, taken, where, days, sign=sign)] if taken and line.taken >= 0 else []


def _use(line: MedicineLine, where: str, terminology: Terminology) -> Use:
    medicine = terminology.medicine([], str(line.taking or line.draft))
    doses: list[DailyDose | None] = [None]
    if line.dose is not None:
        mass = milligrams(line.dose.value, line.dose.unit)
        amount, unit = (mass, "mg") if mass is not None else (line.dose.value, line.dose.unit)
        daily = amount * Decimal(line.per_day or 1)
        doses = [DailyDose(daily, daily, unit)]
    minutes = tuple(minute for text in line.times if (minute := parse_time_of_day(str(text))) is not None)
    weekdays = frozenset(WEEKDAYS.index(str(day)) for day in line.days)
    drafted = line.draft is not None
    return Use(
        medicine=medicine,
        reference=where,
        active=drafted or line.until is None,
        drafted=drafted,
        selected=drafted,
        route=str(line.by) if line.by else None,
        start=_day(line.since),
        end=_day(line.until),
        dosing=Dosing(portions(medicine, doses), (Times(minutes or None, weekdays or None),), line.length),
        indications=frozenset({str(line.for_)} if line.for_ else ()),
        supply_days=line.supply,
    )
