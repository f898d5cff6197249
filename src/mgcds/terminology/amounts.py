"""The amounts in the words of a label: how much of one unit or mL, where that is not left open, and whether of the nutrient."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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
_OR = re.compile(r"\s*(?:to|or)?\s*")
_MILLILITRES = {"ml": 1, "l": 1000}
_BEFORE = 60  # characters in which "elemental", and a word, may stand before an amount
_GAP = re.compile(r"\s*(?:of\s+|:\s*)?")


class Strength(NamedTuple):
    """A labelled amount of one `per` ("unit" or "mL")."""

    value: Decimal | None = None
    unit: str = "mg"
    per: str = ""


class Amount(NamedTuple):
    """An amount and its place in the words. `elemental`: it counts the nutrient, not its salt."""

    start: int
    end: int
    strength: Strength
    elemental: bool


class Name(NamedTuple):
    """What the words call an ingredient, or several, and where."""

    start: int
    end: int
    ingredients: tuple[str, ...]


def amounts_in(drugs: Drugs, words: str, found: Sequence[Name], held: Collection[str]) -> list[Amount]:
    """The amounts in their order. `found`: the names in the words; `held`: the nutrients that salts among them hold."""
    every = [_amount(drugs, words, match, found, held) for match in _AMOUNT.finditer(words)]
    return _each_claimed_once(drugs, words, _without_ranges(words, every))


def is_bare(name: Name, held: Collection[str]) -> bool:
    """Whether it names a nutrient alone that a salt among the names holds."""
    return len(name.ingredients) == 1 and name.ingredients[0] in held


def _amount(drugs: Drugs, words: str, match: re.Match[str], found: Sequence[Name], held: Collection[str]) -> Amount:
    """An amount, and whether it counts the nutrient: its bare name, its symbol or `elemental` stands beside it."""
    before = max(0, match.start() - _BEFORE), match.start()
    elemental = drugs.elemental_after.match(words, match.end()) or drugs.elemental_before.search(words, *before)
    symbol = drugs.symbol_after.match(words, match.end()) or drugs.symbol_before.search(words, *before)
    meant = symbol is not None and drugs.symbols[symbol["symbol"]] in held
    touching = any(
        _GAP.fullmatch(words, match.end(), each.start) or _GAP.fullmatch(words, each.end, match.start())
        for each in found
        if is_bare(each, held)
    )
    strength = Strength() if _is_open(words, match, found) else _strength(match)
    return Amount(match.start(), match.end(), strength, bool(elemental or meant or touching))


def _is_open(words: str, match: re.Match[str], found: Sequence[Name]) -> bool:
    """Whether the words leave open how much one unit or mL holds. A number in a name ("Mag-Ox 400") is none of an amount."""
    number = _NUMBER_BEFORE.search(words, max(0, match.start() - _BEFORE), match.start())
    return (
        (number is not None and not any(each.start <= number.start() < each.end for each in found))
        or _THOUSAND_OR_DECIMAL.fullmatch(words, match.start(), match.end()) is not None
        or _OF_SOMETHING_ELSE.match(words, match.end()) is not None
    )


def _without_ranges(words: str, amounts: list[Amount]) -> list[Amount]:
    """The amounts; of "200 mg to 400 mg", and of "500 mg-250 mg" of two ingredients, nobody can tell which one counts."""
    unclear = {
        each
        for one, next_one in pairwise(amounts)
        if one.strength[1:] == next_one.strength[1:] and one.elemental == next_one.elemental
        and _OR.fullmatch(words, one.end, next_one.start)
        for each in (one, next_one)
    }  # fmt: skip
    return [each._replace(strength=Strength()) if each in unclear else each for each in amounts]


def _each_claimed_once(drugs: Drugs, words: str, amounts: list[Amount]) -> list[Amount]:
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
