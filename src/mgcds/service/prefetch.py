"""Prefetch templates of a hook, derived from what its rules and the policy look up. Plain tokens only."""

from __future__ import annotations

from mgcds.chart.facts import CONDITIONS, MEDICATIONS, ORDERS, PATIENT, PROCEDURES, STATEMENTS, Chart
from mgcds.engine.asking import Asking
from mgcds.language.library import Library
from mgcds.terminology import Concept

REQUIRED = (PATIENT, MEDICATIONS)
_P = "patient={{context.patientId}}"
_FIXED = {
    PATIENT: "Patient/{{context.patientId}}",
    MEDICATIONS: f"MedicationRequest?{_P}&_include=MedicationRequest:medication&_sort=-authoredon&_count=200",
    STATEMENTS: f"MedicationStatement?{_P}&_include=MedicationStatement:medication&_sort=-effective&_count=100",
    CONDITIONS: f"Condition?{_P}&_count=200",
    PROCEDURES: f"Procedure?{_P}&_sort=-date&_count=50",
    ORDERS: f"ServiceRequest?{_P}&status=active,draft,on-hold&_count=100",
}


def templates(library: Library, hook: str, empty: Chart) -> dict[str, str]:
    """Key to template, the required ones first. `empty` is any chart: only its library matters here."""
    ask = Asking(empty, library)
    asked = library.questions_at(hook)
    kinds = {kind for question in asked for kind in ask.kinds_of(question)}
    made = {PATIENT: _FIXED[PATIENT], MEDICATIONS: _FIXED[MEDICATIONS], STATEMENTS: _FIXED[STATEMENTS]}
    made |= {kind: template for kind, template in _FIXED.items() if kind in kinds}
    names = {str(name) for question in asked for name in question.question.names()}
    for batch in sorted(kinds - set(_FIXED)):
        made[batch] = _observations(_concepts(library, names, batch))
    return made


def _concepts(library: Library, names: set[str], batch: str) -> list[Concept]:
    """The concepts of a batch that some questions reach, what they are computed from included."""
    concepts = library.terminology.concepts
    wanted = {name for name in names if name in concepts}
    wanted |= {
        part for name in list(wanted) if (formula := concepts[name].formula) for part in (formula.of, formula.with_) if part
    }
    return [concepts[name] for name in sorted(wanted) if concepts[name].batch == batch and concepts[name].codes]


def _observations(concepts: list[Concept]) -> str:
    codes = sorted({f"{coding.system}|{coding.code}" for concept in concepts for coding in concept.codes})
    newest = max(concept.newest for concept in concepts) * len(concepts)
    return f"Observation?{_P}&code={','.join(codes)}&_sort=-date&_count={newest}"
