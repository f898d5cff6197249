"""Prefetch templates of a hook, derived from what its rules and the policy look up. Plain tokens only."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.chart.facts import CONDITIONS, MEDICATIONS, ORDERS, PATIENT, PROCEDURES, STATEMENTS, Chart
from mgcds.engine.asking import Asking
from mgcds.language.find import Booked, Has, Intake, Latest, Lowest, Pending, Table
from mgcds.language.library import Asked, Library
from mgcds.terminology import Concept

REQUIRED = (PATIENT, MEDICATIONS)
PATIENT_IS = "patient={{context.patientId}}"
_FIXED = {
    PATIENT: "Patient/{{context.patientId}}",
    MEDICATIONS: f"MedicationRequest?{PATIENT_IS}&_include=MedicationRequest:medication&_sort=-authoredon&_count=200",
    STATEMENTS: f"MedicationStatement?{PATIENT_IS}&_include=MedicationStatement:medication&_sort=-effective&_count=100",
    CONDITIONS: f"Condition?{PATIENT_IS}&_count=200",
    PROCEDURES: f"Procedure?{PATIENT_IS}&_sort=-date&_count=50",
    ORDERS: f"ServiceRequest?{PATIENT_IS}&status=active,draft,on-hold&_count=100",
}


def templates(library: Library, hook: str, empty: Chart) -> dict[str, str]:
    """Key to template, the required ones first. `empty` is any chart: only its library matters here."""
    asked = library.questions_at(hook)
    concepts = _concepts(library, {name for question in asked for name in _names(question)})
    ask = Asking(empty, library)
    kinds = {kind for question in asked for kind in ask.kinds_of(question)} | ask.recorded_kinds(c.key for c in concepts)
    made = {PATIENT: _FIXED[PATIENT], MEDICATIONS: _FIXED[MEDICATIONS], STATEMENTS: _FIXED[STATEMENTS]}
    made |= {kind: template for kind, template in _FIXED.items() if kind in kinds}
    for batch in sorted({concept.batch for concept in concepts if concept.batch and concept.codes}):
        made[batch] = _observations([concept for concept in concepts if concept.batch == batch and concept.codes])
    return made


def _names(asked: Asked) -> Iterator[str]:
    """The names of every concept that a question can look up."""
    question = asked.question
    if isinstance(question, Intake):
        yield f"{question.intake}-intake"
    elif isinstance(question, Table):
        yield from ("pregnancy", "lactation") if "life-stage" in question.by else ()
    elif isinstance(question, Latest | Lowest | Has | Pending | Booked):
        yield from map(str, question.names())


def _concepts(library: Library, names: set[str]) -> list[Concept]:
    """The concepts of these names, and what they are computed from, in the order of their keys."""
    known = library.terminology.concepts
    wanted: set[str] = set()
    ahead = [name for name in names if name in known]
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            formula = known[name].formula
            ahead += [part for part in (formula.of, formula.with_) if part and part in known] if formula else []
    return [known[name] for name in sorted(wanted)]


def _observations(concepts: list[Concept]) -> str:
    """One search a batch. It asks for as many results as would do if every concept were the commonest one."""
    codes = sorted({f"{coding.system}|{coding.code}" for concept in concepts for coding in concept.codes})
    newest = max(concept.newest for concept in concepts) * len(concepts)
    return f"Observation?{PATIENT_IS}&code={','.join(codes)}&_sort=-date&_count={newest}"
