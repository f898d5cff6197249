"""One rule with every name resolved: what it asks, what it prints, and what it needs."""

from __future__ import annotations

from typing import Any

from mgcds.language.library import LinkedAlso, LinkedRule
from mgcds.language.limits import limit_in_words
from mgcds.language.link import Scope, asked_keys, closure
from mgcds.language.rule import LEVELS, Rule
from mgcds.language.text import Template, compile_text
from mgcds.language.when import questions
from mgcds.source import Problem, Text, place_of


def link_rule(rule: Rule, file: str, scope: Scope, refs: dict[str, Any], sentences: dict[str, Text]) -> LinkedRule:
    """A rule in its `scope`; what cannot be resolved is added to the scope's problems. `refs`: what each question asks."""

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
    compared = {test for condition in decided if condition is not None for test in questions(condition)}
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
