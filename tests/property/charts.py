"""Random charts: everything the rules look at, some of it missing, some kinds not supplied at all."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from mgcds.chart.derived import computed
from mgcds.chart.dosage import DailyDose, portions
from mgcds.chart.facts import Chart, Person, Problem, Request, Result, Times, Use
from mgcds.chart.intake import laboratory_batches
from mgcds.clock import Moment, on
from mgcds.language.rule import HOOKS
from mgcds.terminology import Terminology

TODAY = date(2026, 6, 15)
# Values on, just inside and just outside the limits of the rules, and anything else.
LIMITS = {
    "serum-magnesium": ["0.2", "1.19", "1.20", "1.69", "1.70", "1.81", "1.82", "2.60", "4.80", "30"],
    "egfr": ["0", "29", "30", "44", "45", "59", "60", "120"],
    "creatinine": ["0.6", "1.0", "2.0", "5"],
    "phq-9-total": ["0", "9", "10", "27"],
}
DAYS = [0, 1, 41, 42, 43, 89, 90, 91, 364, 365, 366, 729, 730, 731]
MEDICINES = [
    "omeprazole", "esomeprazole magnesium 20 mg capsule", "hydrochlorothiazide", "furosemide", "spironolactone", "tacrolimus",
    "magnesium oxide 400 mg tablet", "milk of magnesia", "magnesium (elemental) 100 mg tablet", "magnesium supplement",
    "multivitamin with magnesium 50 mg tablet", "magnesium sulfate injection", "alendronate", "ibandronate", "etidronate",
    "sertraline", "venlafaxine", "bupropion", "amoxicillin", "something unknown",
]  # fmt: skip
CONDITIONS = ["ckd-3", "ckd-3a", "ckd-3b", "ckd-4", "eskd", "dialysis", "hospice-care", "major-depression", "bipolar-disorder",
              "diabetes-1", "diabetes-2"]  # fmt: skip
TIMES = [0, 300, 301, 420, 449, 450, 539, 540, 1260, 1439]
ROUTES = ["oral", "enteral", "intravenous", "topical", None]


def moments() -> st.SearchStrategy[Moment]:
    days = st.one_of(st.sampled_from(DAYS), st.integers(0, 900)).map(lambda ago: on(TODAY - timedelta(days=ago)))
    months = st.integers(1, 28).map(lambda month: Moment(*_month(month)))
    return st.one_of(days, days, days, months)


def _month(ago: int) -> tuple[date, date]:
    year, month = divmod(TODAY.year * 12 + TODAY.month - 1 - ago, 12)
    first = date(year, month + 1, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@st.composite
def charts(draw: st.DrawFn, terminology: Terminology) -> Chart:
    """One chart."""
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
    for number, concept in enumerate(draw(st.lists(st.sampled_from(sorted(LIMITS)), max_size=5))):
        value = draw(st.one_of(st.sampled_from(LIMITS[concept]).map(Decimal), st.integers(0, 30).map(Decimal)))
        unit = terminology.concepts[concept].unit
        results.append(Result(concept, value, str(unit), draw(moments()), f"Observation/o{number}"))
    uses = []
    for number, name in enumerate(draw(st.lists(st.sampled_from(MEDICINES), max_size=6))):
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
            portions(medicine, [daily]), (Times(tuple(sorted(minutes)) if minutes else None, weekdays),),
        ))  # fmt: skip
    problems = [
        Problem(frozenset({key}), key, f"Condition/c{number}", draw(sometimes(moments())))
        for number, key in enumerate(draw(st.lists(st.sampled_from(CONDITIONS), max_size=4, unique=True)))
    ]
    requests = (
        [Request(frozenset({"serum-magnesium-order"}), "serum magnesium", "ServiceRequest/s")]
        if draw(st.integers(0, 5)) == 0
        else []
    )
    results += computed(results, terminology.concepts, person, TODAY)
    return Chart(TODAY, draw(st.sampled_from(HOOKS)), person, frozenset(every) - missing, tuple(results), tuple(uses),
                 tuple(problems), tuple(requests))  # fmt: skip
