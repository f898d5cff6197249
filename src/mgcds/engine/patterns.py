"""What a durable rule and a fact are, and which of them may be sent: positive patterns, words and finite numbers.

Numbers in brackets are those of tests/unit/engine/test_durable_traps.py.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

OPERATORS = {"==": "", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}  # as durable-rules calls them

MOST_IN_RULE = 16  # patterns of one rule
MOST_CHARACTERS = 5_000  # of one word: lengths are counted modulo 65,536 bytes, and a character can take twelve


@dataclass(frozen=True, slots=True)
class Ref:
    """A field of an earlier pattern of the same rule."""

    pattern: int
    field: str


@dataclass(frozen=True, slots=True)
class Compare:
    """One test of a field: == with a word or number, or an ordering of numbers. A fact without the field fails it."""

    field: str
    op: str
    value: float | str | Ref


@dataclass(frozen=True, slots=True)
class Pattern:
    """All tests hold of one fact. Patterns of a rule take different facts (11), so merge tests on one fact into one."""

    tests: tuple[Compare, ...]


Rule = tuple[str, tuple[Pattern, ...]]
Fact = Mapping[str, float | str]


def checked(value: object, field: str) -> float | str:
    """A word or a finite float; an int becomes one. The message leaves the value out: it may be a patient's."""
    if type(value) is float and -sys.float_info.max <= value <= sys.float_info.max:  # as nearly all are; the rest costs thrice
        return value
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        return value
    if isinstance(value, float | int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return float(value)
    raise ValueError(f"{field}: neither a finite number nor a word of at most {MOST_CHARACTERS} characters")


def check_rule(name: str, patterns: tuple[Pattern, ...]) -> None:
    """Raises ValueError if a rule is malformed."""
    if not name or not 0 < len(patterns) <= MOST_IN_RULE or not all(pattern.tests for pattern in patterns):
        raise ValueError(f"rule {name!r} must have a name and 1 to {MOST_IN_RULE} patterns, each with a test")
    for position, pattern in enumerate(patterns):
        for test in pattern.tests:
            if test.op not in OPERATORS:
                raise ValueError(f"rule {name!r}: unknown operator {test.op!r}")
            if isinstance(test.value, Ref):
                if not 0 <= test.value.pattern < position:
                    raise ValueError(f"rule {name!r}: a join must point to an earlier pattern")
            elif isinstance(checked(test.value, f"rule {name!r}, {test.field}"), str) and test.op != "==":
                raise ValueError(f"rule {name!r}: words are compared with == only")
