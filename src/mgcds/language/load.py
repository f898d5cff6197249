"""Makes a Library of files: types every file, links all names, and reports everything that is wrong at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

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
from mgcds.language.library import Asked, Library, LinkedSuppress
from mgcds.language.link import Scope, asked_keys, closure, mentions, own_keys, topological
from mgcds.language.link_rule import link_rule
from mgcds.language.reasons import type_reasons
from mgcds.language.tables import ValueTable, overlapping
from mgcds.language.typed import type_files, type_sources
from mgcds.language.when import Condition
from mgcds.source import Place, Problem, SourceError, Text, place_of
from mgcds.terminology import Terminology
from mgcds.units import normal_unit


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


def build(files: Files, terminology: Terminology) -> tuple[Library | None, list[Problem]]:
    """A library of files already read, and every problem found; no library while a file cannot be typed."""
    problems: list[Problem] = []
    typed = type_files(files, problems)
    sources = type_sources(files.sources, problems)
    reasons = type_reasons(files.reasons, problems)
    if problems or typed.policy is None or typed.governance is None:
        return None, problems

    questions: dict[str, Question] = {name: question for name, (_, question) in typed.vocabulary.items()}
    places: dict[str, Place] = {name: place for name, (place, _) in typed.vocabulary.items()}
    shared = {name: name for name in typed.vocabulary}
    scopes: dict[str, dict[str, str]] = {}
    keys = own_keys(typed.local)
    for rule_id, local in typed.local.items():
        for name, (place, question) in local.items():
            if name in typed.vocabulary:
                problems.append(Problem(place, f"'{name}' is already in the vocabulary; use that, or choose another name"))
            questions.setdefault(keys[rule_id][name], question)
            places.setdefault(keys[rule_id][name], place)
        scopes[rule_id] = shared | keys[rule_id]

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
        rule_id: link_rule(
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
