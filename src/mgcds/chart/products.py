"""Which medicine a medication record is about: by code, by a Medication it refers to, or by words alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mgcds.chart.bundle import Index, follow
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, quantity, text
from mgcds.chart.terms import Terms
from mgcds.terminology.types import Medicine, StatedIngredient


def medicine_of(record: Resource, index: Index, terms: Terms) -> Medicine:
    """The medicine of an order, statement, administration or dispense of any FHIR version."""
    concept, target = _concept_and_target(record)
    medication = _medication(record, target, index)
    sources = [each for each in (concept, medication.get("code")) if isinstance(each, dict)]
    words = next((words for source in sources if (words := concept_text(source))), "") or text(block(target).get("display"))
    return terms.medicine(tuple(coding for source in sources for coding in codings(source)), words, _stated(medication))


def _concept_and_target(record: Resource) -> tuple[Any, Any]:
    concept, target = record.get("medicationCodeableConcept"), record.get("medicationReference")
    either = block(record.get("medication"))  # R5: a CodeableReference
    if concept or target or not either:
        return concept, target
    if "coding" in either or "text" in either:
        return either, None
    return either.get("concept"), either if isinstance(either.get("reference"), str) else either.get("reference")


def _medication(record: Resource, target: Any, index: Index) -> Resource:
    """The Medication that is referred to, contained or sent along; {} where there is none."""
    written = text(block(target).get("reference"))
    if written.startswith("#"):
        return next((item for item in items(record.get("contained")) if str(item.get("id")) == written[1:]), {})
    return follow(index, target, "Medication") or {}


def _stated(medication: Resource) -> Sequence[StatedIngredient]:
    return [_stated_ingredient(item) for item in items(medication.get("ingredient")) if item.get("isActive") is not False]


def _stated_ingredient(item: Resource) -> StatedIngredient:
    concept = item.get("itemCodeableConcept") or block(item.get("item"))
    ratio = block(item.get("strength") or item.get("strengthRatio") or item.get("amount"))
    value, unit, contradictory = quantity(ratio.get("numerator") or item.get("strengthQuantity"))
    below, below_unit, _ = quantity(ratio.get("denominator"))
    if contradictory or (below is not None and below <= 0):
        value = None
    strength = value / below if value is not None and below else value
    return StatedIngredient(codings(concept), concept_text(concept), strength, unit, "mL" if below_unit == "mL" else "unit")
