"""Reads the words of a label: which ingredients, how much of each, and what is declared as the nutrient itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from mgcds.terminology.drugs import Drugs
from mgcds.units import decimal, milligrams, normal_unit

# Possessive, and never from within a number: a long row of digits is read once, not once from each of its digits.
_AMOUNT = re.compile(
    r"(?<!\d)(?<!\d\.)(\d++(?:\.\d++)?+|(?<![\w.])\.\d++)\s*+(mg|mcg|ug|g|meq)(?:\s*+/\s*+(\d++(?:\.\d++)?+|\.\d++)?\s*+(ml))?(?!\w)"
)
_BEFORE = 60  # characters in which "elemental", and a word, may stand before an amount
_GAP = re.compile(r"\s*(?:of\s+|:\s*)?")


class Strength(NamedTuple):
    """A labelled amount of one `per` ("unit" or "mL")."""

    value: Decimal | None = None
    unit: str = "mg"
    per: str = ""


class _Amount(NamedTuple):
    start: int
    end: int
    strength: Strength
    elemental: bool


class _Name(NamedTuple):
    start: int
    end: int
    ingredients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """`declared` is mg of nutrient per labelled mg, where the words tell both."""

    words: str
    names: tuple[str, ...] = ()
    strengths: Mapping[str, Strength] = field(default_factory=dict)
    declared: Decimal | None = None
    contents: tuple[tuple[Decimal, Decimal], ...] = ()  # (labelled, nutrient) amounts that stand together

    def elemental_of(self, strength: Decimal | None) -> Decimal | None:
        """The nutrient in one mg of a product whose labelled strength these words repeat."""
        return next((nutrient / labelled for labelled, nutrient in self.contents if labelled == strength), None)


def read_label(drugs: Drugs, words: str) -> Label:
    """The label that plain words spell."""
    found = [_Name(match.start(), match.end(), drugs.lexicon[match[0]]) for match in drugs.phrases.finditer(words)]
    every = [name for each in found for name in each.ingredients]
    held = {drugs.salts[name].nutrient for name in every if name in drugs.salts and drugs.salts[name].nutrient != name}
    # A salt and its own nutrient are one ingredient: the bare nutrient only says what is in the salt.
    bare = [each for each in found if len(each.ingredients) == 1 and each.ingredients[0] in held]
    kept = [each for each in found if each.ingredients and each not in bare]
    names = tuple(dict.fromkeys(name for each in kept for name in each.ingredients if name not in held))
    amounts = _each_claimed_once(drugs, words, [_amount(drugs, words, match, bare) for match in _AMOUNT.finditer(words)])
    made_of = any(drugs.made_of.match(words, each.end) for each in bare)
    declared, contents = _declared(amounts, said=made_of or drugs.elemental_words.search(words) is not None)
    return Label(words, names, _strengths(kept, amounts, len(words)), declared, contents)


def _amount(drugs: Drugs, words: str, match: re.Match[str], bare: list[_Name]) -> _Amount:
    """An amount, and whether it counts the nutrient: the bare name of the nutrient or `elemental` stands beside it."""
    before = drugs.elemental_before.search(words, max(0, match.start() - _BEFORE), match.start())
    elemental = bool(drugs.elemental_after.match(words, match.end()) or before)
    touching = any(
        _GAP.fullmatch(words, match.end(), each.start) or _GAP.fullmatch(words, each.end, match.start()) for each in bare
    )
    return _Amount(match.start(), match.end(), _strength(match), elemental or touching)


def _each_claimed_once(drugs: Drugs, words: str, amounts: list[_Amount]) -> list[_Amount]:
    """The amounts, of two with `elemental` between them only the smaller as the nutrient's: it cannot be more than its salt.

    Without its comma, "1000 mg, elemental 160 mg" would tell as much of either.
    """
    larger = {
        max(one, next_one, key=lambda each: each.strength.value or 0)
        for one, next_one in pairwise(amounts)
        if one.strength[1:] == next_one.strength[1:] and drugs.elemental_between.fullmatch(words, one.end, next_one.start)
    }
    return [each._replace(elemental=False) if each in larger else each for each in amounts]


def _strength(match: re.Match[str]) -> Strength:
    value, unit = decimal(match[1]), normal_unit(match[2])
    volume = decimal(match[3]) if match[3] else Decimal(1)
    if value is None or unit is None or not volume:
        return Strength()
    mass = milligrams(value, unit)
    amount = (value if mass is None else mass) / (volume if match[4] else 1)
    return Strength(amount, unit if mass is None else "mg", "mL" if match[4] else "unit")


def _strengths(names: list[_Name], amounts: list[_Amount], length: int) -> dict[str, Strength]:
    """The amount after each name and before the next one's, of the salt rather than of the nutrient in it."""
    made: dict[str, Strength] = {}
    for position, name in enumerate(names):
        until = names[position + 1].start if position + 1 < len(names) else length
        near = [each for each in amounts if name.end <= each.start and each.end <= until]
        if not near and len(names) == 1:
            near = amounts
        best = next((each for each in near if not each.elemental), next(iter(near), None))
        if best is not None and len(name.ingredients) == 1:
            made.setdefault(name.ingredients[0], best.strength)
    return made


def _declared(amounts: list[_Amount], *, said: bool) -> tuple[Decimal | None, tuple[tuple[Decimal, Decimal], ...]]:
    """Nutrient per labelled mg: "2000 mg (provides 282 mg elemental)" gives 0.141, "50 mg elemental" alone gives 1.

    `said`: the words say somewhere that their amount is the nutrient's.
    """
    nutrient = [each.strength for each in amounts if each.elemental and each.strength.value]
    labelled = [each.strength for each in amounts if not each.elemental and each.strength.value]
    if nutrient and labelled:
        (top, unit, per), (whole, whole_unit, whole_per) = nutrient[0], labelled[0]
        if top is None or whole is None or unit != whole_unit or per != whole_per or top > whole:
            return None, ()
        return top / whole, ((whole, top),)
    return (Decimal(1) if amounts and (nutrient or said) else None), ()
