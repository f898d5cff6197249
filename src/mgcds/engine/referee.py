"""The referee: a plain second evaluator that reads rules as written, in three-valued logic (yes, no, not known).

Written independently of the compiler, so that a fault in one of the two shows as a difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.faults import failed_answer, say_rule_failed
from mgcds.engine.truth import Answers, hold_all, holds, supporting, undecided
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.when import Condition, asks


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
