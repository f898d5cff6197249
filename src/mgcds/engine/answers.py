"""Asks the chart every question of a hook. Here language and chart meet; `first_that_holds` is left to the engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mgcds.chart.facts import Chart
from mgcds.engine import medication_answers as medicines
from mgcds.engine import person_answers as person
from mgcds.engine import record_answers as records
from mgcds.engine import result_answers as results
from mgcds.engine.answer import Answer
from mgcds.engine.asking import Asking
from mgcds.engine.faults import failed_answer
from mgcds.engine.spacing_answer import spacing
from mgcds.engine.trials_answer import trials
from mgcds.language import find
from mgcds.language.library import Asked, Library

_VERBS: dict[type[find.Question], Callable[[Asking, Asked, Any], Answer]] = {
    find.Patient: person.patient,
    find.Latest: results.latest,
    find.Lowest: results.lowest,
    find.Taking: medicines.taking,
    find.Exposure: medicines.exposure,
    find.Course: medicines.course,
    find.Total: medicines.total,
    find.Trials: trials,
    find.Spacing: spacing,
    find.Has: records.has,
    find.Pending: records.pending,
    find.Booked: records.booked,
    find.Intake: results.intake,
    find.Table: person.table,
}


# Verbs that look at facts of the names they ask about, and at what was supplied, and at nothing else.
_LOOKING = frozenset((find.Latest, find.Lowest, find.Taking, find.Exposure, find.Trials, find.Has, find.Pending, find.Booked))


def answer_all(chart: Chart, library: Library, is_late: Callable[[], bool] = lambda: False) -> dict[str, Answer]:
    """The answer to every question of the chart's hook, by key; one that could not be asked is `failed`.

    Where a chart holds nothing that a question looks for, its answer is the one that its verb gave the last time this was so
    and the same data were lacking. That is four of five questions of a patient-view: 1.0 ms became 0.6.
    `is_late`: whether the time for this chart is up, so that what was not asked yet fails.
    """
    ask = Asking(chart, library)
    answers = ask.answers
    held = ask.shelves.names()
    for asked in library.questions_at(chart.hook):
        key, question = asked.key, asked.question
        quiet = type(question) in _LOOKING and held.isdisjoint(question.names())
        if quiet:
            kept = library.silence.get((key, lacking := ask.lacking(asked)))
            if kept is not None:
                answers[key] = kept
                continue
        verb = _VERBS.get(type(question))
        if verb is not None:
            try:
                if is_late():
                    raise TimeoutError
                answers[key] = verb(ask, asked, question)
            except Exception as error:  # noqa: BLE001 - a fault in one question costs the rules that need it, not the others
                answers[key] = failed_answer(key, error)
                continue
            if quiet:
                library.silence[key, lacking] = answers[key]
    return answers
