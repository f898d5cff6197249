"""What every verb needs in order to answer: the chart, the library, and the answers given so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mgcds.chart.facts import CONDITIONS, MEDICATIONS, ORDERS, PATIENT, PROCEDURES, Chart, Use
from mgcds.engine.answer import Answer
from mgcds.engine.shelves import Shelves
from mgcds.language.find import (
    Booked,
    Exposure,
    Has,
    Intake,
    Latest,
    Lowest,
    Patient,
    Pending,
    Question,
    Table,
    Taking,
    Trials,
)  # fmt: skip
from mgcds.language.library import Asked, Library

NO_MEDICATIONS = "no list of medications was supplied"
# Where a FHIR resource type is supplied. Observations are supplied batch by batch, Encounters never.
_KINDS = {"Condition": CONDITIONS, "Procedure": PROCEDURES, "MedicationRequest": MEDICATIONS, "ServiceRequest": ORDERS}


@dataclass(slots=True)
class Asking:
    """One pass over one chart; `answers` grows as questions are answered in the library's order."""

    chart: Chart
    library: Library
    answers: dict[str, Answer] = field(default_factory=dict)
    shelves: Shelves = field(init=False)

    def __post_init__(self) -> None:
        self.shelves = Shelves(self.chart, self.library.policy.order_hooks)

    def supplied(self, kind: str, question: Question) -> bool:
        """Whether a kind of data was supplied, or may be taken as empty."""
        return kind in self.chart.supplied or question.if_missing == "assume absent"

    def lacking(self, asked: Asked) -> frozenset[str]:
        """The kinds of data that would answer a question and were not supplied; none where absence is assumed."""
        missing = self.kinds_of(asked) - self.chart.supplied
        return frozenset() if missing and asked.question.if_missing == "assume absent" else missing

    def batch_of(self, name: str) -> str:
        """The laboratory batch in which a result is supplied; a computed one comes with what it is computed from."""
        concept = self.library.terminology.concepts[name]
        return self.batch_of(concept.formula.of) if concept.formula else concept.batch or name

    def recorded_kinds(self, concepts: Iterable[str]) -> frozenset[str]:
        """The kinds of data in which some conditions would be recorded."""
        known = self.library.terminology.concepts
        kinds = {_KINDS[place] for name in concepts for place in known[str(name)].recorded_in if place in _KINDS}
        batches = {batch for name in concepts if (batch := known[str(name)].batch) is not None}
        return frozenset(kinds | batches)

    def answer(self, asked: Asked, name: str) -> Answer:
        """The answer to a question that `asked` mentions by name."""
        return self.answers[asked.refs[str(name)]]

    def anchors(self, asked: Asked) -> Mapping[str, Answer]:
        """Answers from whose dates a span may count, by the name that the question uses."""
        return {name: self.answers[key] for name, key in asked.refs.items() if key in self.answers}

    def in_focus(self, uses: Iterable[Use]) -> bool:
        """Whether one of these is in the order at hand: selected at order-select, drafted at other order hooks."""
        if self.chart.hook not in self.library.policy.order_hooks:
            return True
        if self.chart.hook == "order-select":
            return any(use.selected for use in uses)
        return any(use.drafted for use in uses)

    def kinds_of(self, asked: Asked) -> frozenset[str]:
        """The kinds of data that answer a question directly."""
        kinds = self.library.kinds.get(asked.key)
        if kinds is None:
            kinds = self.library.kinds[asked.key] = self._kinds_of(asked)
        return kinds

    def _kinds_of(self, asked: Asked) -> frozenset[str]:
        question = asked.question
        if isinstance(question, Latest | Lowest):
            return frozenset(self.batch_of(str(name)) for name in question.names())
        if isinstance(question, Intake):
            return frozenset({self.batch_of(f"{question.intake}-intake")})
        if isinstance(question, Has):
            return self.recorded_kinds(question.has)
        if isinstance(question, Pending | Booked):
            return frozenset({ORDERS})
        if isinstance(question, Taking | Exposure | Trials):
            return frozenset({MEDICATIONS})
        if isinstance(question, Table):
            return frozenset({PATIENT, CONDITIONS} if "life-stage" in question.by else {PATIENT})
        return frozenset({PATIENT}) if isinstance(question, Patient) else frozenset()
