"""What is wrong with one rule: its names, its hooks, numbers that nothing backs, texts that cannot be printed."""

from __future__ import annotations

import re

from mgcds.language.find import Taking
from mgcds.language.library import Library, LinkedRule
from mgcds.language.lint_questions import own_numbers
from mgcds.language.text import Placeholder, lint_text
from mgcds.language.when import asks, numbers
from mgcds.source import Place, Problem

MOST_SUMMARY = 139
ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")


def rule_problems(library: Library, rule: LinkedRule) -> list[Problem]:
    """What is wrong with one rule, its conditions apart."""
    return _names(library, rule) + _hooks(library, rule) + _backed(library, rule) + _texts(library, rule)


def _names(library: Library, rule: LinkedRule) -> list[Problem]:
    model, problems = rule.model, []
    stem = rule.file.rsplit("/", 1)[-1].removesuffix(".yaml")
    if not ID.fullmatch(rule.id):
        problems.append(Problem(model.rule.place, "a rule id is <nutrient>-<situation> in lower case, like mg-low-ppi"))
    if stem != rule.id:
        problems.append(Problem(model.rule.place, f"the file is called {stem}.yaml; name file and rule alike"))
    if rule.group not in library.policy.groups:
        problems.append(Problem(model.shown_in.group.place, f"'{rule.group}' is no card group; add it to policy.yaml"))
    for reason in model.card.override:
        if str(reason) not in library.reasons:
            problems.append(Problem(reason.place, f"'{reason}' is no override reason; add it to reasons.yaml"))
    for suggestion in model.card.suggest:
        order = suggestion.order
        if order is not None and str(order) not in library.orders:
            problems.append(Problem(order.place, f"there is no order '{order}'; add it under orders/"))
        if sum(1 for part in (suggestion.order, suggestion.stop, suggestion.move) if part) != 1:
            problems.append(Problem(model.rule.place, "a suggestion is one of order, stop and move"))
        for part, verb in ((suggestion.stop, "taking"), (suggestion.move, "spacing")):
            key = rule.names.get(str(part)) if part else None
            if part and key and library.questions[key].question.verb != verb:
                problems.append(Problem(part.place, f"'{part}' is no question of {verb}"))
    for entry in model.evidence:
        for key in entry.source:
            if str(key) not in library.sources:
                problems.append(Problem(key.place, f"'{key}' is no source; add it to sources.yaml"))
    return problems


def _hooks(library: Library, rule: LinkedRule) -> list[Problem]:
    ordering = [hook for hook in rule.model.hooks if hook in library.policy.order_hooks]
    drafts_only = any(
        isinstance(question := library.questions[key].question, Taking) and question.only == "drafts" for key in rule.asked
    )
    if ordering and not rule.triggers and not drafts_only:
        message = f"at {ordering[0]} a finding must be about the order at hand; name the medicines under triggers"
        return [Problem(rule.model.place, message)]
    return []


def _backed(library: Library, rule: LinkedRule) -> list[Problem]:
    """Every number of the rule's own, and every table it uses, stands behind an evidence entry."""
    backed = {str(name) for entry in rule.model.evidence for name in entry.backs}
    names: dict[str, Place] = {}
    local = {name: key for name, key in rule.names.items() if "/" in key}
    for name, key in local.items():
        if not library.questions[key].question.source:
            for option in own_numbers(library.questions[key].question):
                names[f"{name}.{option}"] = library.questions[key].place
    for written in (*rule.model.when, *rule.model.unless, *(line.when for line in rule.model.level if line.when)):
        for ask in asks(written):
            for test, literal in numbers(ask.tests):
                names[f"{ask.question}.{test}"] = literal.place
    problems = [
        Problem(place, f"no evidence backs this number; add '{name}' to an evidence entry's backs")
        for name, place in names.items()
        if name not in backed and name.split(".")[0] not in backed
    ]
    known = set(names) | {name.split(".")[0] for name in names} | set(rule.names)
    for entry in rule.model.evidence:
        for name in entry.backs:
            table = str(name).removeprefix("table ")
            if (
                str(name) not in known
                and str(name).split(".")[0] not in rule.names
                and table not in {*library.tables, *library.intervals}
            ):
                problems.append(Problem(name.place, f"'{name}' is no number of this rule; it has {', '.join(sorted(names))}"))
    return problems


def _texts(library: Library, rule: LinkedRule) -> list[Problem]:
    problems: list[Problem] = []
    templates = [*rule.summaries.values(), *rule.consider, *(also.say for also in rule.also)]
    templates += [rule.detail] if rule.detail else []
    for template in templates:
        for part in template.parts:
            if isinstance(part, Placeholder) and part.attribute:
                verb = library.questions[rule.names[part.question]].question
                if part.attribute not in (*verb.prints, "names"):
                    can = ", ".join((*verb.prints, "names"))
                    problems.append(Problem(template.place, f"'{part.question}.{part.attribute}' cannot be printed; {can} can"))
        fixed = "".join(part for part in template.parts if isinstance(part, str))
        problems += [Problem(template.place, message) for message in lint_text(fixed, library.policy.never_write)]
    for level, template in rule.summaries.items():
        fixed = "".join(part for part in template.parts if isinstance(part, str))
        if len(fixed) + 8 * len(template.placeholders()) > MOST_SUMMARY:
            problems.append(Problem(template.place, f"the summary at {level} cannot stay under 140 characters; shorten it"))
    return problems
