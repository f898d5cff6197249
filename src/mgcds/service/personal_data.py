"""Which personal data a rule uses, computed from every question that decides about it."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.chart.derived import TAKES
from mgcds.engine.person_answers import COLUMN_TAKES, STAGES
from mgcds.language.find import Booked, Has, Intake, Latest, Lowest, Patient, Pending, Question, Table, Taking
from mgcds.language.governance import PERSONAL_DATA, PersonalData
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.link import asked_keys, closure
from mgcds.language.words import capital, title_of

_OF_THE_PATIENT: dict[str, PersonalData] = {"age": "date-of-birth", "sex": "sex"}


def used_by(rule: LinkedRule, library: Library) -> dict[PersonalData, tuple[str, ...]]:
    """Each kind of personal data with the titles of the questions through which the rule uses it; empty where it does not."""
    keys = reached(rule, library)
    asked = [library.questions[key] for key in library.order if key in keys]
    kinds = {item.key: frozenset(_kinds(item, library)) for item in asked}
    return {
        kind: tuple(dict.fromkeys(capital(title_of(item, library)) for item in asked if kind in kinds[item.key]))
        for kind in PERSONAL_DATA
    }


def reached(rule: LinkedRule, library: Library) -> frozenset[str]:
    """Keys of the questions that decide whether a rule speaks, and what it says: its own, and those of what can silence it.

    A rule that speaks in its place answers for itself, so what that one looks up is not counted here.
    """
    names = {rule.id, f"group {rule.group}", *(f"indicator {level}" for level, _ in rule.levels)}
    silencing = [row.when for row in library.suppress if names & set(row.drop) and rule.id not in row.keep]
    refs = {key: item.refs for key, item in library.questions.items()}
    return rule.needs | closure(set(asked_keys(tuple(silencing))), refs)


def _kinds(asked: Asked, library: Library) -> Iterator[PersonalData]:
    question = asked.question
    if isinstance(question, Patient):
        yield _OF_THE_PATIENT[question.patient]
    if isinstance(question, Table):
        for column in map(str, question.by):
            yield from (_OF_THE_PATIENT[taken] for taken in COLUMN_TAKES.get(column, ()))
    for concept in _concepts(question):
        yield from _kinds_of_concept(concept, library)


def _concepts(question: Question) -> Iterator[str]:
    if isinstance(question, Latest | Lowest | Has | Pending | Booked):
        yield from map(str, question.names())
    elif isinstance(question, Taking):
        yield from map(str, (*question.for_, *question.not_for))
    elif isinstance(question, Intake):
        yield f"{question.intake}-intake"
    elif isinstance(question, Table) and "life-stage" in question.by:
        yield from STAGES


def _kinds_of_concept(name: str, library: Library) -> Iterator[PersonalData]:
    """What a concept is itself, and what goes into it where it is computed from others."""
    yield from library.governance.kinds_of(name)
    concept = library.terminology.concepts.get(name)
    formula = concept.formula if concept else None
    if formula is not None:
        yield from (_OF_THE_PATIENT[taken] for taken in TAKES.get(formula.name, ()))
        for other in (formula.of, formula.with_):
            if other is not None and other != name:
                yield from _kinds_of_concept(other, library)
