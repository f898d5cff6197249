"""Links names to what they name: questions to keys, words to tests, text to placeholders. Collects every problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mgcds.language.durations import Span
from mgcds.language.find import VERBS, Course, FirstThatHolds, Intake, Question, Spacing, Total, verb_of
from mgcds.language.problems import validate
from mgcds.language.when import (
    BUILT_IN_WORDS,
    All,
    AnyOf,
    Ask,
    AtHook,
    Compare,
    Condition,
    Is,
    Says,
    Test,
    asks,
    questions,
    rename,
)  # fmt: skip
from mgcds.source import NOWHERE, Place, Problem, Text, place_of

__all__ = ["Scope", "closure", "own_keys", "read_questions", "topological"]


def read_questions(block: Any, problems: list[Problem], file: str) -> dict[str, tuple[Place, Question]]:
    """A block of questions by name; what is wrong with any of them is added to `problems`."""
    found: dict[str, tuple[Place, Question]] = {}
    if not isinstance(block, dict):
        problems.append(Problem(place_of(block, Place(file, 1, 1)), "give questions by name, like ppi: {taking: ...}"))
        return found
    for name, value in block.items():
        place = place_of(name)
        used = [key for key in value if key in VERBS] if isinstance(value, dict) else []
        if len(used) != 1:
            problems.append(Problem(place_of(value, place), f"{name}: a question uses one verb of {', '.join(VERBS)}"))
            continue
        question = validate(verb_of(value), value, problems, file)
        if question is not None:
            found[str(name)] = (place, question)
    return found


def mentions(question: Question) -> list[Text | str]:
    """Names of other questions that a question mentions."""
    names: list[Text | str] = []
    if isinstance(question, Total):
        names.append(question.from_)
    elif isinstance(question, Course):
        names.append(question.course)
    elif isinstance(question, Spacing):
        names.append(question.spacing)
    elif isinstance(question, Intake) and question.plus:
        names.append(question.plus)
    elif isinstance(question, FirstThatHolds):
        names.extend(name for condition in question.conditions() for name in questions(condition))
    for field in ("started", "ended", "taken", "onset"):
        value = getattr(question, field, None)
        for span in value if isinstance(value, tuple) else (value,):
            if isinstance(span, Span) and span.anchor != "today":
                names.append(Text(span.anchor, span.place))
    for tests in question.words.values():
        names.extend(test.to for test in tests if isinstance(test, Compare) and isinstance(test.to, str))
    return names


@dataclass(frozen=True, slots=True)
class Scope:
    """The names a rule (or the vocabulary) may use, and where each leads."""

    names: Mapping[str, str]  # name -> key
    questions: Mapping[str, Question]  # key -> question
    where: str  # for messages: the rule id or "the vocabulary"
    problems: list[Problem]
    used_words: set[tuple[str, str]]

    def key(self, name: str, place: Place) -> str | None:
        """The key of a question, or None with a problem reported."""
        found = self.names.get(name)
        if found is None:
            self.problems.append(
                Problem(place, f"'{name}' is not looked up; found here: {', '.join(sorted(self.names)) or 'nothing'}")
            )
        return found

    def link(self, condition: Condition) -> Condition:
        """The condition with keys for names and tests for words. Problems are collected, never raised."""
        if isinstance(condition, AtHook):
            return condition
        if isinstance(condition, All | AnyOf):
            return type(condition)(tuple(self.link(part) for part in condition.of))
        place = condition.place
        if self.key(condition.question, place) is None:
            return condition
        for test in condition.tests:
            if isinstance(test, Compare) and isinstance(test.to, str):
                self.key(test.to, place)
        if len(condition.tests) == 1 and isinstance(condition.tests[0], Says):
            return self._words(condition, condition.tests[0].words)
        return rename(condition, dict(self.names))

    def _words(self, ask: Ask, words: tuple[str, ...]) -> Condition:
        key = self.names[ask.question]
        question = self.questions[key]
        stored = stored_words(question)
        kept = tuple(word for word in words if word in stored)
        choices: list[Condition] = [replace(ask, question=key, tests=(Says(kept),))] if kept else []
        for word in words:
            self.used_words.add((key, word))
            if word in question.words:
                tests: tuple[Test, ...] = question.words[word]
                choices.append(rename(replace(ask, question=key, tests=tests, word=word), dict(self.names)))
            elif word in BUILT_IN_WORDS:
                choices.append(replace(ask, question=key, tests=(Is(word),)))
            elif word not in stored:
                known = [*question.words, *stored, *BUILT_IN_WORDS]
                self.problems.append(
                    Problem(ask.place, f"{ask.question}: '{word}' is not a word it knows; it knows {', '.join(known)}")
                )
        return choices[0] if len(choices) == 1 else AnyOf(tuple(choices))


def own_keys(local: Mapping[str, Mapping[str, tuple[Place, Question]]]) -> dict[str, dict[str, str]]:
    """The keys of each rule's own questions by their names: `rule/name`, or the key of an earlier rule that asks the same.

    The same: by the same name, in the same words, about the same. So each chart is asked once, however many rules ask.
    """
    asked: dict[str, list[tuple[Question, dict[str, str], str]]] = {}
    keys: dict[str, dict[str, str]] = {}

    def key_of(rule_id: str, name: str, path: tuple[str, ...] = ()) -> str:
        own = keys[rule_id]
        if name in own or name not in local[rule_id] or name in path:
            return own.get(name, name)
        question = local[rule_id][name][1]
        refs = {str(other): key_of(rule_id, str(other), (*path, name)) for other in mentions(question)}
        alike = (key for other, others, key in asked.get(name, ()) if (other, others) == (question, refs))
        own[name] = next(alike, f"{rule_id}/{name}")
        asked.setdefault(name, []).append((question, refs, own[name]))
        return own[name]

    for rule_id in local:
        keys[rule_id] = {}
        keys[rule_id] = {name: key_of(rule_id, name) for name in local[rule_id]}
    return keys


def stored_words(question: Question) -> tuple[str, ...]:
    """Words that an answer to this question itself carries."""
    if isinstance(question, FirstThatHolds):
        return tuple(str(line.word) for line in question.first_that_holds)
    return question.stores


def closure(keys: set[str], refs: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """The keys and everything they mention, however far."""
    seen: set[str] = set()
    todo = list(keys)
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo.extend(refs.get(key, {}).values())
    return frozenset(seen)


def topological(refs: Mapping[str, Mapping[str, str]], places: Mapping[str, Place], problems: list[Problem]) -> tuple[str, ...]:
    """Keys so that each stands after all it mentions; a circle is a problem."""
    done: dict[str, int] = {}
    order: list[str] = []

    def visit(key: str, path: tuple[str, ...]) -> None:
        if done.get(key) == 2:
            return
        if key in path:
            circle = " -> ".join((*path[path.index(key) :], key))
            problems.append(Problem(places.get(key, NOWHERE), f"questions go in a circle: {circle}; break it"))
            return
        for other in sorted(refs.get(key, {}).values()):
            if other in refs:
                visit(other, (*path, key))
        done[key] = 2
        order.append(key)

    for key in sorted(refs):
        visit(key, ())
    return tuple(order)


def asked_keys(conditions: tuple[Condition | None, ...]) -> tuple[str, ...]:
    """Keys that some linked conditions name, in the order written, each once."""
    return tuple(dict.fromkeys(ask.question for part in conditions if part is not None for ask in asks(part)))
