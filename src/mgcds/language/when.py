"""Conditions: what `when`, `unless`, `level` and the lines of `first_that_holds` may say.

There are no expressions and no negation: "not known" is neither yes nor no, so a rule says what must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

from mgcds.language.durations import Days, Span, as_days, as_span
from mgcds.language.literals import Number, as_names, as_number, as_text, wrong
from mgcds.language.reading import ReadBy
from mgcds.source import NOWHERE, Place, Text, place_of

COMPARISONS = {"below": "<", "at_most": "<=", "above": ">", "at_least": ">="}
TESTS = (*COMPARISONS, "taken", "none_within")
PRESENT, ABSENT, IN_FOCUS, DRAFTED = "present", "absent", "in focus", "drafted"
BUILT_IN_WORDS = (PRESENT, ABSENT, IN_FOCUS, DRAFTED)


@dataclass(frozen=True, slots=True)
class Is:
    """The answer is present, absent, in focus or drafted."""

    word: str


@dataclass(frozen=True, slots=True)
class Says:
    """The answer carries one of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """The answer's number against a number, or against the number of another question."""

    test: str  # a key of COMPARISONS
    to: Number | str


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer's date lies in a span counted from today."""

    span: Span


@dataclass(frozen=True, slots=True)
class NoneWithin:
    """Data were supplied, and nothing is that young."""

    days: Days


Test = Is | Says | Compare | Taken | NoneWithin


@dataclass(frozen=True, slots=True)
class Ask:
    """Every test holds of the answer to one question."""

    question: str
    tests: tuple[Test, ...]
    place: Place = field(default=NOWHERE, compare=False)
    word: str = ""  # the vocabulary's word these tests came from, for explaining


@dataclass(frozen=True, slots=True)
class AtHook:
    """The hook called is one of these."""

    hooks: tuple[str, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """All of these hold."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these holds."""

    of: tuple[Condition, ...]


Condition = Ask | AtHook | All | AnyOf


def parse(value: Any) -> Condition:
    """One condition as written. Raises PydanticCustomError with the place."""
    if not isinstance(value, dict) or not value:
        raise wrong("a condition names a question and what must hold of it, like serum_mg: low", place_of(value))
    parts = [_line(key, item) for key, item in value.items()]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def parse_tests(value: Any) -> tuple[Test, ...]:
    """The tests of one answer: {taken: within 90 days, below: 1.70 mg/dL}."""
    if not isinstance(value, dict) or not value:
        raise wrong(f"write tests here: {', '.join(TESTS)}", place_of(value))
    return tuple(_test(as_text(key), item) for key, item in value.items())


def _line(key: Any, value: Any) -> Condition:
    name = as_text(key)
    if name in ("any", "all"):
        if not isinstance(value, list) or not value:
            raise wrong(f"{name}: give a list of conditions", place_of(value, name.place))
        parts = tuple(parse(item) for item in value)
        return AnyOf(parts) if name == "any" else All(parts)
    if name == "at":
        return AtHook(tuple(str(hook) for hook in as_names(value)), name.place)
    if isinstance(value, dict):
        return Ask(str(name), parse_tests(value), name.place)
    words = as_names(value)
    if len(words) == 1 and words[0] in BUILT_IN_WORDS:
        return Ask(str(name), (Is(str(words[0])),), name.place)
    return Ask(str(name), (Says(tuple(str(word) for word in words)),), place_of(words[0], name.place))


def _test(name: Text, value: Any) -> Test:
    try:
        if name in COMPARISONS:
            return Compare(str(name), _number_or_question(value))
        if name == "taken":
            return Taken(as_span(value))
        if name == "none_within":
            return NoneWithin(as_days(value))
    except PydanticCustomError as error:
        context = dict(error.context or {})
        raise wrong(f"{name}: {context['message']}", context.get("place", name.place)) from None
    raise wrong(f"'{name}' is not a word this block knows; it knows {', '.join(TESTS)}", name.place)


def _number_or_question(value: Any) -> Number | str:
    text = as_text(value)
    return str(text) if re.fullmatch(r"[a-z][a-z0-9_]*", text) else as_number(text)


def asks(condition: Condition) -> Iterator[Ask]:
    """Every question asked in a condition, in order."""
    if isinstance(condition, Ask):
        yield condition
    elif isinstance(condition, All | AnyOf):
        for part in condition.of:
            yield from asks(part)


def questions(condition: Condition) -> Iterator[str]:
    """The names of all questions a condition needs, those compared with included."""
    for ask in asks(condition):
        yield ask.question
        yield from (test.to for test in ask.tests if isinstance(test, Compare) and isinstance(test.to, str))


def numbers(tests: tuple[Test, ...]) -> Iterator[tuple[str, Number | Span | Days]]:
    """Every literal number of some tests, with the name of its test."""
    for test in tests:
        if isinstance(test, Compare) and isinstance(test.to, Number):
            yield test.test, test.to
        elif isinstance(test, Taken):
            yield "taken", test.span
        elif isinstance(test, NoneWithin):
            yield "none_within", test.days


def rename(condition: Condition, names: dict[str, str]) -> Condition:
    """The same condition with questions renamed."""
    if isinstance(condition, Ask):
        tests = tuple(
            Compare(test.test, names.get(test.to, test.to)) if isinstance(test, Compare) and isinstance(test.to, str) else test
            for test in condition.tests
        )
        return replace(condition, question=names.get(condition.question, condition.question), tests=tests)
    if isinstance(condition, AtHook):
        return condition
    return type(condition)(tuple(rename(part, names) for part in condition.of))


_SCHEMA = WithJsonSchema({"type": "object", "minProperties": 1, "description": "a condition, like {serum_mg: low}"})
ConditionField = Annotated[Condition, ReadBy(parse), _SCHEMA]
TestsField = Annotated[tuple[Test, ...], ReadBy(parse_tests), _SCHEMA]
