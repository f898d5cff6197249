"""Makes a Library of files: types every file, links all names, and reports everything that is wrong at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgcds.language.facts import FACTS, SeedFacts
from mgcds.language.files import Files, read_files
from mgcds.language.find import (
    Course,
    Exposure,
    FirstThatHolds,
    Intake,
    Latest,
    Lowest,
    Patient,
    Question,
    Table,
    Taking,
    Total,
    Trials,
)
from mgcds.language.governance import GOVERNANCE, Governance
from mgcds.language.library import Asked, Library, LinkedAlso, LinkedRule, LinkedSuppress, Reason, Source
from mgcds.language.limits import limit_in_words
from mgcds.language.link import Scope, asked_keys, closure, mentions, read_questions, topological
from mgcds.language.order import Order
from mgcds.language.policy import Policy
from mgcds.language.problems import validate
from mgcds.language.rule import LEVELS, Rule
from mgcds.language.tables import IntervalTable, ValueTable, overlapping
from mgcds.language.text import Template, compile_text
from mgcds.language.when import Condition
from mgcds.source import NOWHERE, Place, Problem, SourceError, Text, place_of
from mgcds.terminology import Terminology
from mgcds.units import normal_unit

SOURCE_STATES = ("seen", "not yet checked", "weak copy", "ours")


def load(
    root: Path, terminology: Terminology | None = None, *, products: Path | None = None, site: Path | None = None
) -> Library:
    """The library in a folder, on a site's product table, and as a site file changes it, where these are given.

    Raises SourceError with every problem, each with its place and a way out; SiteError where the site file is wrong.
    """
    from mgcds.language.lint import lint
    from mgcds.language.sited import with_site

    files = read_files(root)
    library, problems = build(files, terminology or Terminology.load(root, products))
    if library is not None and not problems:
        problems = lint(library)
    if problems or library is None:
        raise SourceError(problems)
    return library if site is None else with_site(library, files, site)


def _hash(files: Files, terminology: Terminology) -> str:
    """Changes with whatever can change an answer: the library, and the site's product table."""
    if terminology.site is None:
        return files.hash
    return hashlib.sha256(f"{files.hash} {terminology.site.hash}".encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Typed:
    """Every file as its type."""

    rules: dict[str, Rule]
    local: dict[str, dict[str, tuple[Place, Question]]]
    vocabulary: dict[str, tuple[Place, Question]]
    tables: dict[str, ValueTable]
    intervals: dict[str, IntervalTable]
    orders: dict[str, Order]
    policy: Policy | None
    governance: Governance | None
    facts: SeedFacts | None
    files: dict[str, str]


def build(files: Files, terminology: Terminology) -> tuple[Library | None, list[Problem]]:
    """A library of files already read, and every problem found; no library while a file cannot be typed."""
    problems: list[Problem] = []
    typed = _type(files, problems)
    sources = _sources(files.sources, problems)
    reasons = {
        str(code): Reason(str(code), str(text)) for code, text in (files.reasons or {}).items() if isinstance(text, Text)
    }
    if problems or typed.policy is None or typed.governance is None:
        return None, problems

    questions: dict[str, Question] = {name: question for name, (_, question) in typed.vocabulary.items()}
    places: dict[str, Place] = {name: place for name, (place, _) in typed.vocabulary.items()}
    shared = {name: name for name in typed.vocabulary}
    scopes: dict[str, dict[str, str]] = {}
    for rule_id, local in typed.local.items():
        for name, (place, question) in local.items():
            if name in typed.vocabulary:
                problems.append(Problem(place, f"'{name}' is already in the vocabulary; use that, or choose another name"))
            questions[f"{rule_id}/{name}"] = question
            places[f"{rule_id}/{name}"] = place
        scopes[rule_id] = shared | {name: f"{rule_id}/{name}" for name in local}

    used: set[tuple[str, str]] = set()
    asked: dict[str, Asked] = {}
    for key, question in questions.items():
        rule_id, _, name = key.rpartition("/")
        scope = Scope(scopes.get(rule_id, shared), questions, rule_id or "the vocabulary", problems, used)
        refs = {str(other): scope.key(str(other), place_of(other, places[key])) or "" for other in mentions(question)}
        lines: tuple[tuple[str, Condition | None], ...] = ()
        if isinstance(question, FirstThatHolds):
            lines = tuple(
                (str(line.word), scope.link(line.when) if line.when is not None else None) for line in question.first_that_holds
            )
        unit = unit_of(question, typed.tables)
        asked[key] = Asked(key, name or key, question, places[key], {k: v for k, v in refs.items() if v}, lines, unit)
    refs_of = {key: item.refs for key, item in asked.items()}
    order = topological(refs_of, places, problems)

    sentences = {name: Text(text, text.place) for name, text in typed.policy.sentences.items()}
    rules = {
        rule_id: _link_rule(
            rule, typed.files[rule_id], Scope(scopes[rule_id], questions, rule_id, problems, used), refs_of, sentences
        )
        for rule_id, rule in sorted(typed.rules.items())
    }
    scope = Scope(shared, questions, "the policy", problems, used)
    suppress = tuple(
        LinkedSuppress(
            str(row.because),
            str(row.reason),
            scope.link(row.when),
            tuple(map(str, row.drop)),
            tuple(map(str, row.keep)),
        )
        for row in typed.policy.suppress
    )
    policy_needs = closure(set(asked_keys(tuple(row.when for row in suppress))), refs_of)
    for table in typed.tables.values():
        problems.extend(Problem(place, message) for place, message in overlapping(table))
    library = Library(
        terminology, rules, asked, order, typed.policy, suppress, policy_needs, typed.tables, typed.intervals,
        typed.orders, reasons, sources, _hash(files, terminology), frozenset(used), governance=typed.governance,
        facts=typed.facts,
    )  # fmt: skip
    return library, sorted(problems)


def unit_of(question: Question, tables: dict[str, ValueTable]) -> str:
    """The unit in which an answer's number is given; empty for answers without one."""
    if isinstance(question, Latest | Lowest | Total):
        return normal_unit(question.as_) or str(question.as_)
    if isinstance(question, Patient):
        return "years" if question.patient == "age" else ""
    if isinstance(question, Intake):
        return "mg/day"
    if isinstance(question, Table):
        table = tables.get(str(question.table))
        return next((row.value.unit for row in table.rows if row.value), "") if table else ""
    units: dict[type[Question], str] = {Taking: "products", Exposure: "days", Course: "days", Trials: "trials"}
    return units.get(type(question), "")


def _type(files: Files, problems: list[Problem]) -> _Typed:
    typed = _Typed({}, {}, {}, {}, {}, {}, None, None, None, {})
    for file, tree in files.rules.items():
        rule = validate(Rule, tree, problems, file)
        local = read_questions(tree["find"], problems, file) if isinstance(tree, dict) and "find" in tree else {}
        if rule is not None:
            if str(rule.rule) in typed.rules:
                problems.append(Problem(rule.rule.place, f"the rule id '{rule.rule}' is used twice; ids are for life"))
            typed.rules[str(rule.rule)], typed.local[str(rule.rule)], typed.files[str(rule.rule)] = rule, local, file
    for file, tree in files.vocabulary.items():
        for name, (place, question) in read_questions(tree, problems, file).items():
            if name in typed.vocabulary:
                problems.append(Problem(place, f"'{name}' is already asked at {typed.vocabulary[name][0]}; keep one"))
            typed.vocabulary[name] = (place, question)
    for file, tree in files.tables.items():
        if "table" in tree:
            if (value := validate(ValueTable, tree, problems, file)) is not None:
                typed.tables[str(value.table)] = value
        elif (interval := validate(IntervalTable, tree, problems, file)) is not None:
            typed.intervals[str(interval.intervals)] = interval
    for file, tree in files.orders.items():
        if (order := validate(Order, tree, problems, file)) is not None:
            typed.orders[str(order.order)] = order
    typed.policy = validate(Policy, files.policy, problems, "policy.yaml")
    typed.governance = validate(Governance, files.governance, problems, GOVERNANCE)
    if files.facts is not None:
        typed.facts = validate(SeedFacts, files.facts, problems, FACTS)
    return typed


def _sources(tree: Any, problems: list[Problem]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for key, value in (tree or {}).items():
        if not isinstance(value, dict) or not {"citation", "state"} <= set(value):
            problems.append(Problem(place_of(key), f"{key}: a source has a citation, a state and perhaps a link"))
        elif value["state"] not in SOURCE_STATES:
            problems.append(Problem(value["state"].place, f"'{value['state']}' is no state; {', '.join(SOURCE_STATES)}"))
        else:
            found[str(key)] = Source(str(key), str(value["citation"]), str(value["state"]), str(value.get("link", "")))
    return found


def _link_rule(rule: Rule, file: str, scope: Scope, refs: dict[str, Any], sentences: dict[str, Text]) -> LinkedRule:
    def limit(part: str, name: str) -> str | None:
        question = scope.questions.get(scope.names.get(name, ""))
        return limit_in_words(question, part) if question is not None else None

    def text(written: Text) -> Template:
        template, wrong = compile_text(written, sentences, limit)
        scope.problems.extend(Problem(written.place, message) for message in wrong)
        for placeholder in template.placeholders():
            scope.key(placeholder.question, written.place)
        return template

    when = tuple(scope.link(condition) for condition in rule.when)
    unless = tuple(scope.link(condition) for condition in rule.unless)
    levels = tuple((str(line.level), scope.link(line.when) if line.when is not None else None) for line in rule.level)
    triggers = tuple(key for name in rule.triggers if (key := scope.key(str(name), name.place)) is not None)
    card = rule.card
    summaries = {level: text(card.summary_at(level)) for level in LEVELS if level in {name for name, _ in levels}}
    detail = text(card.detail) if card.detail else None
    also = tuple(LinkedAlso(scope.link(line.if_), text(line.say)) for line in card.also)
    consider = tuple(text(line) for line in card.consider)
    decided = (*when, *unless, *(condition for _, condition in levels))
    asked = asked_keys(decided)
    printed = {
        placeholder.question
        for template in (*summaries.values(), *consider, *([detail] if detail else []), *(line.say for line in also))
        for placeholder in template.placeholders()
    }
    moved = {str(s.move or s.stop).split(".")[0] for s in card.suggest if s.move or s.stop}
    for suggestion in card.suggest:
        if suggestion.move or suggestion.stop:
            scope.key(str(suggestion.move or suggestion.stop).split(".")[0], place_of(suggestion.move or suggestion.stop))
    keys = {scope.names[name] for name in printed | moved if name in scope.names}
    more = asked_keys(tuple(line.when for line in also))
    compared = {test for condition in decided if condition is not None for test in _compared(condition)}
    needs = closure({*asked, *triggers, *keys, *more, *compared}, refs)
    return LinkedRule(
        str(rule.rule),
        rule,
        when,
        unless,
        levels,
        triggers,
        dict(scope.names),
        needs,
        asked,
        summaries,
        detail,
        also,
        consider,
        file,
    )


def _compared(condition: Condition) -> set[str]:
    from mgcds.language.when import questions

    return set(questions(condition))


__all__ = ["NOWHERE", "build", "load", "unit_of"]
