"""Which cases of a library end otherwise under a site file: information for the site, never a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mgcds.check.cases import CaseFile, run
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.language.site import ACTIVE, OFF, SHADOW
from mgcds.source import Problem

_STATE = {ACTIVE: "answers fewer hooks", SHADOW: "is in the shadow", OFF: "is switched off"}


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Cases that hold in the library and end otherwise at the site; what cards say of a finding is not compared.

    `listed` says each; cases of rules that the site keeps in the shadow, has switched off or does not ask at the hook of
    the case are only counted.
    """

    listed: tuple[Problem, ...]
    counted: tuple[tuple[str, int], ...]  # (rule id, number)

    @property
    def total(self) -> int:
        """How many cases these are."""
        return len(self.listed) + sum(number for _, number in self.counted)


def otherwise(files: Sequence[CaseFile], library: Engine, site: Engine) -> Otherwise:
    """Runs every case twice, with the library as it is and with what the site has made of it."""
    listed: list[Problem] = []
    counted: Counter[str] = Counter()
    for file in files:
        rule = site.library.rules.get(file.about)
        for case in file.cases:
            if run(case, file, library, texts=False):
                continue  # already wrong in the library: `test` says so
            if (problem := run(case, file, site, texts=False)) is not None:
                if rule is not None and (rule.state != ACTIVE or case.at not in rule.model.hooks):
                    counted[rule.id] += 1
                else:
                    listed.append(problem)
    return Otherwise(tuple(sorted(listed)), tuple(sorted(counted.items())))


def told(library: Library, found: Otherwise, cases: int) -> list[str]:
    """What a site file comes to, line by line."""
    assert library.site is not None
    site = library.site
    lines = [f"{site.name} changes {_count(len(site.changed), 'limit')} and {_count(len(site.rules), 'rule')}"]
    lines += [f"  {one.question}: {one.part} is {one.now} (in the library: {one.was})" for one in site.changed]
    for rule_id, change in site.rules.items():
        hooks = f" at {', '.join(change.hooks)} only" if change.hooks else ""
        lines.append(f"  {rule_id}: {change.state}{hooks}")
    if site.left_out:
        lines.append("Left out of cards, because the numbers are no longer true here:")
        lines += [f"  {rule_id}: {sentence}" for rule_id, sentence in site.left_out]
    lines.append(f"{found.total} of {_count(cases, 'case')} of the library end otherwise here" + (":" if found.total else ""))
    for rule_id, number in found.counted:
        lines.append(f"  {rule_id} {_STATE[library.rules[rule_id].state]}: {_count(number, 'case')}")
    return lines + [f"  {problem}" for problem in found.listed]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
