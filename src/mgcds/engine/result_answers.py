"""Answers from results: the newest, the lowest, and what is eaten a day."""

from __future__ import annotations

from decimal import Decimal

from mgcds.chart.facts import Result
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import Asking
from mgcds.engine.spans import FROM_UNKNOWN, hangs_on_unknown, in_span
from mgcds.language.find import Intake, Latest, Lowest
from mgcds.language.library import Asked
from mgcds.units import plain


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
    anchors, results = ask.anchors(asked), ask.shelves.results(question.lowest)
    if results and hangs_on_unknown((question.taken,), anchors):
        return not_known(asked.key, FROM_UNKNOWN)
    found = [result for result in results if in_span(result.taken, question.taken, ask.chart.today, anchors)]
    if not found:
        if ask.lacking(asked):
            return not_known(asked.key, "these results were not supplied")
        return absent(asked.key, f"none {question.taken.text}", unit=asked.unit)
    low = min(found, key=lambda r: (*reversed(_ends(r)), -r.taken.last.toordinal(), -r.taken.instant, r.reference))
    answer = _result(ask, asked, low)
    least, top = min(_ends(result)[0] for result in found), _ends(low)[1]
    if least == _ends(low)[0]:
        return answer
    return answer._replace(value=least, high=top, sign="<=", limit=top)


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
