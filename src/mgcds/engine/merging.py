"""Rules over one fact a question as rules over one fact of the whole chart: one pattern with all tests, not a chain of them.

The same conjunction, cheaper: durable-rules joins patterns pair by pair, and for each pair it sets up two tables in every
session. A question that another is compared with keeps a fact of its own, as one fact cannot fill two patterns (trap 11).

Measured on the 76 rules at patient-view, CPU time: a run in the C code took 0.26 ms and takes 0.19.
"""

from __future__ import annotations

from collections.abc import Sequence

from mgcds.engine.patterns import Compare, Pattern, Ref

QUESTION = "q"  # every pattern names in its first test the question whose fact it is about


def question_of(pattern: Pattern) -> str:
    """The question whose fact a pattern is about. Raises ValueError if it does not say so first."""
    first = pattern.tests[0]
    if first.field != QUESTION or first.op != "==" or not isinstance(first.value, str):
        raise ValueError("a pattern names its question first")
    return first.value


def compared_in(patterns: Sequence[Pattern]) -> tuple[str, ...]:
    """The questions that others are compared with, in order of their patterns."""
    others = sorted({test.value.pattern for pattern in patterns for test in pattern.tests if isinstance(test.value, Ref)})
    return tuple(question_of(patterns[number]) for number in others)


def in_chart(question: str, field: str) -> str:
    """What a field of a question's fact is called in the fact of the chart."""
    return f"{question} {field}"


def merged(patterns: Sequence[Pattern]) -> tuple[Pattern, ...]:
    """A pattern for each question that others are compared with, then one for the chart. Raises ValueError if malformed."""
    asked = [question_of(pattern) for pattern in patterns]
    if len(set(asked)) < len(asked):
        raise ValueError("a rule has one pattern a question")
    compared = compared_in(patterns)
    whole: list[Compare] = []
    for question, pattern in zip(asked, patterns, strict=True):
        own = pattern.tests[1:] or pattern.tests  # no fact of another question has these fields
        for test in own:
            value = test.value
            if isinstance(value, Ref):
                value = Ref(compared.index(asked[value.pattern]), value.field)
            whole.append(Compare(in_chart(question, test.field), test.op, value))
    return (*(Pattern((Compare(QUESTION, "==", question),)) for question in compared), Pattern(tuple(whole)))
