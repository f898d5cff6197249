"""What a library must be beyond being readable: every name known, every number backed, units that agree."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.language.library import Library, LinkedRule
from mgcds.language.lint_facts import fact_problems
from mgcds.language.lint_governance import governance
from mgcds.language.lint_library import library_problems
from mgcds.language.lint_questions import question_problems, unit_problems
from mgcds.language.lint_rules import rule_problems
from mgcds.language.when import AnyOf, Ask, Condition, Says
from mgcds.source import Problem

MOST_BRANCHES = 16


def lint(library: Library) -> list[Problem]:
    """Everything wrong with a linked library, in file order."""
    problems: list[Problem] = []
    for item in library.questions.values():
        problems += question_problems(library, item.key, item.question, item.place)
    for rule in library.rules.values():
        problems += rule_problems(library, rule)
        for condition in _conditions(rule):
            problems += unit_problems(library, condition)
            if _branch_count(condition) > MOST_BRANCHES:
                problems.append(
                    Problem(rule.model.place, f"a condition has more than {MOST_BRANCHES} branches; split the rule")
                )
    for asked in library.questions.values():
        for _, line in asked.lines:
            problems += unit_problems(library, line) if line is not None else []
    problems += library_problems(library) + governance(library) + fact_problems(library)
    return sorted(set(problems))


def _conditions(rule: LinkedRule) -> Iterator[Condition]:
    yield from rule.when
    yield from rule.unless
    yield from (line for _, line in rule.levels if line is not None)
    yield from (also.when for also in rule.also)


def _branch_count(condition: Condition) -> int:
    if isinstance(condition, Ask):
        return max((len(test.words) for test in condition.tests if isinstance(test, Says)), default=1)
    if isinstance(condition, AnyOf):
        return sum(_branch_count(part) for part in condition.of)
    count = 1
    for part in getattr(condition, "of", ()):
        count *= _branch_count(part)
    return count
