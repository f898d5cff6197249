"""Which medicine a medication record is about: by code, by a Medication it refers to, or by words alone."""

from __future__ import annotations

from collections.abc import Mapping

from mgcds.chart.bundle import Index, contained_in, follow
from mgcds.chart.fhir import Resource, block, codings, concept_text, is_overlong, items, quantity, text, words
from mgcds.chart.terms import Terms
from mgcds.terminology import MOST_WORDS
from mgcds.terminology.types import Medicine, StatedIngredient

_MOST_INGREDIENTS = 100  # of a product; the words of each are read, so that a thousand would cost seconds
_NOT_ONE_UNIT = frozenset({"g", "mg", "ug", "h", "min", "days"})  # 5 mg of a gram of cream, of an hour of a patch


def medicine_of(record: Resource, index: Index, terms: Terms) -> Medicine:
    """The medicine of an order, statement, administration or dispense. ValueError for one that no product can be."""
    concept, target = record.get("medicationCodeableConcept"), record.get("medicationReference")
    if isinstance(concept, dict) and not target:
        return terms.medicine(codings(concept), concept_text(concept))
    medication = follow(index, target, "Medication", contained_in(record)) or {}
    sources = (concept, medication.get("code"))
    said = next((said for source in sources if (said := concept_text(source))), "") or words(block(target).get("display"))
    listed = [item for item in items(medication.get("ingredient")) if item.get("isActive") is not False]
    if len(listed) > _MOST_INGREDIENTS:
        raise ValueError("more ingredients than a product has")
    inside = contained_in(record, medication)
    stated = [_stated(item, index, inside) for item in listed]
    coded = tuple(coding for source in sources for coding in codings(source))
    medicine = terms.medicine(coded, said, stated)
    form = concept_text(medication.get("form"))
    # Where code and words tell no dose form, and with it no route, the Medication may.
    return terms.medicine(coded, f"{said} {form}".strip(), stated) if form and medicine.form_route is None else medicine


def _stated(item: Resource, index: Index, inside: Mapping[str, Resource]) -> StatedIngredient:
    """An ingredient as a concept, or as a Substance or Medication that is contained or was sent along."""
    target = item.get("itemReference")
    substance = follow(index, target, "Substance", inside) or {}
    concept = item.get("itemCodeableConcept") or substance.get("code")
    ratio = block(item.get("strength"))
    value, unit, contradictory = quantity(ratio.get("numerator"))
    below, below_unit, _ = quantity(ratio.get("denominator"))
    if contradictory or (below is not None and below <= 0) or below_unit in _NOT_ONE_UNIT:
        value = None
    if below is not None and below_unit == "L":
        below, below_unit = below * 1000, "mL"
    strength = value / below if value is not None and below else value
    display = text(block(target).get("display"))
    if is_overlong(concept) or len(display) > MOST_WORDS:
        raise ValueError("an ingredient whose name is too long to be read")
    said = concept_text(concept) or display
    return StatedIngredient(codings(concept), said, strength, unit, "mL" if below_unit == "mL" else "unit")
