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
    r"(?<!\d)(?<!\d\.)(\d++(?:\.\d++)?+|(?<![\w.])\.\d++)\s*+(mg|mcg|[uµμ]g|gm?|meq)"
    r"(?:\s*+(?:/|per\b)\s*+(\d++(?:\.\d++)?+|\.\d++)?\s*+(ml|l)\b)?(?!\w)"
)
# What leaves a strength open: another number before it (200-400 mg, 700-300 mg, 1 500 mg; a dose of one, or two of a list?),
# 1.500 mg, which is one and a half or fifteen hundred, and an amount of something else than one unit or a volume (mg/kg).
_NUMBER_BEFORE = re.compile(r"\d\s*(?:/|to\s|or\s)?\s*$")
_THOUSAND_OR_DECIMAL = re.compile(r"[1-9]\d{0,2}\.\d\d0\s*(?:mg|mcg|[uµμ]g)")
_OF_SOMETHING_ELSE = re.compile(
    r"\s*(?:/|per\b)\s*(?:(?!1(?![\d.]))\d|(?:1\s*)?(?:l|liter|litre|dl|k?g|m2|h|hr|hour|min|day)\b)"
)
_OF_SEVERAL = re.compile(r"\bper\s+(?!1\s)\d+\s+(?!ml)[a-z]")  # "2000 mg per 2 tablets"
_DIGIT = re.compile(r"\d")
_OR = re.compile(r"\s*(?:to|or)?\s*")
_MILLILITRES = {"ml": 1, "l": 1000}
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
    made_of: bool = False  # whether a nutrient is said to be there as its salt: "magnesium (as magnesium oxide) 250 mg"

    def elemental_of(self, strength: Decimal | None) -> Decimal | None:
        """The nutrient in one mg of a product whose labelled strength these words repeat."""
        return next((nutrient / labelled for labelled, nutrient in self.contents if labelled == strength), None)


def read_label(drugs: Drugs, words: str) -> Label:
    """The label that plain words spell."""
    # "400 (241.3 Mg) MG tablet" as "400 mg ; 241.3 mg Mg ; tablet": some catalogues write the unit once, behind both.
    words = drugs.symbol_within.sub(r"\1 \4 ; \2 \4 \3 ;", words)
    found = [_Name(match.start(), match.end(), drugs.lexicon[match[0]]) for match in drugs.phrases.finditer(words)]
    every = [name for each in found for name in each.ingredients]
    held = {drugs.salts[name].nutrient for name in every if name in drugs.salts and drugs.salts[name].nutrient != name}
    # A salt and its own nutrient are one ingredient: the bare nutrient only says what is in the salt.
    bare = [each for each in found if _is_bare(each, held)]
    kept = [each for each in found if each.ingredients and each not in bare]
    names = tuple(dict.fromkeys(name for each in kept for name in each.ingredients if name not in held))
    amounts = [_amount(drugs, words, match, found, held) for match in _AMOUNT.finditer(words)]
    amounts = _each_claimed_once(drugs, words, _without_ranges(words, amounts))
    made_of = any(drugs.made_of.match(words, each.end) for each in bare)
    own = _of_the_salt(drugs, kept, amounts)
    elsewhere = any(each.elemental for each in amounts if each not in own)
    said = made_of or (drugs.elemental_words.search(words) is not None and not elsewhere)
    declared, contents = _declared(own, said=said)
    strengths = {} if _OF_SEVERAL.search(words) else _strengths(drugs, words, kept, amounts)
    return Label(words, names, strengths, declared, contents, made_of)


def _is_bare(name: _Name, held: set[str]) -> bool:
    return len(name.ingredients) == 1 and name.ingredients[0] in held


def _amount(drugs: Drugs, words: str, match: re.Match[str], found: list[_Name], held: set[str]) -> _Amount:
    """An amount, and whether it counts the nutrient: its bare name, its symbol or `elemental` stands beside it."""
    before = max(0, match.start() - _BEFORE), match.start()
    elemental = drugs.elemental_after.match(words, match.end()) or drugs.elemental_before.search(words, *before)
    symbol = drugs.symbol_after.match(words, match.end()) or drugs.symbol_before.search(words, *before)
    meant = symbol is not None and drugs.symbols[symbol["symbol"]] in held
    touching = any(
        _GAP.fullmatch(words, match.end(), each.start) or _GAP.fullmatch(words, each.end, match.start())
        for each in found
        if _is_bare(each, held)
    )
    strength = Strength() if _is_open(words, match, found) else _strength(match)
    return _Amount(match.start(), match.end(), strength, bool(elemental or meant or touching))


