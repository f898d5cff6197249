"""The answer of `trials`: what was tried at an adequate dose for long enough, ended or running."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mgcds.chart.facts import MEDICATIONS, Use
from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.asking import NO_MEDICATIONS, Asking
from mgcds.engine.shelves import PLACED
from mgcds.language.find import Trials
from mgcds.language.library import Asked
from mgcds.language.tables import ValueTable


def trials(ask: Asking, asked: Asked, question: Trials) -> Answer:
    """Different ingredients, each at an adequate dose for long enough; courses that touch are one trial.

    A drug counts once, however often it was tried. One that is taken again, at whatever dose and however shortly, was not given
    up: its earlier course is a trial, but not one that "ended".
    """
    if not ask.supplied(MEDICATIONS, question):
        return not_known(asked.key, NO_MEDICATIONS)
    table, today = ask.library.tables[str(question.dose_at_least)], ask.chart.today
    ended: dict[str, Use] = {}
    running: dict[str, Use] = {}
    listed = ask.shelves.uses(question.trials, PLACED)
    taken_now = frozenset().union(*(use.medicine.classes for use in listed if use.active))
    pool = [use for use in listed if use.start is not None]
    taken = frozenset().union(*(use.medicine.classes for use in pool))
    for drug in sorted({str(row.drug) for row in table.rows if row.drug} & taken):
        uses = [use for use in pool if drug in use.medicine.classes and dose_reaches(table, use)]
        for course in _courses(uses, today):
            if (course.last - course.first).days < question.lasting.count:
                continue
            if course.runs:
                running[drug] = course.use
            elif 0 <= (today - course.last).days <= (question.ended.most or 0):
                ended[drug] = course.use
    names = sorted({*ended, *running})
    if not names:
        return absent(asked.key, "no adequate trial found", value=Decimal(0), unit="trials")
    both = bool(set(ended) - taken_now) and bool(running)
    word = "ended and running" if both else "running" if running else "ended"
    uses = [running.get(name) or ended[name] for name in names]
    because = tuple(
        Because(use.reference, word=name, date=use.start.text if use.start else "")
        for name, use in zip(names, uses, strict=True)
    )
    return Answer(
        asked.key,
        True,
        True,
        Decimal(len(names)),
        unit="trials",
        word=word,
        names=tuple(names),
        because=because,
        uses=tuple(uses),
        parts={"names": ", ".join(names), "count": str(len(names))},
        why=f"adequate trials: {', '.join(names)} ({word})",
    )


@dataclass(slots=True)
class _Course:
    """Records of one drug that touch: first and last day, a record, and whether it still runs."""

    first: date
    last: date
    use: Use
    runs: bool


def _courses(uses: list[Use], today: date) -> list[_Course]:
    """Courses in order of time, those that touch joined."""
    rows = [
        _Course(use.start.last, today if use.active else (use.end or use.start).last, use, use.active)
        for use in uses
        if use.start is not None
    ]
    joined: list[_Course] = []
    for row in sorted(rows, key=lambda row: (row.first, row.last, row.use.reference)):
        if joined and (row.first - joined[-1].last).days <= 1:
            before = joined[-1]
            before.last = max(before.last, row.last)
            before.use = row.use if row.runs else before.use
            before.runs = before.runs or row.runs
        else:
            joined.append(row)
    return joined


def dose_reaches(table: ValueTable, use: Use) -> bool:
    """Whether some ingredient's daily dose reaches its row of a table (mg a day)."""
    for portion in use.portions:
        row = table.find(drug=portion.ingredient)
        if row is not None and row.value is not None and portion.low is not None and portion.low >= row.value.value:
            return True
    return False
