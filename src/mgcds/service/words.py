"""A rule in plain words: everything its page says, from the library alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mgcds.language.find import (
    Booked,
    Course,
    Exposure,
    FirstThatHolds,
    Has,
    Intake,
    Latest,
    Lowest,
    Patient,
    Pending,
    Question,
    Spacing,
    Table,
    Taking,
    Total,
    Trials,
)
from mgcds.language.library import Asked, Library, LinkedRule, Source
from mgcds.language.literals import Minutes, Number
from mgcds.language.rule import LEVELS
from mgcds.language.tables import Interval, IntervalTable, Row, ValueTable
from mgcds.language.text import Placeholder, Template
from mgcds.language.when import AnyOf, AtHook, Compare, Condition, NoneWithin, Taken, asks
from mgcds.language.words import sentence, span, title_of

STATES = {
    "seen": "we read the text",
    "not yet checked": "not yet checked against the text",
    "weak copy": "we saw only a poor copy",
    "ours": "our own choice",
}
HOOKS = {
    "patient-view": "when a chart is opened",
    "order-select": "when an order is chosen",
    "order-sign": "when orders are signed",
    "medication-refill": "when a refill is asked for",
    "encounter-discharge": "when a patient is discharged",
    "appointment-book": "when an appointment is made",
}
_RECORDS = {
    "Observation": "laboratory results and vital signs",
    "Condition": "problem list",
    "Procedure": "procedures",
    "Encounter": "encounters",
    "MedicationRequest": "medication orders",
    "ServiceRequest": "orders",
}
_COMPARED = {"below": "below", "at_most": "at most", "above": "above", "at_least": "at least"}
_SLOTS = {"on": "date of", "names": "names of", "count": "number of", "since": "start of", "products": "products in"}
_INTERACTION = {
    "consequence": "Consequence",
    "seriousness": "How serious",
    "severity": "Severity",
    "mechanism": "Mechanism",
    "action": "What to do",
    "modifying": "What changes the risk",
    "exposure": "How often both are taken",
    "harm": "How often harm follows",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence; `of` the alternatives below it."""

    text: str
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cited:
    """Numbers, and what stands behind all of them."""

    texts: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """A piece of data that a rule looks at."""

    title: str
    where: str
    members: tuple[tuple[str, str], ...]  # ingredients or codes, for those who check


def describe(rule: LinkedRule, library: Library) -> dict[str, Any]:
    """Everything that a rule's page says."""
    model, policy = rule.model, library.policy
    hooks = [str(hook) for hook in model.hooks]
    reasons = dict.fromkeys([*map(str, policy.override_reasons), *map(str, model.card.override)])
    return {
        "rule": rule,
        "model": model,
        "group": policy.groups[rule.group].title,
        "hooks": [(hook, HOOKS[hook]) for hook in hooks],
        "when": [_line(condition, library) for condition in rule.when],
        "unless": [_line(condition, library) for condition in rule.unless],
        "levels": [(level, _line(line, library) if line else None) for level, line in rule.levels],
        "definitions": list(_definitions(rule, library)),
        "population": _population(rule, library),
        "looks_at": [
            _looked(asked, library) for asked in _needed(rule, library) if not isinstance(asked.question, FirstThatHolds)
        ],
        "triggers": list(dict.fromkeys(title_of(library.questions[key], library) for key in rule.triggers)),
        "order_hooks": [HOOKS[hook] for hook in hooks if hook in policy.order_hooks],
        "policy": _policy(rule, library),
        "numbers": _numbers(rule, library),
        "tables": [_table(table, library) for table in _tables(rule, library)],
        "evidence": [
            (_sources(entry.source, library), str(entry.strength or ""), _end(str(entry.says or "")))
            for entry in model.evidence
            if entry.source
        ],
        "conflicts": [source for entry in model.evidence for source in _sources(entry.conflict, library)],
        "seeds": [str(seed) for entry in model.evidence for seed in entry.seed],
        "states": STATES,
        "summaries": [(level, slots(rule.summaries[level], rule, library)) for level in LEVELS if level in rule.summaries],
        "detail": slots(rule.detail, rule, library) if rule.detail else [],
        "also": [(_line(also.when, library), slots(also.say, rule, library)) for also in rule.also],
        "consider": [slots(text, rule, library) for text in rule.consider],
        "suggestions": list(_suggestions(rule, library)),
        "reasons": [library.reasons[code].display for code in reasons],
        "interaction": [
            (_INTERACTION.get(name, name), "; ".join(value) if isinstance(value, tuple) else str(value))
            for name, value in (model.interaction or ())
        ],
    }


