"""The referee: a plain second evaluator that reads rules as written, in three-valued logic (yes, no, not known).

Written independently of the compiler, so that a fault in one of the two shows as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mgcds.engine.answer import Answer, Because, absent, not_known
from mgcds.engine.faults import failed_answer, say_rule_failed
from mgcds.engine.truth import Answers, holds, supporting, undecided
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
                answers = {**answers, **{key: Answer(key, known=False, why=answers[key].why) for key in open_}}
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule with its conditions by number: those that say the same have one number."""

    rule: LinkedRule
    when: tuple[int, ...]
    unless: tuple[int, ...]
    levels: tuple[int | None, ...]  # None: a level without a condition


class Truths(dict[int, bool | None]):
    """What the conditions of a hook's rules come to on some answers; each is looked at once, when a rule first asks for it.

    Ten times the rules, copies that say the same, took 1.6 ms and take 1.1.
    """

    def __init__(self, conditions: Sequence[Condition], answers: Answers, hook: str) -> None:
        super().__init__()
        self.conditions = conditions
        self.answers = answers
        self.hook = hook

    def __missing__(self, number: int) -> bool | None:
        truth = self[number] = holds(self.conditions[number], self.answers, self.hook)
        return truth


def judge(rule: LinkedRule, row: _Row, truths: Truths, has_order: bool) -> Verdict:
    """What one rule comes to. `has_order`: there is an order at hand, which a rule with triggers must be about."""
    answers, hook = truths.answers, truths.hook
    whole: bool | None = True
    for number in row.when:
        truth = truths[number]
        if truth is False:  # then the rest is not looked at: most rules end at their first condition
            return _SILENT
        whole = whole and truth
    if whole is None:
        missing = [key for condition in rule.when for key in undecided(condition, answers)]
        return Verdict(None, undecided=True, missing=_with_reasons(missing, answers))
    missing = []
    for number, condition in zip(row.unless, rule.unless, strict=True):
        truth = truths[number]
        if truth:
            return _SILENT
        if truth is None:
            missing.extend(undecided(condition, answers))
    lines: list[str] = []
    for (level, line), condition_number in zip(rule.levels, row.levels, strict=True):
        truth = True if condition_number is None else truths[condition_number]
        if truth:
            focused = not has_order or not rule.triggers or any(answers[key].focus for key in rule.triggers)
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
    defined, rows, conditions = _plan(library, hook)
    for asked in defined:
        try:
            answers[asked.key] = define(asked, answers, hook)
        except Exception as error:  # noqa: BLE001 - as for every other question
            answers[asked.key] = failed_answer(asked.key, error)
    has_order = hook in library.policy.order_hooks
    truths = Truths(conditions, answers, hook)
    verdicts = {}
    for row in rows:
        try:
            verdicts[row.rule.id] = judge(row.rule, row, truths, has_order)
        except Exception as error:  # noqa: BLE001 - a fault in one rule ends that rule, never the others
            say_rule_failed(row.rule.id, error)
            verdicts[row.rule.id] = Verdict(None, failed=True)
    return verdicts


_Plan = tuple[tuple[Asked, ...], tuple[_Row, ...], tuple[Condition, ...]]


def _plan(library: Library, hook: str) -> _Plan:
    """The definitions and rules of a hook, and the different conditions of the rules."""
    plan: _Plan | None = library.judging.get(hook)
    if plan is None:
        numbers: dict[Condition, int] = {}

        def number(condition: Condition) -> int:
            return numbers.setdefault(condition, len(numbers))

        rows = tuple(
            _Row(
                rule,
                tuple(map(number, rule.when)),
                tuple(map(number, rule.unless)),
                tuple(number(line) if line is not None else None for _, line in rule.levels),
            )
            for rule in library.rules_at(hook)
        )
        defined = tuple(asked for asked in library.questions_at(hook) if asked.lines)
        plan = library.judging[hook] = (defined, rows, tuple(numbers))
    return plan
