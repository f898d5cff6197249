"""Which medicine a medication record is about: by code, by a Medication it refers to, or by words alone."""

from __future__ import annotations

from mgcds.chart.bundle import Index, follow
from mgcds.chart.fhir import Resource, block, codings, concept_text, items, quantity, text
from mgcds.chart.terms import Terms
from mgcds.terminology.types import Medicine, StatedIngredient


def medicine_of(record: Resource, index: Index, terms: Terms) -> Medicine:
    """The medicine of an order, statement, administration or dispense."""
    concept, target = record.get("medicationCodeableConcept"), record.get("medicationReference")
    if isinstance(concept, dict) and not target:
        return terms.medicine(codings(concept), concept_text(concept))
    medication = follow(index, target, "Medication", record) or {}
    sources = [each for each in (concept, medication.get("code")) if isinstance(each, dict)]
    words = next((words for source in sources if (words := concept_text(source))), "") or text(block(target).get("display"))
    stated = [_stated(item, index, record, medication)
              for item in items(medication.get("ingredient")) if item.get("isActive") is not False]  # fmt: skip
    coded = tuple(coding for source in sources for coding in codings(source))
    medicine = terms.medicine(coded, words, stated)
    form = concept_text(medication.get("form"))
    # Where code and words tell no dose form, and with it no route, the Medication may.
    return terms.medicine(coded, f"{words} {form}".strip(), stated) if form and medicine.form_route is None else medicine


def _stated(item: Resource, index: Index, *holders: Resource) -> StatedIngredient:
    """An ingredient as a concept, or as a Substance or Medication that is contained or was sent along."""
    target = item.get("itemReference")
    substance = follow(index, target, "Substance", *holders) or {}
    concept = item.get("itemCodeableConcept") or substance.get("code")
    ratio = block(item.get("strength"))
    value, unit, contradictory = quantity(ratio.get("numerator"))
    below, below_unit, _ = quantity(ratio.get("denominator"))
    if contradictory or (below is not None and below <= 0):
        value = None
    strength = value / below if value is not None and below else value
    words = concept_text(concept) or text(block(target).get("display"))
    return StatedIngredient(codings(concept), words, strength, unit, "mL" if below_unit == "mL" else "unit")
