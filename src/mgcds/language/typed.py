"""Every file of a library as its type, before names are linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mgcds.language.facts import FACTS, SeedFacts
from mgcds.language.files import Files
from mgcds.language.find import Question
from mgcds.language.governance import GOVERNANCE, Governance
from mgcds.language.library import Source
from mgcds.language.link import read_questions
from mgcds.language.order import Order
from mgcds.language.policy import Policy
from mgcds.language.problems import validate
from mgcds.language.rule import Rule
from mgcds.language.tables import IntervalTable, ValueTable
from mgcds.source import Place, Problem, place_of

SOURCE_STATES = ("seen", "not yet checked", "weak copy", "ours")


@dataclass(slots=True)
class Typed:
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


def type_files(files: Files, problems: list[Problem]) -> Typed:
    """Every file that can be typed; the rest is added to `problems`."""
    typed = Typed({}, {}, {}, {}, {}, {}, None, None, None, {})
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


def type_sources(tree: Any, problems: list[Problem]) -> dict[str, Source]:
    """The sources that evidence cites, by key."""
    found: dict[str, Source] = {}
    for key, value in (tree or {}).items():
        if not isinstance(value, dict) or not {"citation", "state"} <= set(value):
            problems.append(Problem(place_of(key), f"{key}: a source has a citation, a state and perhaps a link"))
        elif value["state"] not in SOURCE_STATES:
            problems.append(Problem(value["state"].place, f"'{value['state']}' is no state; {', '.join(SOURCE_STATES)}"))
        else:
            found[str(key)] = Source(str(key), str(value["citation"]), str(value["state"]), str(value.get("link", "")))
    return found
