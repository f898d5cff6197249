"""Asks the chart every question of a hook. Here language and chart meet; `first_that_holds` is left to the engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
_MOST_KINDS_OF_CHARTS = 128  # for which answers are kept: clients supply the same data time and again

_Plan = tuple[tuple[Asked, frozenset[str] | None], ...]


def answer_all(chart: Chart, library: Library, is_late: Callable[[], bool] = lambda: False) -> dict[str, Answer]:
    """The answer to every question of the chart's hook, by key; one that could not be asked is `failed`.

    Where a chart holds nothing that a question looks for, its answer is the one that its verb gave the last time this was so
    and the same data were supplied. That is four of five questions of a patient-view: 1.0 ms became 0.6.
    `is_late`: whether the time for this chart is up, so that what was not asked yet fails.
    """
    ask = Asking(chart, library)
    answers = ask.answers
    held = ask.shelves.names()
    silence = _silence(library, chart.supplied)
    for asked, looked_for in _plan(library, chart.hook):
        key = asked.key
        quiet = looked_for is not None and held.isdisjoint(looked_for)
        if quiet and key in silence:
            answers[key] = silence[key]
            continue
        try:
            if is_late():
                raise TimeoutError
            answers[key] = _VERBS[type(asked.question)](ask, asked, asked.question)
        except Exception as error:  # noqa: BLE001 - a fault in one question costs the rules that need it, not the others
            answers[key] = failed_answer(key, error)
            continue
        if quiet:
            silence[key] = answers[key]
    return answers


def not_supplied(chart: Chart, library: Library, answers: Mapping[str, Answer]) -> list[str]:
    """Names of the hook's questions that are not known because a kind of data was not supplied."""
    ask = Asking(chart, library)
    plan = _plan(library, chart.hook)
    return [asked.name for asked, _ in plan if not answers[asked.key].known and ask.lacking(asked)]


def _plan(library: Library, hook: str) -> _Plan:
    """The questions of a hook that have a verb, and what those look for that look at nothing else."""
    plan: _Plan | None = library.asking.get(hook)
    if plan is None:
        asked = [asked for asked in library.questions_at(hook) if type(asked.question) in _VERBS]
        plan = library.asking[hook] = tuple((each, _names(each.question)) for each in asked)
    return plan


def _names(question: find.Question) -> frozenset[str] | None:
    return frozenset(map(str, question.names())) if type(question) in _LOOKING else None


def _silence(library: Library, supplied: frozenset[str]) -> dict[str, Answer]:
    """The answers for want of anything, by question, where these kinds of data were supplied."""
    if supplied not in library.silence and len(library.silence) >= _MOST_KINDS_OF_CHARTS:
        library.silence.clear()
    return library.silence.setdefault(supplied, {})
