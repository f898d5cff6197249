"""A rule in plain words: everything its page says, from the library alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mgcds.language.find import (
    FirstThatHolds,
    Patient,
    Spacing,
    Table,
)
from mgcds.language.library import Library, LinkedRule, Source
from mgcds.language.rule import LEVELS
from mgcds.language.text import Placeholder, Template
from mgcds.language.when import AnyOf, AtHook, Condition
from mgcds.language.words import capital, sentence, title_of
from mgcds.service import site_words
from mgcds.service.looked_at import looked, needed
from mgcds.service.numbers import numbers, sources, table, tables
from mgcds.service.source_attributes import in_words, source_attributes

STATES = {
    "seen": "we read the text",
    "not yet checked": "not yet checked against the text",
    "weak copy": "we saw only a poor copy",
    "ours": "our own choice",
    "site": "a decision of the site",
}
HOOKS = {
    "patient-view": "when a chart is opened",
    "order-select": "when an order is chosen",
    "order-sign": "when orders are signed",
    "medication-refill": "when a refill is asked for",
    "encounter-discharge": "when a patient is discharged",
    "appointment-book": "when an appointment is made",
    "medication-verify": "when a pharmacist verifies an order",
    "problem-list-item-create": "when a problem is put on the list",
}
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


def describe(rule: LinkedRule, library: Library) -> dict[str, Any]:
    """Everything that a rule's page says."""
    model, policy = rule.model, library.policy
    hooks = [str(hook) for hook in model.hooks]
    reasons = dict.fromkeys([*map(str, policy.override_reasons), *map(str, model.card.override)])
    return {
        "rule": rule,
        "model": model,
        "group": policy.groups[rule.group].title,
        "decided": site_words.decided(rule, library),
        "changed": site_words.changed(rule, library),
        "left_out": site_words.left_out(rule, library),
        "hooks": [(hook, HOOKS[hook]) for hook in hooks],
        "when": [_line(condition, library) for condition in rule.when],
        "unless": [_line(condition, library) for condition in rule.unless],
        "levels": [(level, _line(line, library) if line else None) for level, line in rule.levels],
        "definitions": list(_definitions(rule, library)),
        "population": _population(rule, library),
        "looks_at": [
            looked(asked, library) for asked in needed(rule, library) if not isinstance(asked.question, FirstThatHolds)
        ],
        "triggers": list(dict.fromkeys(title_of(library.questions[key], library) for key in rule.triggers)),
        "order_hooks": [HOOKS[hook] for hook in hooks if hook in policy.order_hooks],
        "policy": _policy(rule, library),
        "numbers": numbers(rule, library),
        "tables": [table(each, library) for each in tables(rule, library)],
        "evidence": [
            (sources(entry.source, library), str(entry.strength or ""), _end(str(entry.says or "")))
            for entry in model.evidence
            if entry.source
        ],
        "conflicts": [source for entry in model.evidence for source in sources(entry.conflict, library)],
        "seeds": _seeds(rule, library),
        "states": STATES,
        "summaries": [(level, slots(rule.summaries[level], rule, library)) for level in LEVELS if level in rule.summaries],
        "detail": slots(rule.detail, rule, library) if rule.detail else [],
        "also": [(_line(also.when, library), slots(also.say, rule, library)) for also in rule.also],
        "consider": [slots(text, rule, library) for text in rule.consider],
        "suggestions": list(_suggestions(rule, library)),
        "attributes": in_words(source_attributes(rule, library)),
        "reasons": [library.reasons[code].display for code in reasons],
        "interaction": [
            (_INTERACTION.get(name, name), "; ".join(value) if isinstance(value, tuple) else str(value))
            for name, value in (model.interaction or ())
        ],
    }


def _seeds(rule: LinkedRule, library: Library) -> list[tuple[str, str, str]]:
    """The facts of the source document behind a rule: (number, in our words, section of the context page)."""
    facts = library.facts.facts if library.facts else {}
    cited = dict.fromkeys(str(key) for entry in rule.model.evidence for key in entry.seed)
    return [(key, str(facts[key].says), str(facts[key].section)) for key in cited if key in facts]


def slots(template: Template, rule: LinkedRule, library: Library) -> list[tuple[str, bool]]:
    """A card text as pieces; True marks a place that the chart fills."""
    return [(_slot(p, rule, library), True) if isinstance(p, Placeholder) else (p, False) for p in template.parts]


def _slot(part: Placeholder, rule: LinkedRule, library: Library) -> str:
    asked = library.questions[rule.names[part.question]]
    if isinstance(asked.question, Spacing):
        return part.attribute.replace("_", " ") or "interval"
    title = title_of(asked, library)
    return f"{_SLOTS.get(part.attribute, part.attribute.replace('_', ' ') + ' of')} {title}" if part.attribute else title


def _end(text: str) -> str:
    return capital(text) + ("" if not text or text.endswith((".", "?", "!")) else ".")


def _line(condition: Condition, library: Library) -> Line:
    if isinstance(condition, AtHook):
        return Line(f"Only {' or '.join(HOOKS[hook] for hook in condition.hooks)}")
    if isinstance(condition, AnyOf):
        return Line("At least one of these:", tuple(capital(sentence(part, library)) for part in condition.of))
    return Line(capital(sentence(condition, library)))


def _definitions(rule: LinkedRule, library: Library) -> Iterator[tuple[str, list[tuple[str, Line]], tuple[Source, ...]]]:
    for asked in needed(rule, library):
        if asked.lines:
            lines = [(word, Line("Otherwise") if line is None else _line(line, library)) for word, line in asked.lines]
            yield capital(title_of(asked, library)), lines, sources(asked.question.source, library)


def _population(rule: LinkedRule, library: Library) -> str:
    questions = [asked.question for asked in needed(rule, library)]
    uses = {str(question.patient) for question in questions if isinstance(question, Patient)}
    uses |= {str(column) for question in questions if isinstance(question, Table) for column in question.by}
    used = " and ".join(name.replace("-", " ") for name in sorted(uses))
    who = "Every patient for whom the conditions above hold"
    return f"{who}; {used} decide{'s' if len(uses) == 1 else ''} among them." if used else f"{who}, whatever age or sex."


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
    kept = [(level, days) for level, _ in rule.levels if (days := library.policy.remember.days(level)) is not None]
    if kept:
        lengths = ", ".join(f"{days} days as {level}" for level, days in kept)
        made.append((f"After a clinician overrode it for this patient: {lengths}, unless it has become more severe.", ""))
    return made


def _suggestions(rule: LinkedRule, library: Library) -> Iterator[str]:
    for suggestion in rule.model.card.suggest:
        if suggestion.order:
            yield str(library.orders[str(suggestion.order)].label)
        elif suggestion.stop:
            yield "Cancel the draft order (only where it is being ordered)"
        else:
            yield "Move the draft dose to a computed safe time (only where it is being ordered)"
