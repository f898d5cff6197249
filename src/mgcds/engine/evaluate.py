"""Chart and library to findings: ask, run both engines, compare, then apply the policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from mgcds.chart.facts import Chart, Note
from mgcds.engine.answer import Answer, Because
from mgcds.engine.answers import answer_all
from mgcds.engine.referee import Verdict, evidence_of, holds, referee
from mgcds.engine.remember import Override, silencing
from mgcds.engine.session import Ruling, Session
from mgcds.language.library import Library, LinkedRule
from mgcds.language.rule import LEVELS
from mgcds.language.site import ACTIVE, OFF, SHADOW

log = structlog.get_logger(__name__)
# Of one chart, for its questions; 4.9 MB took 0.01 s. A chart that is made to be slow costs rules, not the service. Not a wait:
# it counts what this thread computed, so a busy machine changes no answer.
MOST_CPU_SECONDS = 2.0


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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything one request came to. `findings` are in their final order."""

    chart: Chart
    library: Library
    answers: Mapping[str, Answer]
    outcomes: Mapping[str, Outcome]
    findings: tuple[Finding, ...]
    notes: tuple[tuple[Note, str], ...]  # (note, name of the question it concerns or "")

    @property
    def failed(self) -> tuple[str, ...]:
        """Keys of the questions that could not be answered for a fault of ours."""
        return tuple(key for key, answer in self.answers.items() if answer.failed)

    @property
    def nothing_decided(self) -> bool:
        """Whether there are rules at this hook, and every one of them ended as error."""
        states = {outcome.state for outcome in self.outcomes.values()} - {OFF}
        return states == {"error"}


