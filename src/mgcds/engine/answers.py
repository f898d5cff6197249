"""Asks the chart every question of a hook. Here language and chart meet; `first_that_holds` is left to the engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mgcds.chart.facts import Chart
from mgcds.engine import medication_answers as medicines
from mgcds.engine import record_answers as records
from mgcds.engine.answer import Answer
from mgcds.engine.asking import Asking
from mgcds.engine.faults import failed_answer
from mgcds.engine.spacing_answer import spacing
from mgcds.language import find
from mgcds.language.library import Asked, Library

_VERBS: dict[type[find.Question], Callable[[Asking, Asked, Any], Answer]] = {
    find.Patient: records.patient,
    find.Latest: records.latest,
    find.Lowest: records.lowest,
    find.Taking: medicines.taking,
    find.Exposure: medicines.exposure,
    find.Course: medicines.course,
    find.Total: medicines.total,
    find.Trials: medicines.trials,
    find.Spacing: spacing,
    find.Has: records.has,
    find.Pending: records.pending,
    find.Booked: records.booked,
    find.Intake: records.intake,
    find.Table: records.table,
}


def answer_all(chart: Chart, library: Library) -> dict[str, Answer]:
    """The answer to every question of the chart's hook, by key; one that could not be asked is `failed`."""
    ask = Asking(chart, library)
    for asked in library.questions_at(chart.hook):
        verb = _VERBS.get(type(asked.question))
        if verb is not None:
            try:
                ask.answers[asked.key] = verb(ask, asked, asked.question)
            except Exception as error:  # noqa: BLE001 - a fault in one question costs the rules that need it, not the others
                ask.answers[asked.key] = failed_answer(asked.key, error)
    return ask.answers
