"""What a rule comes to: its end state, and a finding where it fired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mgcds.engine.answer import Answer, Because
from mgcds.engine.referee import Verdict, evidence_of
from mgcds.language.library import Library, LinkedRule
from mgcds.language.rule import LEVELS


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that held, at which level, because of which answers."""

    rule: LinkedRule
    level: str
    because: tuple[tuple[str, Because], ...]  # (question name, data)
    missing: tuple[str, ...]  # question names that could not be decided
    interruptive: bool

    @property
    def rank(self) -> tuple[int, int, str]:
        """Most severe first, then priority, then rule id."""
        return LEVELS.index(self.level), self.rule.priority, self.rule.id


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end state of one rule: fired, not-fired, superseded, suppressed, not-evaluable, shadow, off or error.

    Shadow: it would have been shown at `level`, had the site not moved it into the shadow.
    """

    state: str
    level: str | None = None
    reason: str = ""
    by: str = ""
    because: str = ""  # in words, for explaining
    missing: tuple[str, ...] = ()


_NOT_FIRED = Outcome("not-fired")


def by_itself(verdict: Verdict) -> Outcome:
    """What a verdict means before the policy has been asked."""
    if verdict.level is not None:
        return Outcome("fired", verdict.level, missing=verdict.missing)
    if verdict.undecided:
        return Outcome("not-evaluable", reason="data-missing", missing=verdict.missing)
    return _NOT_FIRED


def finding_of(library: Library, rule: LinkedRule, verdict: Verdict, answers: Mapping[str, Answer], hook: str) -> Finding:
    """A rule that held, with what it rests on."""
    assert verdict.level is not None
    because = tuple((library.questions[key].name, part) for key, part in evidence_of(rule, verdict, answers, hook))
    missing = tuple(dict.fromkeys(library.questions[key].name for key in verdict.missing))
    return Finding(rule, verdict.level, because, missing, library.policy.interrupts(verdict.level, hook))
