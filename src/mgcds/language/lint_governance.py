"""What a library must say of its upkeep: days that follow each other, second readers, nothing that hangs on the retired."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.language.governance import says_nothing
from mgcds.language.library import Library
from mgcds.language.rule import Rule
from mgcds.source import Problem, place_of


def governance(library: Library) -> list[Problem]:
    """Everything wrong with the stewardship of rules and with governance.yaml."""
    problems = [problem for rule in library.rules.values() for problem in _stewardship(rule.model)]
    problems += _retired(library)
    concepts = library.terminology.concepts
    return problems + [
        Problem(name.place, f"'{name}' is no concept; add it under concepts/, or correct the name")
        for names in library.governance.data.values()
        for name in names
        if str(name) not in concepts
    ]


def _stewardship(rule: Rule) -> Iterator[Problem]:
    kept = rule.stewardship
    if says_nothing(kept.owner):
        yield Problem(
            place_of(kept.owner, rule.place), f"owner: '{kept.owner}' is nobody; name the team that answers for the rule"
        )
    if kept.first_released > kept.reviewed:
        yield Problem(kept.first_released.place, "released must not come after reviewed; it is the day of the first version")
    if kept.review_by <= kept.reviewed:
        yield Problem(kept.review_by.place, "review_by must come after reviewed; choose a later day")
    if kept.status == "active" and (kept.second_reader is None or says_nothing(kept.second_reader)):
        yield Problem(rule.place, "an active rule needs a second_reader; name who signed it off, or set status: draft")
    if kept.second_reader is not None and kept.second_reader.strip().lower() == kept.owner.strip().lower():
        yield Problem(
            kept.second_reader.place, f"second_reader: '{kept.second_reader}' is the owner; somebody else must read it"
        )


def _retired(library: Library) -> Iterator[Problem]:
    """A retired rule that the policy still counts on: it never fires, so the row would be dead without a word."""
    policy = library.policy
    rows = [name for row in policy.supersede for name in (row.winner, *row.losers)]
    rows += [name for row in policy.suppress for name in (*row.drop, *row.keep)]
    for name in rows:
        rule = library.rules.get(str(name))
        if rule is not None and rule.model.is_retired:
            yield Problem(name.place, f"'{name}' is retired and never fires; take it out of this row")
    used = library.policy_needs.union(*(rule.needs for rule in library.rules_in_use()))
    for rule in library.rules.values():
        for key in sorted(rule.needs - used) if rule.model.is_retired else ():
            if "/" not in key:  # a question that is never asked cannot be tried by the cases of the vocabulary
                message = f"only the retired rule {rule.id} asks '{key}'; move the question into that rule, under find"
                yield Problem(library.questions[key].place, message)
