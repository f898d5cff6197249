"""Answers about conditions, orders and appointments."""

from __future__ import annotations

from mgcds.chart.facts import ORDERS
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import Asking
from mgcds.engine.spans import FROM_UNKNOWN, hangs_on_unknown, in_span
from mgcds.language.find import Booked, Has, Pending
from mgcds.language.library import Asked


def has(ask: Asking, asked: Asked, question: Has) -> Answer:
    """Whether one of some conditions is active, with the onset that the question wants."""
    anchors = ask.anchors(asked) if question.onset else {}
    found = []
    problems = ask.shelves.problems(question.has)
    if problems and question.onset and hangs_on_unknown((question.onset,), anchors):
        return not_known(asked.key, FROM_UNKNOWN)
    for problem in problems:
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
