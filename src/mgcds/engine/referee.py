"""The referee: a plain second evaluator that reads rules as written, in three-valued logic (yes, no, not known).

Written independently of the compiler, so that a fault in one of the two shows as a difference.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.faults import failed_answer, say_rule_failed
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.literals import Number
from mgcds.language.when import All, Ask, AtHook, Compare, Condition, Is, NoneWithin, Says, Taken, Test, asks

Answers = Mapping[str, Answer]
_COMPARE = {"below": operator.lt, "at_most": operator.le, "above": operator.gt, "at_least": operator.ge}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule comes to before the policy: `level` None when it does not hold.

    `missing`: keys of questions that could not be decided on the way. `undecided`: no line said no, but some could not
    be decided. `line`: the level line that held, for the explanation. `failed`: a fault of ours stopped the judge.
    """

    level: str | None
    undecided: bool = False
    missing: tuple[str, ...] = ()
    focused: bool = True
    line: Condition | None = None
    failed: bool = False


_SILENT = Verdict(None)


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
            truth = _test(test, answer, answers, perhaps=perhaps)
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


def _test(test: Test, answer: Answer, answers: Answers, *, perhaps: bool = False) -> bool | None:
    if not answer.known:
        return None
    if isinstance(test, Is):
        if test.word == "absent":
            return not answer.present
        return answer.present and (test.word == "present" or (answer.focus if test.word == "in focus" else answer.drafted))
    if isinstance(test, Says):
        return answer.word in test.words
    if isinstance(test, Compare):
        return _compare(test, answer, answers, perhaps)
    if isinstance(test, Taken):
        if answer.oldest is None or answer.youngest is None:
            return False
        return answer.youngest >= test.span.least and (test.span.most is None or answer.oldest <= test.span.most)
    assert isinstance(test, NoneWithin)
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


def define(asked: Asked, answers: Answers, hook: str) -> Answer:
    """The answer to a `first_that_holds` question: the word of the first line that holds.

    Lines lean on those above them: "below 60" after "below 30" means 30 to 59. So where a line might hold of a number of which
    only limits are known, the lines after it may not look at that number: <60 is not 30 to 59.
    """
    passed: list[str] = []
    for word, condition in asked.lines:
        truth = True if condition is None else holds(condition, answers, hook)
        if truth is None and condition is not None:
            passed.extend(undecided(condition, answers))
            if holds(condition, answers, hook, perhaps=True):
                open_ = {ask.question for ask in asks(condition) if not answers[ask.question].is_exact}
                answers = {**answers, **{key: not_known(key, answers[key].why) for key in open_}}
        if truth:
            used = () if condition is None else supporting(condition, answers, hook)
            because = tuple(dict.fromkeys(part for key in used for part in answers[key].because))
            why = "; ".join(f"{key}: {answers[key].why}" for key in used) or "none of the lines above it holds"
            names = tuple(dict.fromkeys(name for key in used for name in answers[key].names))
            focus = any(answers[key].focus for key in used)
            return Answer(
                asked.key,
                True,
                True,
                word=word,
                names=names,
                because=because,
                focus=focus,
                missing=tuple(dict.fromkeys(passed)),
                why=f"{word} ({why})",
            )
    if passed:
        return not_known(asked.key, "no line holds and some could not be decided", missing=tuple(dict.fromkeys(passed)))
    return absent(asked.key, "no line holds")


def undecided(condition: Condition, answers: Answers) -> list[str]:
    """Keys of the questions that leave a condition undecided."""
    keys = []
    for ask in asks(condition):
        for test in ask.tests:
            if _test(test, answers[ask.question], answers) is None:
                own = answers[ask.question].known and isinstance(test, Compare) and isinstance(test.to, str)
                keys.append(str(test.to) if own and isinstance(test, Compare) else ask.question)
    return list(dict.fromkeys(keys))


def supporting(condition: Condition, answers: Answers, hook: str) -> list[str]:
    """Keys of the questions whose answers make a condition true."""
    if isinstance(condition, AtHook):
        return []
    if isinstance(condition, Ask):
        return [condition.question] if holds(condition, answers, hook) else []
    return [key for part in condition.of if holds(part, answers, hook) for key in supporting(part, answers, hook)]


def judge(rule: LinkedRule, answers: Answers, hook: str, order_hooks: tuple[str, ...]) -> Verdict:
    """What one rule comes to."""
    whole = hold_all(rule.when, answers, hook)
    if whole is False:
        return _SILENT
    missing = [key for condition in rule.when for key in undecided(condition, answers)] if whole is None else []
    if missing:
        return Verdict(None, undecided=True, missing=_with_reasons(missing, answers))
    for condition in rule.unless:
        truth = holds(condition, answers, hook)
        if truth:
            return Verdict(None)
        if truth is None:
            missing.extend(undecided(condition, answers))
    lines: list[str] = []
    for level, line in rule.levels:
        truth = True if line is None else holds(line, answers, hook)
        if truth:
            focused = hook not in order_hooks or not rule.triggers or any(answers[key].focus for key in rule.triggers)
            used = (*rule.when, *((line,) if line is not None else ()))
            leaned_on = [key for part in used for key in supporting(part, answers, hook)]
            passed = [key for name in leaned_on for key in answers[name].missing]
            return Verdict(level, missing=_with_reasons([*missing, *lines, *passed], answers), focused=focused, line=line)
        if truth is None and line is not None:
            lines.extend(undecided(line, answers))
    return Verdict(None, undecided=bool(lines), missing=_with_reasons(lines, answers))


def _with_reasons(keys: list[str], answers: Answers) -> tuple[str, ...]:
    """The keys, and what in turn left a `first_that_holds` undecided."""
    return tuple(dict.fromkeys(key for name in keys for key in (name, *answers[name].missing)))


def evidence_of(rule: LinkedRule, verdict: Verdict, answers: Answers, hook: str) -> tuple[tuple[str, Because], ...]:
    """(key, data) of every answer that made a rule hold, in the order in which the rule names them."""
    conditions = (*rule.when, *((verdict.line,) if verdict.line is not None else ()))
    keys = [key for condition in conditions for key in supporting(condition, answers, hook)]
    return tuple(dict.fromkeys((key, because) for key in (*keys, *rule.triggers) for because in answers[key].because))


def referee(library: Library, answers: dict[str, Answer], hook: str) -> dict[str, Verdict]:
    """Every rule of a hook; `answers` is completed with the words of `first_that_holds`."""
    for asked in library.questions_at(hook):
        if asked.lines:
            try:
                answers[asked.key] = define(asked, answers, hook)
            except Exception as error:  # noqa: BLE001 - as for every other question
                answers[asked.key] = failed_answer(asked.key, error)
    hooks = tuple(library.policy.order_hooks)
    verdicts = {}
    for rule in library.rules_at(hook):
        try:
            verdicts[rule.id] = judge(rule, answers, hook, hooks)
        except Exception as error:  # noqa: BLE001 - a fault in one rule ends that rule, never the others
            say_rule_failed(rule.id, error)
            verdicts[rule.id] = Verdict(None, failed=True)
    return verdicts