class Engine:
    """One library, ready to evaluate charts. `session` None: the referee alone (for nudging, never for requests)."""

    def __init__(
        self, library: Library, *, with_durable: bool = True, cpu_seconds: Callable[[], float] = time.thread_time
    ) -> None:
        """`cpu_seconds`: the time that this thread has computed so far, by which a chart's share of it is limited."""
        self.library = library
        self._cpu_seconds = cpu_seconds
        self.session = Session(library) if with_durable else None

    def close(self) -> None:
        """Ends the compiled rulesets; for an engine that is asked no more."""
        if self.session is not None:
            self.session.close()

    def evaluate(self, chart: Chart, overrides: Sequence[Override] = ()) -> Evaluation:
        """The evaluation of a chart at its hook. A fault in one rule ends that rule, never the others.

        `overrides`: what clinicians overrode before for this patient, in any order.
        """
        library, hook = self.library, chart.hook
        end = self._cpu_seconds() + MOST_CPU_SECONDS
        answers = answer_all(chart, library, lambda: self._cpu_seconds() > end)
        verdicts = referee(library, answers, hook)
        outcomes = {rule.id: _before_policy(verdicts[rule.id]) for rule in library.rules_at(hook)}
        suppressing = {n for n, row in enumerate(library.suppress) if holds(row.when, answers, hook)}
        if self.session is not None:
            self._compare(answers, verdicts, suppressing, outcomes, hook)
        self._end_broken(answers, verdicts, outcomes)
        self._keep_to_problems(chart, verdicts, answers, outcomes)
        self._policy(verdicts, suppressing, outcomes)
        self._remember(chart, overrides, outcomes)
        outcomes = self._sited(hook, outcomes)
        findings = tuple(
            sorted((_finding(library, rule, verdicts[rule.id], answers, hook) for rule in library.rules_at(hook)
                    if outcomes[rule.id].state == "fired"), key=lambda finding: finding.rank)
        )  # fmt: skip
        notes = [(note, "") for note in chart.notes]
        notes += [(note, library.questions[key].name) for key, answer in answers.items() for note in answer.notes]
        return Evaluation(chart, library, answers, outcomes, findings, tuple(dict.fromkeys(notes)))

    def _compare(
        self,
        answers: Mapping[str, Answer],
        verdicts: Mapping[str, Verdict],
        suppressing: set[int],
        outcomes: dict[str, Outcome],
        hook: str,
    ) -> None:
        """Ends every rule on which the engines differ as `error`."""
        assert self.session is not None
        ruling = self._safely(lambda: self.session.run(answers, hook) if self.session else None)
        differing = {key for key, word in ruling.words.items() if answers[key].word != word} if ruling else set()
        for rule_id, verdict in verdicts.items():
            if ruling is None:
                outcomes[rule_id] = Outcome("error", reason="exception", because="the rule engine failed")
            elif not _agree(self.library.rules[rule_id], verdict, ruling, differing, suppressing):
                outcomes[rule_id] = Outcome("error", reason="engines-differ", because="the two engines differ")
                log.error("engines differ", rule=rule_id, hook=hook)

    def _end_broken(self, answers: Mapping[str, Answer], verdicts: Mapping[str, Verdict], outcomes: dict[str, Outcome]) -> None:
        """Ends every rule that needs a failed question, on whatever path, as `error`: not known would be read as no data.

        Comes before the policy, so that such a rule takes no other's place. A suppression whose question failed does not hold.
        """
        broken = {key for key, answer in answers.items() if answer.failed}
        for rule_id, verdict in verdicts.items():
            needed = broken & self.library.rules[rule_id].needs if broken else ()
            if needed or verdict.failed:
                names = ", ".join(sorted(self.library.questions[key].name for key in needed))
                because = f"these questions could not be answered: {names}" if names else "the rule could not be judged"
                late = {answers[key].failed for key in needed} == {"timeout"}
                outcomes[rule_id] = Outcome("error", reason="timeout" if late else "exception", because=because)

    def _safely(self, run: Callable[[], Ruling | None]) -> Ruling | None:
        try:
            return run()
        except Exception as error:  # noqa: BLE001 - whatever the C engine does, the rules end as error and cards go out
            log.error("rule engine failed", kind=type(error).__name__)
            return None

    def _keep_to_problems(
        self, chart: Chart, verdicts: Mapping[str, Verdict], answers: Mapping[str, Answer], outcomes: dict[str, Outcome]
    ) -> None:
        """Where problems are put on the list, a finding must rest on one of them: the rest was there before."""
        if chart.hook not in self.library.policy.problem_hooks:
            return
        added = {problem.reference for problem in chart.problems if problem.added}
        for rule_id, outcome in outcomes.items():
            if outcome.state == "fired":
                rests_on = evidence_of(self.library.rules[rule_id], verdicts[rule_id], answers, chart.hook)
                if not added & {because.reference for _, because in rests_on}:
                    outcomes[rule_id] = replace(
                        outcome, state="suppressed", reason="order-focus", because="not about the problem at hand"
                    )

    def _policy(self, verdicts: Mapping[str, Verdict], suppressing: set[int], outcomes: dict[str, Outcome]) -> None:
        """Focus, supersede, suppress, in this order. A superseded rule stays away even where its winner is suppressed."""
        library = self.library
        for rule_id, outcome in outcomes.items():
            if outcome.state == "fired" and not verdicts[rule_id].focused:
                outcomes[rule_id] = replace(
                    outcome, state="suppressed", reason="order-focus", because="not about the order at hand"
                )
        firing = {rule_id: outcome.level for rule_id, outcome in outcomes.items() if outcome.state == "fired"}
        for row in library.policy.supersede:
            winner = str(row.winner)
            if winner not in firing or outcomes[winner].state != "fired":
                continue  # a rule that is itself superseded has no card to say it
            if row.level is None or firing[winner] == row.level:
                for loser in map(str, row.losers):
                    in_play = loser in firing and outcomes[loser].state == "fired"
                    if in_play and not self._only_in_shadow(winner, loser):
                        outcomes[loser] = replace(
                            outcomes[loser],
                            state="superseded",
                            reason="superseded",
                            by=winner,
                            because=f"{winner} says it already",
                        )
        for number, suppress in enumerate(library.suppress):
            if number not in suppressing:
                continue
            for rule_id, outcome in outcomes.items():
                rule = library.rules[rule_id]
                names = {rule_id, f"group {rule.group}", f"indicator {outcome.level}"}
                if outcome.state == "fired" and names & set(suppress.drop) and rule_id not in suppress.keep:
                    outcomes[rule_id] = replace(outcome, state="suppressed", reason=suppress.reason, because=suppress.because)

    def _only_in_shadow(self, winner: str, loser: str) -> bool:
        """Whether the winner is not shown and the loser is: then the winner must not take the loser's place."""
        return self.library.rules[winner].state == SHADOW and self.library.rules[loser].state != SHADOW

    def _sited(self, hook: str, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """With what the site keeps in the shadow or has switched off. Comes last, so that shadow means: would be shown."""
        made = {}
        for rule in self.library.listed_at(hook):
            because = str(self.library.site.rules[rule.id].because) if self.library.site and rule.state != ACTIVE else ""
            outcome = outcomes[rule.id] if rule.state != OFF else Outcome(OFF, because=because)
            shadowed = rule.state == SHADOW and outcome.state == "fired"
            made[rule.id] = replace(outcome, state=SHADOW, because=because) if shadowed else outcome
        return made

    def _remember(self, chart: Chart, overrides: Sequence[Override], outcomes: dict[str, Outcome]) -> None:
        """The last step before the cards: what was overridden lately, and is no worse now, is not shown again."""
        for rule_id, outcome in outcomes.items():
            if outcome.state != "fired" or outcome.level is None:
                continue
            past = silencing(overrides, rule_id, outcome.level, chart.today, self.library.policy.remember)
            if past is not None:
                because = f"overridden on {past.on.isoformat()}"
                outcomes[rule_id] = replace(outcome, state="suppressed", reason="overridden", because=because)


_NOT_FIRED = Outcome("not-fired")


def _before_policy(verdict: Verdict) -> Outcome:
    if verdict.level is not None:
        return Outcome("fired", verdict.level, missing=verdict.missing)
    if verdict.undecided:
        return Outcome("not-evaluable", reason="data-missing", missing=verdict.missing)
    return _NOT_FIRED


def _agree(rule: LinkedRule, verdict: Verdict, ruling: Ruling, differing: set[str], suppressing: set[int]) -> bool:
    """`differing`: keys of the definitions for which the engines have different words."""
    words = differing.isdisjoint(rule.needs)
    level = ruling.levels[rule.id] == verdict.level
    focus = verdict.level is None or ruling.focused[rule.id] == verdict.focused
    return words and level and focus and ruling.suppressing == suppressing


def _finding(library: Library, rule: LinkedRule, verdict: Verdict, answers: Mapping[str, Answer], hook: str) -> Finding:
    assert verdict.level is not None
    because = tuple((library.questions[key].name, part) for key, part in evidence_of(rule, verdict, answers, hook))
    missing = tuple(dict.fromkeys(library.questions[key].name for key in verdict.missing))
    return Finding(rule, verdict.level, because, missing, library.policy.interrupts(verdict.level, hook))
