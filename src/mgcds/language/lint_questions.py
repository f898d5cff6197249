"""What is wrong with a question: names that nobody knows, numbers without a source, units that do not fit."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.language.find import FirstThatHolds, Question, Spacing, Table, Taking, Trials
from mgcds.language.library import Library
from mgcds.language.literals import Number
from mgcds.language.when import Ask, Compare, Condition, Is, Taken, asks, numbers
from mgcds.source import Place, Problem, Text
from mgcds.units import normal_unit


def question_problems(library: Library, key: str, question: Question, place: Place) -> list[Problem]:
    """What is wrong with one question of the vocabulary or of a rule."""
    problems: list[Problem] = []
    known = library.terminology
    verb = question.verb
    if verb in ("latest", "lowest", "has", "pending", "booked"):
        for name in question.names():
            concept = known.concepts.get(str(name))
            if concept is None:
                problems.append(Problem(name.place, f"'{name}' is no concept; add it under concepts/, or correct the name"))
            elif verb in ("latest", "lowest") and concept.unit is None:
                problems.append(Problem(name.place, f"'{name}' has no unit, so it is no result; ask `has` of it"))
            elif verb in ("latest", "lowest") and normal_unit(getattr(question, "as_", "")) != concept.unit:
                problems.append(Problem(name.place, f"'{name}' is kept in {concept.unit}; write as: {concept.unit}"))
    if verb in ("taking", "exposure", "trials"):
        problems += _drug_names(library, question.names())
    if isinstance(question, Spacing):
        problems += _drug_names(library, question.from_)
        if str(question.intervals) not in library.intervals:
            problems.append(Problem(question.intervals.place, f"there is no table of intervals '{question.intervals}'"))
    if isinstance(question, Taking | Trials) and question.dose_at_least and str(question.dose_at_least) not in library.tables:
        problems.append(Problem(question.dose_at_least.place, f"there is no table '{question.dose_at_least}'; add it"))
    if isinstance(question, Taking):
        for name in (*question.for_, *question.not_for):
            if str(name) not in known.concepts:
                problems.append(Problem(name.place, f"'{name}' is no concept; add it under concepts/, or correct the name"))
    if isinstance(question, Taking | Spacing):
        problems += _routes(library, (*question.by, *getattr(question, "not_by", ())))
    if isinstance(question, Table) and str(question.table) not in library.tables:
        problems.append(Problem(question.table.place, f"there is no table '{question.table}'; add it under tables/"))
    if "/" not in key and not question.source and any(True for _ in own_numbers(question)):
        problems.append(Problem(place, f"'{key}' holds numbers and no source; add source: [..]"))
    for tests in question.words.values():
        problems += unit_problems(library, Ask(key, tests, place))
    parts = {**question.words, **question.lengths()}
    return problems + [
        Problem(part.place, f"site_may_change: '{part}' is no word or length of '{key}'; it has {', '.join(parts) or 'none'}")
        for part in question.site_may_change
        if part not in parts
    ]


def _drug_names(library: Library, names: tuple[Text, ...]) -> list[Problem]:
    known = library.terminology
    return [
        Problem(name.place, f"'{name}' is no drug class and no ingredient; add it under classes/, or correct the name")
        for name in names
        if str(name) not in known.classes and str(name) not in known.ingredient_names
    ]


def _routes(library: Library, names: tuple[Text, ...]) -> list[Problem]:
    known = library.terminology.route_names
    return [
        Problem(name.place, f"'{name}' is no route; the routes are {', '.join(sorted(known))}")
        for name in names
        if str(name) not in known
    ]


def own_numbers(question: Question) -> Iterator[str]:
    """Names of the options of a question that hold numbers, and of its words' tests."""
    yield from question.lengths()
    if isinstance(question, Table) and question.times > 1:
        yield "times"
    for tests in question.words.values():
        for test, _ in numbers(tests):
            yield test
    if isinstance(question, FirstThatHolds):
        for condition in question.conditions():
            for ask in asks(condition):
                yield from (test for test, _ in numbers(ask.tests))


def unit_problems(library: Library, condition: Condition) -> list[Problem]:
    """Tests in a linked condition that do not fit the answers they test."""
    problems: list[Problem] = []
    for ask in asks(condition):
        asked = library.questions.get(ask.question)
        if asked is None:
            continue
        for test in ask.tests:
            if isinstance(test, Compare) and isinstance(test.to, Number) and test.to.unit != asked.unit:
                way_out = f"write it in {asked.unit}" if asked.unit else "it has no number to compare"
                problems.append(Problem(test.to.place, f"{test.test}: {asked.name} is not in {test.to.unit}; {way_out}"))
            elif isinstance(test, Compare) and isinstance(test.to, str):
                other = library.questions.get(test.to)
                if other is not None and other.unit != asked.unit:
                    problems.append(
                        Problem(
                            ask.place,
                            f"{asked.name} is in {asked.unit or 'words'}, {other.name} in "
                            f"{other.unit or 'words'}; compare like with like",
                        )
                    )
            elif isinstance(test, Taken) and test.span.anchor != "today":
                problems.append(Problem(test.span.place, "taken counts from today; put the other date into the question"))
            elif isinstance(test, Is) and test.word == "absent" and asked.lines and asked.lines[-1][1] is not None:
                problems.append(Problem(ask.place, f"{asked.name} may stay undecided; end its lines with a word: otherwise"))
    return problems
