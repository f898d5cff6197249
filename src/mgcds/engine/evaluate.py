"""Chart and library to findings: ask, run both engines, compare, then apply the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from mgcds.chart.facts import Chart, Note
from mgcds.computing import CLOCKS, Clocks, used_up
from mgcds.engine.answer import Answer
from mgcds.engine.answers import answer_all, not_supplied
from mgcds.engine.outcome import Finding, Outcome, by_itself, finding_of
from mgcds.engine.policy import Judged, under_policy
from mgcds.engine.referee import Verdict, referee
from mgcds.engine.remember import Override
from mgcds.engine.session import Ruling, Session
from mgcds.engine.truth import holds
from mgcds.language.library import Library
from mgcds.language.site import OFF

log = structlog.get_logger(__name__)
# Of one chart, for its questions; 4.9 MB took 0.01 s. A chart that is made to be slow costs rules, not the service.
MOST_CPU_SECONDS = 2.0
NOT_SUPPLIED = Note("data-partial")  # beside the name of a question that is not known for that reason


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

    def __init__(self, library: Library, *, with_durable: bool = True, clocks: Clocks = CLOCKS) -> None:
        """`clocks`: by which a chart's share of computing is limited."""
        self.library = library
        self._clocks = clocks
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
        answers = answer_all(chart, library, used_up(MOST_CPU_SECONDS, self._clocks))
        verdicts = referee(library, answers, hook)
        outcomes = {rule.id: by_itself(verdicts[rule.id]) for rule in library.rules_at(hook)}
        suppressing = {n for n, row in enumerate(library.suppress) if holds(row.when, answers, hook)}
        if self.session is not None:
            self._compare(_ruling(self.session, answers, hook), answers, verdicts, suppressing, outcomes, hook)
        self._end_broken(answers, verdicts, outcomes)
        outcomes = under_policy(Judged(library, chart, answers, verdicts, suppressing), outcomes, overrides)
        fired = [library.rules[rule_id] for rule_id, outcome in outcomes.items() if outcome.state == "fired"]
        findings = tuple(
            sorted(
                (finding_of(library, rule, verdicts[rule.id], answers, hook) for rule in fired),
                key=lambda finding: finding.rank,
            )
        )
        notes = [(note, "") for note in chart.notes]
        notes += [(note, library.questions[key].name) for key, answer in answers.items() for note in answer.notes]
        notes += [(NOT_SUPPLIED, name) for name in not_supplied(chart, library, answers)]
        return Evaluation(chart, library, answers, outcomes, findings, tuple(dict.fromkeys(notes)))

    def _compare(
        self,
        ruling: Ruling | None,
        answers: Mapping[str, Answer],
        verdicts: Mapping[str, Verdict],
        suppressing: set[int],
        outcomes: dict[str, Outcome],
        hook: str,
    ) -> None:
        """Ends every rule on which the engines differ as `error`; without a ruling, every rule.

        They differ in a level, in the order at hand where a rule holds, in a word of `first_that_holds` that the rule needs,
        or in what is suppressed, and then about every rule.
        """
        if ruling is None:
            failed = Outcome("error", reason="exception", because="the rule engine failed")
            outcomes |= dict.fromkeys(verdicts, failed)
            return
        alike = ruling.suppressing == suppressing
        differing = {key for key, word in ruling.words.items() if answers[key].word != word}
        for rule_id, verdict in verdicts.items():
            level = verdict.level
            same = alike and ruling.levels[rule_id] == level and (level is None or ruling.focused[rule_id] == verdict.focused)
            if not same or (differing and not differing.isdisjoint(self.library.rules[rule_id].needs)):
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


def _ruling(session: Session, answers: Mapping[str, Answer], hook: str) -> Ruling | None:
    """What durable-rules makes of the answers, None where it fails."""
    try:
        return session.run(answers, hook)
    except Exception as error:  # noqa: BLE001 - whatever the C engine does, the rules end as error and cards go out
        log.error("rule engine failed", kind=type(error).__name__)
        return None
