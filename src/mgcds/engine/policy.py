"""Which of the rules that fired are shown: problem and order at hand, supersede, suppress, overrides, then the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mgcds.chart.facts import Chart
from mgcds.engine.answer import Answer
from mgcds.engine.outcome import Outcome
from mgcds.engine.referee import Verdict, evidence_of
from mgcds.engine.remember import Override, silencing
from mgcds.language.library import Library
from mgcds.language.site import ACTIVE, OFF, SHADOW

Outcomes = dict[str, Outcome]  # by rule id, in order of id


@dataclass(frozen=True, slots=True)
class Judged:
    """A chart that was judged: what the policy looks at. `suppressing`: numbers of the suppressions that hold."""

    library: Library
    chart: Chart
    answers: Mapping[str, Answer]
    verdicts: Mapping[str, Verdict]
    suppressing: set[int]


def under_policy(judged: Judged, outcomes: Mapping[str, Outcome], overrides: Sequence[Override]) -> Outcomes:
    """The outcomes that are told, rules that the site has switched off among them. Each step sees what the one before left."""
    left = dict(outcomes)
    _keep_to_problems(judged, left)
    _keep_to_orders(judged, left)
    _supersede(judged, left)
    _suppress(judged, left)
    _remember(judged, left, overrides)
    return _sited(judged, left) if judged.library.site is not None else left


def _fired(outcomes: Outcomes) -> list[tuple[str, Outcome]]:
    """The rules that would be shown so far."""
    return [(rule_id, outcome) for rule_id, outcome in outcomes.items() if outcome.state == "fired"]


def _keep_to_problems(judged: Judged, outcomes: Outcomes) -> None:
    """Where problems are put on the list, a finding must rest on one of them: the rest was there before."""
    library, chart = judged.library, judged.chart
    if chart.hook not in library.policy.problem_hooks:
        return
    added = {problem.reference for problem in chart.problems if problem.added}
    for rule_id, outcome in _fired(outcomes):
        rests_on = evidence_of(library.rules[rule_id], judged.verdicts[rule_id], judged.answers, chart.hook)
        if not added & {because.reference for _, because in rests_on}:
            outcomes[rule_id] = _unfocused(outcome, "not about the problem at hand")


def _keep_to_orders(judged: Judged, outcomes: Outcomes) -> None:
    """A rule that names triggers must rest on the order at hand, where the hook has one."""
    for rule_id, outcome in _fired(outcomes):
        if not judged.verdicts[rule_id].focused:
            outcomes[rule_id] = _unfocused(outcome, "not about the order at hand")


def _unfocused(outcome: Outcome, because: str) -> Outcome:
    return replace(outcome, state="suppressed", reason="order-focus", because=because)


def _supersede(judged: Judged, outcomes: Outcomes) -> None:
    """One card for one matter. Before the suppressions: a superseded rule stays away even where its winner is suppressed."""
    library = judged.library
    firing = {rule_id: outcome.level for rule_id, outcome in _fired(outcomes)}
    for row in library.policy.supersede:
        winner = str(row.winner)
        if winner not in firing or outcomes[winner].state != "fired":
            continue  # a rule that is itself superseded has no card to say it
        if row.level is not None and firing[winner] != row.level:
            continue
        for loser in map(str, row.losers):
            in_play = loser in firing and outcomes[loser].state == "fired"
            if in_play and not _only_in_shadow(library, winner, loser):
                outcomes[loser] = replace(
                    outcomes[loser], state="superseded", reason="superseded", by=winner, because=f"{winner} says it already"
                )


def _only_in_shadow(library: Library, winner: str, loser: str) -> bool:
    """Whether the winner is not shown and the loser is: then the winner must not take the loser's place."""
    return library.rules[winner].state == SHADOW and library.rules[loser].state != SHADOW


def _suppress(judged: Judged, outcomes: Outcomes) -> None:
    """What the policy drops for patients like this one, by rule, group or indicator."""
    for number, row in enumerate(judged.library.suppress):
        if number not in judged.suppressing:
            continue
        for rule_id, outcome in _fired(outcomes):
            names = {rule_id, f"group {judged.library.rules[rule_id].group}", f"indicator {outcome.level}"}
            if names & set(row.drop) and rule_id not in row.keep:
                outcomes[rule_id] = replace(outcome, state="suppressed", reason=row.reason, because=row.because)


def _remember(judged: Judged, outcomes: Outcomes, overrides: Sequence[Override]) -> None:
    """What was overridden lately, and is no worse now, is not shown again."""
    for rule_id, outcome in _fired(outcomes) if overrides else ():
        if outcome.level is None:
            continue
        past = silencing(overrides, rule_id, outcome.level, judged.chart.today, judged.library.policy.remember)
        if past is not None:
            because = f"overridden on {past.on.isoformat()}"
            outcomes[rule_id] = replace(outcome, state="suppressed", reason="overridden", because=because)


def _sited(judged: Judged, outcomes: Outcomes) -> Outcomes:
    """With what the site keeps in the shadow or has switched off. Comes last, so that shadow means: would be shown."""
    library, made = judged.library, {}
    for rule in library.listed_at(judged.chart.hook):
        because = str(library.site.rules[rule.id].because) if library.site and rule.state != ACTIVE else ""
        outcome = outcomes[rule.id] if rule.state != OFF else Outcome(OFF, because=because)
        shadowed = rule.state == SHADOW and outcome.state == "fired"
        made[rule.id] = replace(outcome, state=SHADOW, because=because) if shadowed else outcome
    return made
