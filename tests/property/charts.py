"""Random charts: everything the rules look at, some of it missing, some kinds not supplied at all.

`charts` makes a chart of anything the library knows; `mixtures` lays cases of several rules over each other and shakes them,
so that every rule gets its chance to fire beside others.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from mgcds.chart.derived import computed
from mgcds.chart.dosage import DailyDose, portions
from mgcds.chart.facts import Chart, Dosing, Person, Problem, Request, Result, Times, Use
from mgcds.chart.intake import laboratory_batches
from mgcds.check.cases import CaseFile
from mgcds.check.charts import chart_of
from mgcds.clock import Moment, on
from mgcds.language.find import Booked, Exposure, Has, Intake, Latest, Lowest, Spacing, Taking, Trials
from mgcds.language.library import Library
from mgcds.language.literals import Number
from mgcds.language.rule import HOOKS
from mgcds.language.when import Compare, asks

TODAY = date(2026, 6, 15)
DAYS = [0, 1, 41, 42, 43, 89, 90, 91, 364, 365, 366, 729, 730, 731]
SAID_OTHERWISE = [
    "esomeprazole magnesium 20 mg capsule", "magnesium oxide 400 mg tablet", "milk of magnesia", "magnesium trisilicate",
    "magnesium (elemental) 100 mg tablet", "magnesium supplement", "multivitamin with magnesium 50 mg tablet",
    "magnesium sulfate injection", "amoxicillin", "something unknown",
]  # fmt: skip
TIMES = [0, 300, 301, 420, 449, 450, 539, 540, 1260, 1439]
SIGNS = ["", "", "", "<", "<=", ">=", ">"]
ROUTES = ["oral", "enteral", "intravenous", "topical", "ophthalmic", None]


def moments() -> st.SearchStrategy[Moment]:
    days = st.one_of(st.sampled_from(DAYS), st.integers(0, 900)).map(lambda ago: on(TODAY - timedelta(days=ago)))
    months = st.integers(1, 28).map(lambda month: Moment(*_month(month)))
    return st.one_of(days, days, days, months)


def _month(ago: int) -> tuple[date, date]:
    year, month = divmod(TODAY.year * 12 + TODAY.month - 1 - ago, 12)
    first = date(year, month + 1, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


class Known:
    """What the rules of a library look at: values on and beside their limits, drugs, conditions, bookings."""

    def __init__(self, library: Library) -> None:
        self.terms = library.terminology
        questions = [asked.question for asked in library.questions.values()]
        names = {str(name) for q in questions if isinstance(q, Latest | Lowest) for name in q.names()}
        formulas = [concept.formula for name in names if (concept := self.terms.concepts[name]).formula]
        names |= {part for formula in formulas if formula for part in (formula.of, formula.with_) if part}
        names |= {f"{q.intake}-intake" for q in questions if isinstance(q, Intake)}
        self.results = {name: [Decimal(1), Decimal(3), Decimal(100), Decimal(1000)] for name in sorted(names)
                        if self.terms.concepts[name].formula is None}  # fmt: skip
        for condition in _conditions(library):
            for ask in asks(condition):
                question = library.questions[ask.question].question
                for test in ask.tests:
                    if isinstance(test, Compare) and isinstance(test.to, Number) and isinstance(question, Latest | Lowest):
                        step = Decimal(1).scaleb(test.to.value.as_tuple().exponent)  # type: ignore[arg-type]
                        for name in {str(name) for name in question.names()} & set(self.results):
                            self.results[name] += [test.to.value, test.to.value - step, test.to.value + step]
        classes = {str(name) for q in questions if isinstance(q, Taking | Exposure | Trials) for name in q.names()}
        classes |= {str(name) for q in questions if isinstance(q, Spacing) for name in q.from_}
        known = self.terms.classes
        self.medicines = sorted({drug for name in classes for drug in (known[name].ingredients if name in known else [name])})
        self.conditions = sorted({str(name) for q in questions if isinstance(q, Has) for name in q.has})
        self.indications = sorted({str(name) for q in questions if isinstance(q, Taking) for name in (*q.for_, *q.not_for)})
        self.booked = sorted({str(name) for q in questions if isinstance(q, Booked) for name in q.booked})


def _conditions(library: Library) -> list:  # type: ignore[type-arg]
    made = [line for rule in library.rules.values() for line in (*rule.when, *rule.unless)]
    made += [line for rule in library.rules.values() for _, line in rule.levels if line is not None]
    return made + [line for asked in library.questions.values() for _, line in asked.lines if line is not None]


@st.composite
def charts(draw: st.DrawFn, known: Known) -> Chart:
    """One chart of anything that the rules look at."""
    terminology = known.terms
    sometimes = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731
    every = sorted(
        {"patient", "medications", "statements", "conditions", "procedures", "orders", *laboratory_batches(terminology)}
    )
    missing = draw(st.one_of(st.just(set()), st.sets(st.sampled_from(every), max_size=3)))
    born = draw(sometimes(st.one_of(st.integers(0, 100).map(lambda age: on(date(TODAY.year - age, 6, 15))),
                                    st.integers(0, 100).map(lambda age: Moment(date(TODAY.year - age, 1, 1), date(TODAY.year - age, 12, 31))))))  # fmt: skip
    if born is not None and born.last > TODAY:
        born = on(TODAY)
    person = Person("Patient/p", born, draw(st.sampled_from(["female", "male", None])))
    results = []
    for number, concept in enumerate(draw(st.lists(st.sampled_from(sorted(known.results)), max_size=5))):
        value = draw(st.one_of(st.sampled_from(known.results[concept]), st.integers(0, 30).map(Decimal)))
        unit = terminology.concepts[concept].unit
        results.append(
            Result(
                concept,
                value,
                str(unit),
                draw(moments()),
                f"Observation/o{number}",
                draw(st.sampled_from([None, 2, 3])),
                sign=draw(st.sampled_from(SIGNS)),
            )
        )
    uses = []
    for number, name in enumerate(draw(st.lists(st.sampled_from(known.medicines + 4 * SAID_OTHERWISE), max_size=6))):
        medicine = terminology.medicine([], name)
        drafted = draw(st.booleans()) and draw(st.booleans())
        active = drafted or draw(st.booleans()) or draw(st.booleans())
        dose = draw(sometimes(st.sampled_from([10, 49, 50, 100, 350, 351, 700, 1200])))
        daily = None if dose is None else DailyDose(Decimal(dose), Decimal(dose), "mg")
        minutes = draw(sometimes(st.lists(st.sampled_from(TIMES), min_size=1, max_size=3, unique=True)))
        weekdays = draw(sometimes(st.frozensets(st.integers(0, 6), min_size=1, max_size=3)))
        start = draw(sometimes(moments()))
        uses.append(Use(
            medicine, f"MedicationRequest/m{number}", active, drafted, drafted and draw(st.booleans()),
            draw(st.sampled_from(ROUTES)), start, None if active else draw(sometimes(moments())), draw(sometimes(moments())),
            Dosing(portions(medicine, [daily]), (Times(tuple(sorted(minutes)) if minutes else None, weekdays),),
                   draw(sometimes(st.sampled_from([5, 6, 7, 8])))),
            frozenset(draw(st.sets(st.sampled_from(known.indications), max_size=1))),
            draw(sometimes(st.sampled_from([89, 90, 91]))),
        ))  # fmt: skip
    problems = [
        Problem(frozenset({key}), key, f"Condition/c{number}", draw(sometimes(moments())))
        for number, key in enumerate(draw(st.lists(st.sampled_from(known.conditions), max_size=4, unique=True)))
    ]
    requests = (
        [Request(frozenset({"serum-magnesium-order"}), "serum magnesium", "ServiceRequest/s")]
        if draw(st.integers(0, 5)) == 0
        else []
    )
    if draw(st.integers(0, 3)) == 0:
        due = on(TODAY + timedelta(days=draw(st.sampled_from([-1, 0, 13, 14, 15]))))
        requests.append(Request(frozenset(known.booked), "operation", "Appointment/a", due, True))
    results += computed(results, terminology.concepts, person, TODAY)
    return Chart(TODAY, draw(st.sampled_from(HOOKS)), person, frozenset(every) - missing, tuple(results), tuple(uses),
                 tuple(problems), tuple(requests))  # fmt: skip


def _renamed(fact: Any, reference: str) -> Any:
    return fact._replace(reference=reference) if isinstance(fact, Result | Use) else replace(fact, reference=reference)


def mixtures(known: Known, files: list[CaseFile]) -> st.SearchStrategy[Chart]:
    """Cases of up to three rules in one chart, at the hook of the first, with some facts left out."""
    cases = [case for file in files for case in file.cases]

    @st.composite
    def mixed(draw: st.DrawFn) -> Chart:
        chosen = [chart_of(case, known.terms) for case in draw(st.lists(st.sampled_from(cases), min_size=1, max_size=3))]
        first = chosen[0]
        every = [_renamed(fact, f"{fact.reference}-{number}")
                 for number, chart in enumerate(chosen)
                 for fact in (*chart.results, *chart.uses, *chart.problems, *chart.requests)]  # fmt: skip
        left_out = draw(st.sets(st.integers(0, len(every)), max_size=2))
        kept = [fact for number, fact in enumerate(every) if number not in left_out]
        return replace(
            first,
            supplied=frozenset.intersection(*(chart.supplied for chart in chosen)),
            results=tuple(fact for fact in kept if isinstance(fact, Result)),
            uses=tuple(fact for fact in kept if isinstance(fact, Use)),
            problems=tuple(fact for fact in kept if isinstance(fact, Problem)),
            requests=tuple(fact for fact in kept if isinstance(fact, Request)),
        )

    return mixed()