def slots(template: Template, rule: LinkedRule, library: Library) -> list[tuple[str, bool]]:
    """A card text as pieces; True marks a place that the chart fills."""
    return [(_slot(p, rule, library), True) if isinstance(p, Placeholder) else (p, False) for p in template.parts]


def _slot(part: Placeholder, rule: LinkedRule, library: Library) -> str:
    asked = library.questions[rule.names[part.question]]
    if isinstance(asked.question, Spacing):
        return part.attribute.replace("_", " ") or "interval"
    title = title_of(asked, library)
    return f"{_SLOTS.get(part.attribute, part.attribute.replace('_', ' ') + ' of')} {title}" if part.attribute else title


def capital(text: str) -> str:
    """A sentence's first letter; names such as eGFR and pH keep theirs."""
    return text if text[:2] in ("eG", "pH") else text[:1].upper() + text[1:]


def _end(text: str) -> str:
    return capital(text) + ("" if not text or text.endswith((".", "?", "!")) else ".")


def _line(condition: Condition, library: Library) -> Line:
    if isinstance(condition, AtHook):
        return Line(f"Only {' or '.join(HOOKS[hook] for hook in condition.hooks)}")
    if isinstance(condition, AnyOf):
        return Line("At least one of these:", tuple(capital(sentence(part, library)) for part in condition.of))
    return Line(capital(sentence(condition, library)))


def _needed(rule: LinkedRule, library: Library) -> list[Asked]:
    """The questions a rule reaches; those of its own lines first, then what they rest on."""
    rest = [key for key in library.order if key in rule.needs and key not in rule.asked]
    return [library.questions[key] for key in (*dict.fromkeys(rule.asked), *rest)]


def _definitions(rule: LinkedRule, library: Library) -> Iterator[tuple[str, list[tuple[str, Line]], tuple[Source, ...]]]:
    for asked in _needed(rule, library):
        if asked.lines:
            lines = [(word, Line("Otherwise") if line is None else _line(line, library)) for word, line in asked.lines]
            yield capital(title_of(asked, library)), lines, _sources(asked.question.source, library)


def _population(rule: LinkedRule, library: Library) -> str:
    needed = [asked.question for asked in _needed(rule, library)]
    uses = {str(question.patient) for question in needed if isinstance(question, Patient)}
    uses |= {str(column) for question in needed if isinstance(question, Table) for column in question.by}
    used = " and ".join(name.replace("-", " ") for name in sorted(uses))
    who = "Every patient for whom the conditions above hold"
    return f"{who}; {used} decide{'s' if len(uses) == 1 else ''} among them." if used else f"{who}, whatever age or sex."


def _looked(asked: Asked, library: Library) -> Looked:
    unit = f" ({asked.unit})" if _shows_unit(asked) else ""
    parts = [_where(asked, library), *_spans(asked.question)]
    parts += ["taken as absent where not supplied"] if asked.question.if_missing else []
    return Looked(capital(title_of(asked, library)) + unit, "; ".join(parts), tuple(_members(asked.question, library)))


def _shows_unit(asked: Asked) -> bool:
    return bool(asked.unit) and isinstance(asked.question, Latest | Lowest | Total | Intake | Patient | Table)


