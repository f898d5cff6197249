"""The nouns of terminology: concepts, drug classes, ingredients and medicines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from mgcds.units import round_half_up

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
NDC = "http://hl7.org/fhir/sid/ndc"
ATC = "http://www.whocc.no/atc"


class Coding(NamedTuple):
    """One code as it was sent; `system` is already canonical (OIDs and old addresses mapped)."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True, eq=False)  # as Concept
class Formula:
    """How a result is computed from another (CKD-EPI 2021, albumin-corrected calcium); the numbers are data."""

    name: str
    of: str
    with_: str | None
    within_days: int | None
    from_age: int | None
    numbers: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, eq=False)  # a library has one of each, and tables may be kept by it
class Concept:
    """A meaning with its codes: a laboratory result, a vital sign, a condition, a procedure.

    `recorded_in` names FHIR resource types. For results: `unit` is the unit answers use, `factors` the multiplier of
    every other accepted unit, `decimals` where answers are rounded, `plausible` the range outside which a result is
    not believed. `batch` names the prefetch batch, `newest` how many results it asks for. `codes` are the LOINC codes
    by which results are asked for.
    """

    key: str
    title: str
    recorded_in: tuple[str, ...]
    codes: tuple[Coding, ...] = ()
    never: tuple[Coding, ...] = ()
    unit: str | None = None
    unit_optional: bool = False
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    decimals: int = 0
    plausible: tuple[Decimal, Decimal] | None = None
    print_also: tuple[tuple[str, int], ...] = ()
    print_first: str | None = None  # one of its units, where a site wants another than `unit` first
    batch: str | None = None
    newest: int = 10
    formula: Formula | None = None
    beside_codes: bool = False  # whether its words count even where a record carries a known code
    procedure_lasts: int | None = None  # days for which a completed procedure counts; None: for ever
    answer_lasts: int | None = None  # days for which a coded answer counts (pregnancy status); None: for ever

    def convert(self, value: Decimal, unit: str | None) -> Decimal | None:
        """`value` in this concept's unit, rounded half up; None for a unit we may not convert. Never guesses."""
        if unit is None:
            return round_half_up(value, self.decimals) if self.unit_optional else None
        factor = Decimal(1) if unit == self.unit else self.factors.get(unit)
        return None if factor is None else round_half_up(value * factor, self.decimals)

    def limit(self, value: Decimal, unit: str | None, sign: str) -> tuple[Decimal, str] | None:
        """What `convert` makes of a result such as <15, and its sign; the sign "" is a measured value.

        A limit that rounding moved may be reached: every value below 0.70 mmol/L rounds to 1.70 mg/dL or less, not to less.
        """
        rounded = self.convert(value, unit)
        if rounded is None:
            return None
        exact = value if unit is None or unit == self.unit else value * self.factors[unit]
        return rounded, sign if not sign or rounded == exact else f"{sign[0]}="

    def believes(self, value: Decimal) -> bool:
        """Whether a converted value lies in the plausible range, ends included."""
        return self.plausible is None or self.plausible[0] <= value <= self.plausible[1]


@dataclass(frozen=True, slots=True)
class DrugClass:
    """A named set of ingredients: *loop-diuretics*. A class may be made of other classes."""

    key: str
    title: str
    ingredients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One active ingredient of a medicine.

    `strength` is the labelled amount in `unit` (mg or mEq) of one `per` ("unit": tablet, capsule, spray...; "mL");
    None where the record gives no strength. `nutrient` and `factor` say how much of a nutrient one labelled `unit`
    holds (mg elemental per mg or mEq labelled); `factor` None means that the label does not tell salt from elemental.
    `basis` says how the factor is known: elemental | salt | declared | ambiguous | unknown.
    """

    name: str
    strength: Decimal | None = None
    unit: str = "mg"
    per: str = ""
    nutrient: str | None = None
    factor: Decimal | None = None
    basis: str = "unknown"


@dataclass(frozen=True, slots=True)
class Medicine:
    """What a medication code or text means, offline.

    `name` is for people; `key` says which product it is (equal keys, equal product); `classes` holds every drug class
    and every ingredient name it belongs to; `kinds` such as supplement, laxative, antacid, multivitamin; `form_route`
    the route that the dose form implies (oral, intravenous, topical...), None when the form is unknown;
    `resolved_by` is rxnorm-product | rxnorm-ingredient | ndc | atc | text | unresolved.
    """

    name: str
    key: str
    ingredients: tuple[Ingredient, ...] = ()
    classes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    form: str = ""
    form_route: str | None = None
    resolved_by: str = "unresolved"

    @property
    def is_resolved(self) -> bool:
        """Whether we know what is in it."""
        return self.resolved_by != "unresolved"


@dataclass(frozen=True, slots=True)
class StatedIngredient:
    """An ingredient as a FHIR Medication states it; `strength` in `unit` per one `per`, where written."""

    codings: tuple[Coding, ...]
    text: str
    strength: Decimal | None = None
    unit: str | None = None
    per: str = ""