def _is_open(words: str, match: re.Match[str], found: list[_Name]) -> bool:
    """Whether the words leave open how much one unit or mL holds. A number in a name ("Mag-Ox 400") is none of an amount."""
    number = _NUMBER_BEFORE.search(words, max(0, match.start() - _BEFORE), match.start())
    return (
        (number is not None and not any(each.start <= number.start() < each.end for each in found))
        or _THOUSAND_OR_DECIMAL.fullmatch(words, match.start(), match.end()) is not None
        or _OF_SOMETHING_ELSE.match(words, match.end()) is not None
    )


def _without_ranges(words: str, amounts: list[_Amount]) -> list[_Amount]:
    """The amounts; of "200 mg to 400 mg", and of "500 mg-250 mg" of two ingredients, nobody can tell which one counts."""
    unclear = {
        each
        for one, next_one in pairwise(amounts)
        if one.strength[1:] == next_one.strength[1:] and one.elemental == next_one.elemental
        and _OR.fullmatch(words, one.end, next_one.start)
        for each in (one, next_one)
    }  # fmt: skip
    return [each._replace(strength=Strength()) if each in unclear else each for each in amounts]


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
    amount = (value if mass is None else mass) / (volume * _MILLILITRES[match[4]] if match[4] else 1)
    return Strength(amount, unit if mass is None else "mg", "mL" if match[4] else "unit")


def _strengths(drugs: Drugs, words: str, names: list[_Name], amounts: list[_Amount]) -> dict[str, Strength]:
    """The amount after each name and before the next one's: of a salt rather than of the nutrient in it."""
    made: dict[str, Strength] = {}
    listed: _Name | None = None  # the name before, if it has no amount of its own
    if len(names) > 1 and amounts and amounts[0].end <= names[0].start:
        return made  # "500 mg calcium carbonate and 250 mg magnesium oxide": here an amount stands before its name
    for position, name in enumerate(names):
        until = names[position + 1].start if position + 1 < len(names) else len(words)
        near = [each for each in amounts if name.end <= each.start and each.end <= until]
        if not near and len(names) == 1:
            near = amounts
        salt = drugs.salts.get(name.ingredients[0])
        is_nutrient = salt is not None and salt.basis == "elemental"
        best = next((each for each in near if each.elemental == is_nutrient), next(iter(near), None))
        # "calcium carbonate-magnesium hydroxide 300 mg": of both, or of one? An amount that is not read (1000 IU) parts them.
        together = (
            listed is not None and listed.ingredients != name.ingredients and not _DIGIT.search(words, listed.end, name.start)
        )
        if best is not None and len(name.ingredients) == 1:
            made.setdefault(name.ingredients[0], Strength() if together else best.strength)
        listed = None if best is not None else name
    return made


def _of_the_salt(drugs: Drugs, names: list[_Name], amounts: list[_Amount]) -> list[_Amount]:
    """The amounts that may say what the one salt of a label holds: those after it, up to the next ingredient."""
    known = drugs.salts
    salts = [at for at, each in enumerate(names)
             if any(name in known and known[name].basis != "elemental" for name in each.ingredients)]  # fmt: skip
    if len(salts) != 1:
        return amounts
    (at,) = salts
    until = names[at + 1].start if at + 1 < len(names) else None
    after = [each for each in amounts if names[at].end <= each.start and (until is None or each.start < until)]
    if len(names) > 1:
        return after
    # Beside an ingredient that we do not know: "1000 mg of it, zinc sulfate 220 mg (50 mg elemental)".
    return [each for each in amounts if each in after or each.elemental or all(other.elemental for other in after)]


def _declared(amounts: list[_Amount], *, said: bool) -> tuple[Decimal | None, tuple[tuple[Decimal, Decimal], ...]]:
    """Nutrient per labelled mg: "2000 mg (provides 282 mg elemental)" gives 0.141, "50 mg elemental" alone gives 1.

    `said`: the words say somewhere that their amount is the nutrient's.
    """
    nutrient = [each.strength for each in amounts if each.elemental and each.strength.value]
    kinds = {(each.elemental, each.strength.value is None) for each in amounts}
    if len(kinds) > 1 and any(is_open for _, is_open in kinds):  # "400 mg (120-240 mg elemental)"
        return None, ()
    labelled = [each.strength for each in amounts if not each.elemental and each.strength.value]
    if nutrient and labelled:
        (top, unit, per), (whole, whole_unit, whole_per) = nutrient[0], labelled[0]
        if top is None or whole is None or unit != whole_unit or per != whole_per or top > whole:
            return None, ()
        return top / whole, ((whole, top),)
    if len(set(labelled)) > 1:  # "magnesium (as magnesium oxide 400 mg) 241 mg": of which, is not said
        return None, ()
    return (Decimal(1) if amounts and (nutrient or said) else None), ()
