"""Whether a condition holds of some answers, in three-valued logic: yes, no, not known. And what it leaned on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from mgcds.engine.answer import Answer
from mgcds.language.literals import Number
from mgcds.language.when import (
    ABSENT,
    IN_FOCUS,
    PRESENT,
    All,
    Ask,
    AtHook,
    Compare,
    Condition,
    Is,
    NoneWithin,
    Says,
    Taken,
    Test,
    asks,
)  # fmt: skip

Answers = Mapping[str, Answer]
_COMPARE = {"below": operator.lt, "at_most": operator.le, "above": operator.gt, "at_least": operator.ge}


def holds(condition: Condition, answers: Answers, hook: str, *, perhaps: bool = False) -> bool | None:
    """True, False, or None where the data to decide were not supplied.

    `perhaps`: true also where a number of which only limits are known may lie so.
    """
    if isinstance(condition, Ask):
        answer = answers[condition.question]
        if not answer.known:
            return None
        whole: bool | None = True
        for test in condition.tests:
            truth = _TESTS[type(test)](test, answer, answers, perhaps)
            if truth is False:
                return False
            whole = whole and truth
        return whole
    if isinstance(condition, AtHook):
        return hook in condition.hooks
    if isinstance(condition, All):
        return hold_all(condition.of, answers, hook, perhaps=perhaps)
    whole = False
    for part in condition.of:
        truth = holds(part, answers, hook, perhaps=perhaps)
        if truth:
            return True
        if truth is None:
            whole = None
    return whole


def hold_all(conditions: Iterable[Condition], answers: Answers, hook: str, *, perhaps: bool = False) -> bool | None:
    """No if one says no, and then the rest is not looked at: most rules end at their first condition."""
    whole: bool | None = True
    for condition in conditions:
        truth = holds(condition, answers, hook, perhaps=perhaps)
        if truth is False:
            return False
        whole = whole and truth
    return whole


def _is(test: Is, answer: Answer, *_: object) -> bool:
    if test.word == ABSENT:
        return not answer.present
    return answer.present and (test.word == PRESENT or (answer.focus if test.word == IN_FOCUS else answer.drafted))


def _says(test: Says, answer: Answer, *_: object) -> bool:
    return answer.word in test.words


def _taken(test: Taken, answer: Answer, *_: object) -> bool:
    if answer.oldest is None or answer.youngest is None:
        return False
    return answer.youngest >= test.span.least and (test.span.most is None or answer.oldest <= test.span.most)


def _none_within(test: NoneWithin, answer: Answer, *_: object) -> bool:
    return answer.oldest is None or answer.oldest > test.days.count


def _compare(test: Compare, answer: Answer, answers: Answers, perhaps: bool) -> bool | None:
    if isinstance(test.to, Number):
        low: Decimal | None = test.to.value
        high = low
    else:
        other = answers[test.to]
        if not other.known:
            return None
        low, high = other.value, other.top
    value, top = answer.value, answer.top
    if value is None or top is None or low is None or high is None:
        return False
    # A partial birth date leaves two values, a result such as <15 a whole stretch: it is decided only if both ends agree.
    compare = _COMPARE[test.test]
    if test.test in ("below", "at_most"):
        surely, maybe = compare(top, low), compare(value, high)
    else:
        surely, maybe = compare(value, high), compare(top, low)
    return True if surely or (perhaps and maybe) else None if maybe else False


# Each test of an answer that is known.
_TESTS: dict[type[Test], Callable[[Any, Answer, Answers, bool], bool | None]] = {
    Is: _is, Says: _says, Compare: _compare, Taken: _taken, NoneWithin: _none_within,
}  # fmt: skip


def undecided(condition: Condition, answers: Answers) -> list[str]:
    """Keys of the questions that leave a condition undecided."""
    keys = []
    for ask in asks(condition):
        answer = answers[ask.question]
        for test in ask.tests:
            if not answer.known:
                keys.append(ask.question)
            elif _TESTS[type(test)](test, answer, answers, False) is None:
                own = isinstance(test, Compare) and isinstance(test.to, str)
                keys.append(str(test.to) if own and isinstance(test, Compare) else ask.question)
    return list(dict.fromkeys(keys))


def supporting(condition: Condition, answers: Answers, hook: str) -> list[str]:
    """Keys of the questions whose answers make a condition true."""
    if isinstance(condition, AtHook):
        return []
    if isinstance(condition, Ask):
        return [condition.question] if holds(condition, answers, hook) else []
    return [key for part in condition.of if holds(part, answers, hook) for key in supporting(part, answers, hook)]
