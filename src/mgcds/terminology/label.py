"""Reads the words of a label: which ingredients, how much of each, and what is declared as the nutrient itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mgcds.terminology.amounts import Amount, Name, Strength, amounts_in, is_bare
from mgcds.terminology.drugs import Drugs

_OF_SEVERAL = re.compile(r"\bper\s+(?!1\s)\d+\s+(?!ml)[a-z]")  # "2000 mg per 2 tablets"
_DIGIT = re.compile(r"\d")


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
    found = [Name(match.start(), match.end(), drugs.lexicon[match[0]]) for match in drugs.phrases.finditer(words)]
    every = [name for each in found for name in each.ingredients]
    held = {drugs.salts[name].nutrient for name in every if name in drugs.salts and drugs.salts[name].nutrient != name}
    # A salt and its own nutrient are one ingredient: the bare nutrient only says what is in the salt.
    bare = [each for each in found if is_bare(each, held)]
    kept = [each for each in found if each.ingredients and each not in bare]
    names = tuple(dict.fromkeys(name for each in kept for name in each.ingredients if name not in held))
    amounts = amounts_in(drugs, words, found, held)
    made_of = any(drugs.made_of.match(words, each.end) for each in bare)
    own = _of_the_salt(drugs, kept, amounts)
    elsewhere = any(each.elemental for each in amounts if each not in own)
    said = made_of or (drugs.elemental_words.search(words) is not None and not elsewhere)
    declared, contents = _declared(own, said=said)
    strengths = {} if _OF_SEVERAL.search(words) else _strengths(drugs, words, kept, amounts)
    return Label(words, names, strengths, declared, contents, made_of)


def _strengths(drugs: Drugs, words: str, names: list[Name], amounts: list[Amount]) -> dict[str, Strength]:
    """The amount after each name and before the next one's: of a salt rather than of the nutrient in it."""
    made: dict[str, Strength] = {}
    listed: Name | None = None  # the name before, if it has no amount of its own
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


def _of_the_salt(drugs: Drugs, names: list[Name], amounts: list[Amount]) -> list[Amount]:
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


def _declared(amounts: list[Amount], *, said: bool) -> tuple[Decimal | None, tuple[tuple[Decimal, Decimal], ...]]:
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
