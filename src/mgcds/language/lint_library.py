"""What is wrong with a library as a whole: policy, sources, two questions of one meaning, and what nobody uses."""

from __future__ import annotations

import re

from mgcds.language.library import Library
from mgcds.language.rule import LEVELS
from mgcds.source import Problem


def library_problems(library: Library) -> list[Problem]:
    """What is wrong with a library where no single rule or question is to blame."""
    return _policy(library) + _same_meaning(library) + _sources(library) + _unused(library)


def _policy(library: Library) -> list[Problem]:
    problems: list[Problem] = []
    policy = library.policy
    for row in policy.supersede:
        for name in (row.winner, *row.losers):
            if str(name) not in library.rules:
                problems.append(Problem(name.place, f"there is no rule '{name}'; correct the id"))
    allowed = set(library.rules) | {f"group {key}" for key in policy.groups} | {f"indicator {level}" for level in LEVELS}
    for drop in policy.suppress:
        for name in (*drop.drop, *drop.keep):
            if str(name) not in allowed:
                problems.append(Problem(name.place, f"'{name}' is no rule, group or indicator; correct it"))
    for reason in policy.override_reasons:
        if str(reason) not in library.reasons:
            problems.append(Problem(reason.place, f"'{reason}' is no override reason; add it to reasons.yaml"))
    return problems


def _same_meaning(library: Library) -> list[Problem]:
    """Two questions of the vocabulary with one meaning."""
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for key, item in library.questions.items():
        parts = [
            f"{field}={value!r}"
            for field, value in item.question
            if field not in ("title", "words", "source", "site_may_change")
        ]
        meaning = re.sub(r"place=Place\([^)]*\)", "", f"{item.question.verb} {parts}")
        if meaning in seen and ("/" not in key or "/" not in seen[meaning]):
            problems.append(Problem(item.place, f"'{item.name}' asks the same as '{seen[meaning]}'; use that"))
        seen.setdefault(meaning, key)
    return problems


def _sources(library: Library) -> list[Problem]:
    problems: list[Problem] = []
    for item in library.questions.values():
        problems += [
            Problem(key.place, f"'{key}' is no source; add it to sources.yaml")
            for key in item.question.source
            if str(key) not in library.sources
        ]
    cited = [key for table in library.tables.values() for row in table.rows for key in row.source]
    cited += [key for table in library.intervals.values() for row in table.rows for key in row.source]
    return problems + [
        Problem(key.place, f"'{key}' is no source; add it to sources.yaml") for key in cited if str(key) not in library.sources
    ]


def _unused(library: Library) -> list[Problem]:
    """Questions that no rule and no policy reaches, and words that no condition uses."""
    needed = set(library.policy_needs).union(*(rule.needs for rule in library.rules.values()), set())
    problems = [
        Problem(item.place, f"nobody uses the question '{item.name}'; remove it")
        for key, item in library.questions.items()
        if key not in needed
    ]
    return problems + [
        Problem(item.place, f"nobody uses the word '{word}' of '{item.name}'; remove it")
        for key, item in library.questions.items()
        for word in item.question.words
        if (key, word) not in library.used_words
    ]
