"""Answers about the patient, results, conditions, orders, intake and tables."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from mgcds.chart.facts import CONDITIONS, ORDERS, PATIENT, Result
from mgcds.clock import completed_months, completed_years
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import Asking
from mgcds.engine.spans import in_span
from mgcds.language.find import Booked, Has, Intake, Latest, Lowest, Patient, Pending, Table
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


def latest(ask: Asking, asked: Asked, question: Latest) -> Answer:
    """The newest result of all; of results of one moment, the concept listed first."""
    found = ask.shelves.results(question.latest)
    if question.limits:
        found = [result for result in found if not result.sign]
    if not found:
        if ask.lacking(asked):
            return not_known(asked.key, "these results were not supplied")
        return absent(asked.key, "no usable result", unit=asked.unit)
    newest = max(found, key=lambda r: (r.taken.last, r.taken.instant, -question.latest.index(r.concept), r.reference))
    return _result(ask, asked, newest)


def lowest(ask: Asking, asked: Asked, question: Lowest) -> Answer:
    """The lowest result in the span; of equal ones, the newest. One of which only a limit is known may be lower still."""
    anchors = ask.anchors(asked)
    found = [
        result
        for result in ask.shelves.results(question.lowest)
        if in_span(result.taken, question.taken, ask.chart.today, anchors)
    ]
    if not found:
        if ask.lacking(asked):
            return not_known(asked.key, "these results were not supplied")
        return absent(asked.key, f"none {question.taken.text}", unit=asked.unit)
    low = min(found, key=lambda r: (*reversed(_ends(r)), -r.taken.last.toordinal(), -r.taken.instant, r.reference))
    answer = _result(ask, asked, low)
    least, top = min(_ends(result)[0] for result in found), _ends(low)[1]
    if least == _ends(low)[0]:
        return answer
    return replace(answer, value=least, high=top, sign=answer.sign or "<=", limit=answer.limit or top)


# A limit is open on one side: so far away that no limit of a rule lies beyond. A limit that is not reached is left by less than
# any laboratory measures or any rule asks.
_FAR, _STEP = Decimal(10) ** 9, Decimal("0.000001")


def _ends(result: Result) -> tuple[Decimal, Decimal]:
    """The least and the most that a result may be."""
    step = Decimal(0) if result.sign.endswith("=") else _STEP
    if not result.sign:
        return result.value, result.value
    return (-_FAR, result.value - step) if result.sign.startswith("<") else (result.value + step, _FAR)


def _result(ask: Asking, asked: Asked, result: Result) -> Answer:
    today = ask.chart.today
    days = result.taken.most_days_before(today)
    computed = f", computed from {result.computed_from}" if result.computed_from else ""
    low, high = _ends(result)
    return Answer(
        asked.key, True, True, low, None if low == high else high, unit=result.unit, on=result.taken, oldest=days,
        youngest=result.taken.fewest_days_before(today), names=(result.concept,),
        because=(Because(result.reference, result.value, result.unit, date=result.taken.text, sign=result.sign),),
        parts={"on": result.taken.text, "computed": result.computed_from},
        why=f"{result.sign}{plain(result.value)} {result.unit} on {result.taken.text} ({days} days ago{computed})",
        sign=result.sign, limit=result.value if result.sign else None,
    )  # fmt: skip


def has(ask: Asking, asked: Asked, question: Has) -> Answer:
    """Whether one of some conditions is active, with the onset that the question wants."""
    anchors = ask.anchors(asked) if question.onset else {}
    found = []
    for problem in ask.shelves.problems(question.has):
        if question.onset:
            unwritten_counts = question.onset_unwritten == "today" and problem.onset is None and question.onset.least == 0
            if not unwritten_counts and not in_span(problem.onset, question.onset, ask.chart.today, anchors):
                continue
        found.append(problem)
    if not found:
        if missing := ask.lacking(asked):
            return not_known(asked.key, f"not supplied: {', '.join(sorted(missing))}")
        return absent(asked.key, "not on the record")
    shown = tuple(dict.fromkeys(problem.name for problem in found))
    onsets = [problem.onset for problem in found if problem.onset]
    newest = max(onsets, key=lambda onset: (onset.last, onset.first)) if onsets else None
    because = tuple(
        Because(problem.reference, word=problem.name, date=problem.onset.text if problem.onset else "") for problem in found
    )
    return Answer(
        asked.key, True, True, on=newest, names=shown, because=because,
        oldest=newest.most_days_before(ask.chart.today) if newest else None,
        youngest=newest.fewest_days_before(ask.chart.today) if newest else None,
        parts={"since": newest.text if newest else "unknown"}, why=f"on the record: {', '.join(shown)}",
    )  # fmt: skip


def pending(ask: Asking, asked: Asked, question: Pending) -> Answer:
    """Whether something is ordered and not yet done."""
    found = [request for request in ask.shelves.requests(question.pending) if not request.booked]
    if not found:
        if not ask.supplied(ORDERS, question):
            return not_known(asked.key, "no orders were supplied")
        return absent(asked.key, "not ordered")
    shown = tuple(dict.fromkeys(request.name for request in found))
    because = tuple(Because(request.reference, word=request.name) for request in found)
    return Answer(asked.key, True, True, names=shown, because=because, why=f"ordered: {', '.join(shown)}")


def booked(ask: Asking, asked: Asked, question: Booked) -> Answer:
    """Whether something is planned within so many days from today."""
    today, most = ask.chart.today, question.due.most or 0
    found = [
        request
        for request in ask.shelves.requests(question.booked)
        if request.booked and request.due is not None
        and request.due.last >= today and (request.due.first - today).days <= most
    ]  # fmt: skip
    if not found:
        if not ask.supplied(ORDERS, question):
            return not_known(asked.key, "no orders or appointments were supplied")
        return absent(asked.key, f"nothing booked {question.due.text}")
    first = min(found, key=lambda request: (request.due.first if request.due else today, request.reference))
    because = tuple(
        Because(request.reference, word=request.name, date=request.due.text if request.due else "") for request in found
    )
    return Answer(
        asked.key,
        True,
        True,
        on=first.due,
        names=(first.name,),
        because=because,
        parts={"on": first.due.text if first.due else ""},
        why=f"booked: {first.name}",
    )


def intake(ask: Asking, asked: Asked, question: Intake) -> Answer:
    """The newest recorded intake that covers enough days, and what supplements add to it."""
    concept = f"{question.intake}-intake"
    found = [
        result
        for result in ask.shelves.results((concept,))
        if not result.sign
        and result.taken.most_days_before(ask.chart.today) <= question.within.count
        and (question.recorded_for is None or (result.period_days or 1) >= question.recorded_for.count)
    ]
    if not found:
        if ask.lacking(asked):
            return not_known(asked.key, "no dietary record was supplied")
        return absent(asked.key, "no dietary record that is long and recent enough", unit=asked.unit)
    newest = max(found, key=lambda r: (r.taken.last, r.taken.instant, r.reference))
    answer = _result(ask, asked, newest)
    if not question.plus:
        return answer
    extra = ask.answer(asked, question.plus)
    if not extra.known:
        return not_known(asked.key, f"supplements: {extra.why}")
    value = newest.value + (extra.value or 0)
    return Answer(
        asked.key, True, True, value, unit=asked.unit, on=answer.on, oldest=answer.oldest, youngest=answer.youngest,
        names=answer.names, because=answer.because + extra.because, parts=answer.parts,
        why=f"{answer.why} from food, and {plain(extra.value or Decimal(0))} {extra.unit} from supplements",
    )  # fmt: skip


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
        ages = tuple(completed_months(day, ask.chart.today) for day in (born.last, born.first))
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
