"""Compiles conditions to positive conjunctions of patterns over flat facts, one fact a question.

durable-rules only ever sees conjunctions: branches are expanded, tests on one answer are merged into one pattern, and
absence is a value of the answer's own fact, so nothing is ever negated.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mgcds.engine.answer import Answer
from mgcds.engine.patterns import Compare as Field
from mgcds.engine.patterns import Pattern, Ref, Rule
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.literals import Number
from mgcds.language.when import COMPARISONS, All, Ask, AtHook, Compare, Condition, Is, NoneWithin, Says, Taken, Test

HOOK = "@hook"
NEVER = 1_000_000.0  # the age in days of a result that does not exist
MOST_BRANCHES = 16

# One branch: question -> tests on its fact, and questions it must be compared with: (mine, field, operator, other, field).
Tests = dict[str, list[Field]]
Join = tuple[str, str, str, str, str]
Branch = tuple[Tests, tuple[Join, ...]]

_IS: dict[str, tuple[Field, ...]] = {
    "present": (Field("present", "==", 1.0),),
    "absent": (Field("present", "==", 0.0),),
    "in focus": (Field("present", "==", 1.0), Field("focus", "==", 1.0)),
    "drafted": (Field("present", "==", 1.0), Field("drafted", "==", 1.0)),
}


def branches(condition: Condition, *, perhaps: bool = False) -> list[Branch]:
    """The condition as alternatives, each a conjunction; `perhaps`: as it may hold of a number known only within limits."""
    if isinstance(condition, AtHook):
        return [({HOOK: [Field("word", "==", hook)]}, ()) for hook in condition.hooks]
    if isinstance(condition, Ask):
        return _join_all([_test(condition.question, test, perhaps) for test in condition.tests])
    parts = [branches(part, perhaps=perhaps) for part in condition.of]
    return _join_all(parts) if isinstance(condition, All) else [branch for part in parts for branch in part]


def conjunction(conditions: Sequence[Condition], *, perhaps: bool = False) -> list[Branch]:
    """Several conditions that must all hold."""
    return _join_all([branches(condition, perhaps=perhaps) for condition in conditions])


def _join_all(parts: list[list[Branch]]) -> list[Branch]:
    joined: list[Branch] = []
    for combination in product(*parts):
        tests: Tests = {}
        joins: tuple[Join, ...] = ()
        for more, others in combination:
            for question, fields in more.items():
                kept = tests.setdefault(question, [])
                kept.extend(field for field in fields if field not in kept)
            joins += tuple(join for join in others if join not in joins)
        joined.append((tests, joins))
    return joined


def _test(question: str, test: Test, perhaps: bool) -> list[Branch]:
    known = Field("known", "==", 1.0)

    def one(*fields: Field) -> Branch:
        return ({question: [known, *fields]}, ())

    if isinstance(test, Is):
        return [one(*_IS[test.word])]
    if isinstance(test, Says):
        return [one(Field("word", "==", word)) for word in test.words]
    if isinstance(test, Taken):
        fields = [Field("youngest", ">=", float(test.span.least))]
        if test.span.most is not None:
            fields.append(Field("oldest", "<=", float(test.span.most)))
        return [one(Field("dated", "==", 1.0), *fields)]
    if isinstance(test, NoneWithin):
        return [one(Field("oldest", ">", float(test.days.count)))]
    assert isinstance(test, Compare)
    operator = COMPARISONS[test.test]
    # With several possible values (a partial birth date, a result such as <15) all must pass: the lower of "at least", the
    # upper of "below"; perhaps it holds where the other end passes.
    mine, theirs = ("value", "high") if (operator in (">", ">=")) != perhaps else ("high", "value")
    has = Field("has", "==", 1.0)
    if isinstance(test.to, Number):
        return [one(has, Field(mine, operator, float(test.to.value)))]
    return [({test.to: [known, has], question: [known, has]}, ((question, mine, operator, test.to, theirs),))]


def patterns(branch: Branch) -> tuple[Pattern, ...]:
    """One pattern a question; a question that others are compared with stands before them."""
    tests, joins = branch
    order = sorted(tests, key=lambda question: (_depth(question, joins), question))
    index = {question: position for position, question in enumerate(order)}
    made = []
    for question in order:
        fields = [Field("q", "==", question), *tests[question]]
        fields += [
            Field(mine, operator, Ref(index[other], theirs))
            for asked, mine, operator, other, theirs in joins
            if asked == question
        ]
        made.append(Pattern(tuple(fields)))
    return tuple(made)


def _depth(question: str, joins: tuple[Join, ...]) -> int:
    return 1 + max((_depth(other, joins) for asked, _, _, other, _ in joins if asked == question), default=-1)


def compile_conditions(name: str, conditions: Sequence[Condition], *, perhaps: bool = False) -> list[Rule]:
    """Durable rules `<name>|<branch>`, one a branch."""
    found = conjunction(conditions, perhaps=perhaps)
    return [(f"{name}|{number}", patterns(branch)) for number, branch in enumerate(found)]


def compile_rule(rule: LinkedRule, *, with_focus: bool) -> list[Rule]:
    """`id|when|b`, `id|unless n|b`, `id|level|b` and, where the hook is about orders, `id|focus n|b`."""
    made = compile_conditions(f"{rule.id}|when", rule.when)
    for number, condition in enumerate(rule.unless):
        made += compile_conditions(f"{rule.id}|unless {number}", [condition])
    for level, line in rule.levels:
        if line is not None:
            made += compile_conditions(f"{rule.id}|{level}", [line])
    for number, key in enumerate(rule.triggers if with_focus else ()):
        focused = Pattern((Field("q", "==", key), Field("focus", "==", 1.0)))
        made.append((f"{rule.id}|focus {number}|0", (focused,)))
    return made


def compile_definitions(library: Library, hook: str, *, perhaps: bool = False) -> list[tuple[list[Asked], list[Rule]]]:
    """`first_that_holds` questions and their durable rules, in layers: each layer's words are facts for the next.

    `perhaps`: the rules say which lines may hold of a number that is known only within limits.
    """
    depth: dict[str, int] = {}
    layers: list[tuple[list[Asked], list[Rule]]] = []
    for asked in library.questions_at(hook):
        if not asked.lines:
            continue
        level = 1 + max((depth.get(key, -1) for key in asked.refs.values()), default=-1)
        depth[asked.key] = level
        while len(layers) <= level:
            layers.append(([], []))
        layers[level][0].append(asked)
        for number, (_, condition) in enumerate(asked.lines):
            if condition is not None:
                layers[level][1].extend(compile_conditions(f"{asked.key}|{number}", [condition], perhaps=perhaps))
    return layers


def fact_of(answer: Answer) -> dict[str, float | str]:
    """The flat fact of one answer: floats and words only, every field always there."""
    value = float(answer.value) if answer.value is not None else 0.0
    return {
        "q": answer.key,
        "known": float(answer.known),
        "present": float(answer.present),
        "has": float(answer.value is not None),
        "value": value,
        "high": float(answer.high) if answer.high is not None else value,
        "oldest": float(answer.oldest) if answer.oldest is not None else NEVER,
        "youngest": float(answer.youngest) if answer.youngest is not None else NEVER,
        "dated": float(answer.oldest is not None),
        "drafted": float(answer.drafted),
        "focus": float(answer.focus),
        "word": answer.word,
    }