def _where(asked: Asked, library: Library) -> str:
    question = asked.question
    if isinstance(question, Latest | Lowest):
        computed = any(library.terminology.concepts[str(name)].formula for name in question.names())
        which = "lowest" if isinstance(question, Lowest) else "newest"
        return f"{which} result" + (", measured or computed" if computed else "")
    if isinstance(question, Has):
        places = dict.fromkeys(
            _RECORDS.get(place, place) for name in question.has for place in library.terminology.concepts[str(name)].recorded_in
        )
        return ", ".join(places)
    if isinstance(question, Patient):
        return "patient record"
    if isinstance(question, Table):
        return f"table below, by {', '.join(str(column).replace('-', ' ') for column in question.by)}"
    if isinstance(question, Pending):
        return "open orders"
    if isinstance(question, Booked):
        return "open orders and appointments"
    if isinstance(question, Intake):
        return "dietary records"
    if isinstance(question, Total | Course | Spacing):
        other = library.questions[asked.refs[str(question.from_ if isinstance(question, Total) else question.names()[0])]]
        return f"computed from {title_of(other, library)}"
    return "medication orders and statements" + (", drafts too" if isinstance(question, Taking) and not question.only else "")


def _spans(question: Question) -> Iterator[str]:
    """Look-backs and lengths, in words."""
    for name, lead in (("taken", "taken"), ("started", "started"), ("ended", "ended"), ("onset", "since"), ("due", "due")):
        value = getattr(question, name, None)
        if value is not None:
            yield f"{lead} {value.text}"
    if isinstance(question, Trials):
        yield f"each for at least {question.lasting}"
    if isinstance(question, Exposure):
        yield f"courses up to {question.courses_merge_within} apart count as one"
    if isinstance(question, Intake):
        yield f"at most {question.within} old, recorded for at least {question.recorded_for}"
    if isinstance(question, Taking) and question.supply:
        yield f"supplied for at least {question.supply}"


def _members(question: Question, library: Library) -> Iterator[tuple[str, str]]:
    """Ingredients of drug classes and codes of results: what a reader needs to check the data behind a word."""
    terms = library.terminology
    if isinstance(question, Latest | Lowest):
        for name in question.names():
            codes = ", ".join(coding.code for coding in terms.concepts[str(name)].codes)
            if codes:
                yield f"Codes of {terms.concepts[str(name)].title}", codes
    elif isinstance(question, Taking | Exposure | Trials | Spacing):
        for name in question.from_ if isinstance(question, Spacing) else question.names():
            if str(name) in terms.classes:
                drugs = terms.classes[str(name)]
                yield f"{drugs.title}: {len(drugs.ingredients)} ingredients", ", ".join(sorted(drugs.ingredients))


def _policy(rule: LinkedRule, library: Library) -> list[tuple[str, str]]:
    """What silences it from outside: (sentence, id of the rule that speaks instead or "")."""
    made: list[tuple[str, str]] = []
    for row in library.policy.supersede:
        if rule.id in map(str, row.losers):
            level = f" as {row.level}" if row.level else ""
            made.append((f"Another rule says it already{level}: {library.rules[str(row.winner)].model.title}", str(row.winner)))
    levels = {f"indicator {level}" for level, _ in rule.levels}
    for suppress in library.suppress:
        if rule.id in suppress.keep:
            continue
        whole = {rule.id, f"group {rule.group}"} & set(suppress.drop) or levels <= set(suppress.drop)
        part = sorted(name.removeprefix("indicator ") for name in levels & set(suppress.drop))
        if whole:
            made.append((_end(suppress.because), ""))
        elif part:
            made.append((f"{capital(suppress.because)}: not shown as {' or '.join(part)}.", ""))
    return made


