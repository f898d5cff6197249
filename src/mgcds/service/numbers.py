"""The numbers and tables that a rule rests on, each with what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mgcds.language.durations import Minutes
from mgcds.language.find import Spacing, Table
from mgcds.language.library import Asked, Library, LinkedRule, Source
from mgcds.language.literals import Number
from mgcds.language.tables import Interval, IntervalTable, Row, ValueTable
from mgcds.language.when import Ask, Compare, NoneWithin, Taken, asks
from mgcds.language.words import capital, qualifiers, span, title_of
from mgcds.service.looked_at import needed
from mgcds.service.site_words import behind

_COMPARED = {"below": "below", "at_most": "at most", "above": "above", "at_least": "at least"}


@dataclass(frozen=True, slots=True)
class Cited:
    """Numbers, and what stands behind all of them."""

    texts: tuple[str, ...]
    sources: tuple[Source, ...]


def numbers(rule: LinkedRule, library: Library) -> list[Cited]:
    """Each number that decides, and what stands behind it."""
    made: dict[str, tuple[Source, ...]] = {}
    backs = {str(name): sources(entry.source, library) for entry in rule.model.evidence for name in entry.backs}
    names = {key: name for name, key in rule.names.items()}
    own = [*rule.when, *rule.unless, *(line for _, line in rule.levels if line is not None)]
    shared = [line for asked in needed(rule, library) for _, line in asked.lines if line is not None]
    for condition in own:
        for ask in asks(condition):
            asked = library.questions[ask.question]
            of_word = _of_word(ask, asked, library) if ask.word else ()
            for test, text in _limits(ask.tests):
                key = names.get(ask.question, asked.name)
                made.setdefault(
                    f"{capital(title_of(asked, library))} {text}", of_word or backs.get(f"{key}.{test}") or backs.get(key, ())
                )
    for condition in shared:
        for ask in asks(condition):
            asked = library.questions[ask.question]
            for _, text in _limits(ask.tests):
                sourced = _of_word(ask, asked, library)
                made.setdefault(
                    f"{capital(title_of(asked, library))} {text}", sourced or _behind_definitions(ask.question, rule, library)
                )
    for asked in needed(rule, library):
        changes = [change for name in asked.question.lengths() if (change := library.change_of(asked.key, name))]
        decided = tuple(source for change in changes for source in behind(change, library))
        for text in qualifiers(asked.question):
            made.setdefault(f"{capital(title_of(asked, library))}: {text}", decided + sources(asked.question.source, library))
    together: dict[tuple[Source, ...], list[str]] = {}
    for text, cited in made.items():
        together.setdefault(cited, []).append(text)
    return [Cited(tuple(texts), cited) for cited, texts in together.items()]


def _of_word(ask: Ask, asked: Asked, library: Library) -> tuple[Source, ...]:
    """What stands behind the numbers of a word: the site where it has changed them, else the question's sources."""
    change = library.change_of(ask.question, ask.word)
    return behind(change, library) if change is not None else sources(asked.question.source, library)


def _behind_definitions(key: str, rule: LinkedRule, library: Library) -> tuple[Source, ...]:
    """The sources of the definitions that use a question."""
    users = [a for a in needed(rule, library) if a.lines and key in a.refs.values()]
    return tuple(dict.fromkeys(source for asked in users for source in sources(asked.question.source, library)))


def _limits(tests: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    for test in tests:
        if isinstance(test, Compare) and isinstance(test.to, Number):
            yield test.test, f"{_COMPARED[test.test]} {test.to}"
        elif isinstance(test, Taken):
            yield "taken", f"from {span(test.span)}"
        elif isinstance(test, NoneWithin):
            yield "none_within", f"not measured within {test.days}"


def tables(rule: LinkedRule, library: Library) -> list[ValueTable | IntervalTable]:
    found: dict[str, ValueTable | IntervalTable] = {}
    for asked in needed(rule, library):
        question = asked.question
        for name in (getattr(question, "dose_at_least", None), getattr(question, "intervals", None)):
            if name is not None and (table := library.tables.get(str(name)) or library.intervals.get(str(name))):
                found[str(name)] = table
        if isinstance(question, Table):
            found[str(question.table)] = library.tables[str(question.table)]
        if isinstance(question, Spacing):  # only the drugs that this rule is about
            whole = library.intervals[str(question.intervals)]
            ours = library.terminology.classes_of_ingredients(_ingredients(question, library)) | set(map(str, question.from_))
            rows = tuple(row for row in whole.rows if str(row.drug) in ours)
            found[str(question.intervals)] = whole.model_copy(update={"rows": rows})
    return list(found.values())


def _ingredients(question: Spacing, library: Library) -> set[str]:
    classes = library.terminology.classes
    return {drug for name in map(str, question.from_) for drug in (classes[name].ingredients if name in classes else {name})}


@dataclass(frozen=True, slots=True)
class Tabled:
    """A table; `sources` those of every row, or empty where the rows differ and each has its own."""

    title: str
    rows: tuple[tuple[str, str, tuple[Source, ...]], ...]
    sources: tuple[Source, ...]


def table(table: ValueTable | IntervalTable, library: Library) -> Tabled:
    rows: list[tuple[str, str, tuple[Source, ...]]]
    if isinstance(table, IntervalTable):
        rows = [(str(row.drug), _interval(row), sources(row.source, library)) for row in table.rows]
    else:
        rows = [(_who(row), _value(row), sources(row.source, library)) for row in table.rows]
    behind = {sources for _, _, sources in rows}
    return Tabled(str(table.title), tuple(rows), behind.pop() if len(behind) == 1 else ())


def _who(row: Row) -> str:
    parts = [str(part) for part in (row.drug, row.sex, row.life_stage) if part]
    if row.age:
        parts.append(row.age.text)
    return ", ".join(parts)


def _value(row: Row) -> str:
    return str(row.value) if row.value is not None else f"none: {row.because}" if row.because else "none"


def _interval(row: Interval) -> str:
    parts = ["never together"] if row.never_together else []
    if row.product_after:
        better = f" (better {_hours(row.better)})" if row.better else ""
        parts.append(f"product at least {_hours(row.product_after)} after the drug{better}")
    if row.drug_after:
        parts.append(f"drug at least {_hours(row.drug_after)} after the product")
    return "; ".join(parts) + (f"; only with {row.with_}" if row.with_ else "")


def _hours(minutes: Minutes) -> str:
    hours, rest = divmod(minutes.count, 60)
    return f"{hours} h" if not rest else f"{minutes.count} min"


def sources(keys: tuple[Any, ...], library: Library) -> tuple[Source, ...]:
    return tuple(library.sources[str(key)] for key in keys if str(key) in library.sources)
