"""What a medication code or text means: product, ingredient code, NDC, ATC, stated ingredients, then words.

The order is the one that resolved most real records offline. "Unresolved" is an answer, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from mgcds.terminology.drugs import Drugs, Product
from mgcds.terminology.systems import ndc11
from mgcds.terminology.types import ATC, NDC, RXNORM, Coding, Ingredient, Medicine, StatedIngredient
from mgcds.units import decimal, milligrams, normal_unit

_STRENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(mg|mcg|ug|g|meq)(?:\s*/\s*(\d+(?:\.\d+)?)?\s*(ml))?(?![\w])")


def resolve(drugs: Drugs, codings: Sequence[Coding], text: str, stated: Sequence[StatedIngredient]) -> Medicine:
    """The medicine of a record. `codings` have canonical systems."""
    for coding in codings:
        if coding.system == RXNORM and (product := drugs.product(coding.code)) is not None:
            return _of_product(drugs, product, text, "rxnorm-product")
    names = [drugs.ingredient_of[coding.code] for coding in codings
             if coding.system == RXNORM and coding.code in drugs.ingredient_of]  # fmt: skip
    words = _words(codings, text)
    if names:
        return _of_names(drugs, names[:1], words, stated, "rxnorm-ingredient")
    for coding in codings:
        if coding.system == NDC and (code := drugs.ndc.get(ndc11(coding.code) or "")) and (product := drugs.product(code)):
            return _of_product(drugs, product, text, "ndc")
    for coding in codings:
        if coding.system == ATC and coding.code in drugs.atc:
            return _of_names(drugs, [drugs.atc[coding.code]], words, stated, "atc")
    found = _phrases(drugs, words)
    told = [name for part in stated if (name := _stated_name(drugs, part))]
    if told or found:
        return _of_names(drugs, list(dict.fromkeys([*told, *(name for name, _ in found)])), words, stated, "text")
    shown = next((each for each in (text, *(coding.display for coding in codings)) if each.strip()), "unnamed medicine")
    return Medicine(
        shown.strip(),
        f"?{_normal(shown)}",
        kinds=_kinds(drugs, (), words, "", None),
        form_route=drugs.route_of_form(_normal(words)),
    )


def _words(codings: Sequence[Coding], text: str) -> str:
    displays = [coding.display for coding in codings if coding.display and coding.display.lower() != text.lower()]
    return _normal(" ; ".join([text, *displays] if text else displays))


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[(),\[\]]", " ", text)).strip().lower()


def _phrases(drugs: Drugs, words: str) -> list[tuple[str, int]]:
    """(ingredient, end of its phrase) for each phrase of the lexicon, longest first; phrases that mean nothing are eaten."""
    found = [(name, match.end()) for match in drugs.phrases.finditer(words) if (name := drugs.lexicon[match[0]])]
    # "magnesium oxide ... mg elemental magnesium" names one ingredient: the bare nutrient only says what is in the salt.
    salts = {drugs.salts[name].nutrient for name, _ in found if name in drugs.salts and name != drugs.salts[name].nutrient}
    return [(name, end) for name, end in found if name not in salts]


def _stated_name(drugs: Drugs, part: StatedIngredient) -> str | None:
    for coding in part.codings:
        if coding.system == RXNORM and coding.code in drugs.ingredient_of:
            return drugs.ingredient_of[coding.code]
    found = _phrases(drugs, _words(part.codings, part.text))
    return found[0][0] if found else None


def _of_product(drugs: Drugs, product: Product, text: str, how: str) -> Medicine:
    parts = tuple(
        _ingredient(drugs, name, strength, unit, per, drugs.declared.get((product.code, name)))
        for name, strength, unit, per in product.parts
    )
    route = drugs.route_of_form(product.form)
    content = "|".join(sorted(f"{name}={strength} {unit}/{per}" for name, strength, unit, per in product.parts))
    words = _normal(f"{product.name} {text}")
    return _medicine(drugs, parts, f"{content}|{route}", product.form, route, words, how)


def _of_names(drugs: Drugs, names: Sequence[str], words: str, stated: Sequence[StatedIngredient], how: str) -> Medicine:
    """A medicine known by its ingredients; strengths come from the stated ingredients, else from the words."""
    told = {name: part for part in stated if (name := _stated_name(drugs, part))}
    written = _strengths(drugs, words)
    declared = _declared(drugs, words)
    parts = []
    for name in names:
        part = told.get(name)
        if part is not None and part.strength is not None and (unit := normal_unit(part.unit)) is not None:
            mass = milligrams(part.strength, unit)
            strength: tuple[Decimal | None, str, str] = (
                part.strength if mass is None else mass,
                unit if mass is None else "mg",
                part.per,
            )
        else:
            strength = written.get(name, (None, "mg", ""))
        factor = declared if len(names) == 1 or (name in drugs.salts and sum(n in drugs.salts for n in names) == 1) else None
        if factor is not None and name in drugs.salts and drugs.salts[name].basis != "elemental":
            parts.append(_ingredient(drugs, name, *strength, (factor, "declared")))
        else:
            parts.append(_ingredient(drugs, name, *strength, None))
    route = drugs.route_of_form(words)
    return _medicine(drugs, tuple(parts), f"{'|'.join(sorted(names))}:{words}", "", route, words, how)


def _ingredient(
    drugs: Drugs, name: str, strength: Decimal | None, unit: str, per: str, declared: tuple[Decimal, str] | None
) -> Ingredient:
    salt = drugs.salts.get(name)
    if salt is None:
        return Ingredient(name, strength, unit, per)
    if unit == "mEq":
        return Ingredient(name, strength, unit, per, salt.nutrient, salt.per_milliequivalent, "elemental")
    if declared is not None:
        return Ingredient(name, strength, unit, per, salt.nutrient, *declared)
    return Ingredient(name, strength, unit, per, salt.nutrient, salt.fraction, salt.basis)


def _medicine(
    drugs: Drugs, parts: tuple[Ingredient, ...], key: str, form: str, route: str | None, words: str, how: str
) -> Medicine:
    names = tuple(dict.fromkeys(part.name for part in parts))
    classes = frozenset(names).union(*(drugs.members.get(name, frozenset()) for name in names))
    shown = " / ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Medicine(shown, key, parts, classes, _kinds(drugs, names, words, form, route), form, route, how)


def _kinds(drugs: Drugs, names: Sequence[str], words: str, form: str, route: str | None) -> frozenset[str]:
    """The kinds of the first line that fits in every column it fills."""
    for line in drugs.kinds:
        shape = _normal(form or words)
        fits = (
            (not line.words or any(word.search(words) for word in line.words))
            and (not line.ingredients or bool(line.ingredients & set(names)))
            and (not line.forms or any(each in shape for each in line.forms))
            and (not line.routes or route in line.routes)
            and (not line.with_ or bool(line.with_ & set(names)))
        )
        if fits:
            return line.kinds
    return frozenset()


def _strengths(drugs: Drugs, words: str) -> dict[str, tuple[Decimal | None, str, str]]:
    """The first strength after each ingredient's phrase, before the next one's; masses in mg."""
    found = _phrases(drugs, words)
    made: dict[str, tuple[Decimal | None, str, str]] = {}
    for position, (name, end) in enumerate(found):
        until = found[position + 1][1] if position + 1 < len(found) else len(words)
        match = _STRENGTH.search(words, end, until)
        if match and name not in made:
            made[name] = _strength(match)
    return made


def _strength(match: re.Match[str]) -> tuple[Decimal | None, str, str]:
    value, unit = decimal(match[1]), normal_unit(match[2])
    volume = decimal(match[3]) if match[3] else Decimal(1)
    if value is None or unit is None or not volume:
        return None, "mg", ""
    mass = milligrams(value, unit)
    return (
        (mass if mass is not None else value) / (volume if match[4] else 1),
        "mg" if mass is not None else unit,
        "mL" if match[4] else "unit",
    )


def _declared(drugs: Drugs, words: str) -> Decimal | None:
    """Elemental amount that the label declares, per labelled mg; None where it declares none.

    "2000 mg (salt weight, provides 282 mg elemental ...)" gives 0.141; "50 mg elemental" alone gives 1.
    """
    if not drugs.elemental_words.search(words):
        return None
    strengths = [(match, _strength(match)[0]) for match in _STRENGTH.finditer(words)]
    elemental = [value for match, value in strengths if drugs.elemental_words.match(words, match.end() + 1)]
    others = [value for match, value in strengths if not drugs.elemental_words.match(words, match.end() + 1)]
    if elemental and elemental[0] and others and others[0]:
        return elemental[0] / others[0]
    return Decimal(1) if strengths else None
