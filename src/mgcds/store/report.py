"""What became of the cards, per rule: shown, accepted, overridden and why, ignored, shown again to the same patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select

from mgcds.store.memory import ACCEPTED, OVERRIDDEN
from mgcds.store.records import records
from mgcds.store.tables import card, feedback, finding
from mgcds.store.transactions import reading

IGNORED_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True)
class RuleNumbers:
    """Cards with a finding of one rule. A card that was accepted and overridden later counts as both.

    `waiting`: without feedback, and too young to be called ignored. `repeats`: shown to a patient who had been shown it.
    """

    rule: str
    shown: int = 0
    accepted: int = 0
    overridden: int = 0
    ignored: int = 0
    waiting: int = 0
    repeats: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def repeat_rate(self) -> float:
        """The share of showings that were repeats, 0 to 1."""
        return self.repeats / self.shown if self.shown else 0.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the decision records say: how many evaluations, how often each rule ended how, and how long it took.

    `states` by rule: an end state, with its reason where it has one (suppressed: overridden). Milliseconds are None where
    there are no records.
    """

    evaluations: int
    states: Mapping[str, Mapping[str, int]]
    median_ms: float | None
    ms_of_95_percent: float | None


def numbers(
    engine: Engine, *, now: datetime, since: datetime | None = None, ignored_after: int = IGNORED_AFTER_DAYS
) -> tuple[RuleNumbers, ...]:
    """The numbers of every rule that was shown, by rule id; of cards last shown at `since` or later. Raises StoreError."""
    lately: list[ColumnElement[bool]] = [] if since is None else [card.c.shown_at >= since]
    unanswered = ~exists().where(feedback.c.card_id == card.c.id)
    young = card.c.shown_at >= now - timedelta(days=ignored_after)
    with reading(engine) as connection:
        shown = _counted(connection, func.count(), *lately)
        patients = _counted(connection, func.count(func.distinct(card.c.patient)), *lately)
        ignored = _counted(connection, func.count(), *lately, unanswered, ~young)
        waiting = _counted(connection, func.count(), *lately, unanswered, young)
        done, reasons = _answers(connection, lately)
    return tuple(
        RuleNumbers(
            rule, number, done[rule, ACCEPTED], done[rule, OVERRIDDEN], ignored[rule], waiting[rule],
            number - patients[rule], dict(sorted(reasons.get(rule, Counter()).items())),
        )
        for rule, number in sorted(shown.items())
    )  # fmt: skip


def evaluated(engine: Engine, *, since: datetime | None = None) -> Evaluated:
    """What the decision records say since a moment; reads each of them. Raises StoreError."""
    states: dict[str, Counter[str]] = {}
    took: list[float] = []
    for _, decision in records(engine, since=since):
        took.append(decision.content["ms"])
        for rule, end in decision.content["rules"].items():
            state = f"{end['state']}: {end['reason']}" if end.get("reason", end["state"]) != end["state"] else end["state"]
            states.setdefault(rule, Counter())[state] += 1
    took.sort()
    return Evaluated(
        len(took),
        {rule: dict(sorted(ends.items())) for rule, ends in sorted(states.items())},
        took[len(took) // 2] if took else None,
        took[min(len(took) - 1, len(took) * 95 // 100)] if took else None,
    )


def _counted(connection: Connection, number: ColumnElement[int], *conditions: ColumnElement[bool]) -> Counter[str]:
    """A number by rule."""
    asked = select(finding.c.rule, number).join_from(card, finding).where(*conditions).group_by(finding.c.rule)
    return Counter({rule: int(found) for rule, found in connection.execute(asked)})


def _answers(
    connection: Connection, lately: list[ColumnElement[bool]]
) -> tuple[Counter[tuple[str, str]], dict[str, Counter[str]]]:
    """Cards by (rule, outcome), and overridden cards by rule and reason; each card once, however often it was answered."""
    asked = (
        select(finding.c.rule, card.c.id, feedback.c.outcome, feedback.c.reasons)
        .join_from(feedback, card, card.c.id == feedback.c.card_id)
        .join(finding, finding.c.card_id == card.c.id)
        .where(*lately)
    )
    done: set[tuple[str, str, str]] = set()
    why: set[tuple[str, str, str]] = set()
    for rule, card_id, outcome, reasons in connection.execute(asked):
        done.add((rule, outcome, card_id))
        why |= {(rule, reason, card_id) for reason in reasons if outcome == OVERRIDDEN}
    by_rule: dict[str, Counter[str]] = {}
    for rule, reason, _ in why:
        by_rule.setdefault(rule, Counter())[reason] += 1
    return Counter((rule, outcome) for rule, outcome, _ in done), by_rule