def _numbers(rule: LinkedRule, library: Library) -> list[Cited]:
    """Each number that decides, and what stands behind it."""
    made: dict[str, tuple[Source, ...]] = {}
    backs = {str(name): _sources(entry.source, library) for entry in rule.model.evidence for name in entry.backs}
    names = {key: name for name, key in rule.names.items()}
    own = [*rule.when, *rule.unless, *(line for _, line in rule.levels if line is not None)]
    shared = [line for asked in _needed(rule, library) for _, line in asked.lines if line is not None]
    for condition in own:
        for ask in asks(condition):
            asked = library.questions[ask.question]
            of_word = _sources(asked.question.source, library) if ask.word else ()
            for test, text in _limits(ask.tests):
                key = names.get(ask.question, asked.name)
                made.setdefault(
                    f"{capital(title_of(asked, library))} {text}", of_word or backs.get(f"{key}.{test}") or backs.get(key, ())
                )
    for condition in shared:
        for ask in asks(condition):
            asked = library.questions[ask.question]
            for _, text in _limits(ask.tests):
                behind = _sources(asked.question.source, library)
                made.setdefault(
                    f"{capital(title_of(asked, library))} {text}", behind or _behind_definitions(ask.question, rule, library)
                )
    for asked in _needed(rule, library):
        for text in _spans(asked.question):
            made.setdefault(f"{capital(title_of(asked, library))}: {text}", _sources(asked.question.source, library))
    together: dict[tuple[Source, ...], list[str]] = {}
    for text, sources in made.items():
        together.setdefault(sources, []).append(text)
    return [Cited(tuple(texts), sources) for sources, texts in together.items()]


def _behind_definitions(key: str, rule: LinkedRule, library: Library) -> tuple[Source, ...]:
    """The sources of the definitions that use a question."""
    users = [a for a in _needed(rule, library) if a.lines and key in a.refs.values()]
    return tuple(dict.fromkeys(source for asked in users for source in _sources(asked.question.source, library)))


def _limits(tests: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    for test in tests:
        if isinstance(test, Compare) and isinstance(test.to, Number):
            yield test.test, f"{_COMPARED[test.test]} {test.to}"
        elif isinstance(test, Taken):
            yield "taken", f"from {span(test.span)}"
        elif isinstance(test, NoneWithin):
            yield "none_within", f"not measured within {test.days}"


def _tables(rule: LinkedRule, library: Library) -> list[ValueTable | IntervalTable]:
    found: dict[str, ValueTable | IntervalTable] = {}
    for asked in _needed(rule, library):
        question = asked.question
        for name in (getattr(question, "dose_at_least", None), getattr(question, "intervals", None)):
            if name is not None and (table := library.tables.get(str(name)) or library.intervals.get(str(name))):
                found[str(name)] = table
        if isinstance(question, Table):
            found[str(question.table)] = library.tables[str(question.table)]
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Tabled:
    """A table; `sources` those of every row, or empty where the rows differ and each has its own."""

    title: str
    rows: tuple[tuple[str, str, tuple[Source, ...]], ...]
    sources: tuple[Source, ...]


def _table(table: ValueTable | IntervalTable, library: Library) -> Tabled:
    rows: list[tuple[str, str, tuple[Source, ...]]]
    if isinstance(table, IntervalTable):
        rows = [(str(row.drug), _interval(row), _sources(row.source, library)) for row in table.rows]
    else:
        rows = [(_who(row), _value(row), _sources(row.source, library)) for row in table.rows]
    behind = {sources for _, _, sources in rows}
    return Tabled(str(table.title), tuple(rows), behind.pop() if len(behind) == 1 else ())


def _who(row: Row) -> str:
    parts = [str(part) for part in (row.drug, row.sex, row.life_stage) if part]
    if row.age:
        first, last = row.age.first, row.age.last
        parts.append(
            f"from {first} years" if last is None else f"{first} years" if first == last else f"{first} to {last} years"
        )
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


def _sources(keys: tuple[Any, ...], library: Library) -> tuple[Source, ...]:
    return tuple(library.sources[str(key)] for key in keys if str(key) in library.sources)


def _suggestions(rule: LinkedRule, library: Library) -> Iterator[str]:
    for suggestion in rule.model.card.suggest:
        if suggestion.order:
            yield str(library.orders[str(suggestion.order)].label)
        elif suggestion.stop:
            yield "Cancel the draft order (only where it is being ordered)"
        else:
            yield "Move the draft dose to a computed safe time (only where it is being ordered)"
