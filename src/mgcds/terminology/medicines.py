"""What a medication code or text means: product, ingredient code, NDC, ATC, stated ingredients, then words.

The order is the one that resolved most real records offline. "Unresolved" is an answer, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate

from mgcds.terminology.amounts import Strength
from mgcds.terminology.drugs import Drugs, Product
from mgcds.terminology.label import Label, read_label
from mgcds.terminology.phrases import MOST_WORDS, drug_words
from mgcds.terminology.systems import ndc_readings
from mgcds.terminology.types import ATC, NDC, RXNORM, Coding, Ingredient, Medicine, StatedIngredient
from mgcds.units import milligrams, normal_unit


def resolve(drugs: Drugs, codings: Sequence[Coding], text: str, stated: Sequence[StatedIngredient]) -> Medicine:
    """The medicine of a record. `codings` have canonical systems."""
    label = read_label(drugs, _words(codings, text))
    found = [(product, how) for code, how in _product_codes(drugs, codings) if (product := drugs.product(code)) is not None]
    if found:
        # The first product; but one that tells its strengths before a brand or a combination, which never does.
        product, how = next((each for each in found if each[0].tells_strengths), found[0])
        return _of_product(drugs, product, read_label(drugs, drug_words(text)), label, how)
    told = _stated(drugs, stated)
    if names := _coded(drugs.ingredient_of, RXNORM, codings):
        return _of_names(drugs, [*names, *told], label, told, "rxnorm-ingredient")
    if names := _coded(drugs.atc, ATC, codings):
        return _of_names(drugs, [*names, *told], label, told, "atc")
    if told or label.names:
        return _of_names(drugs, [*told, *label.names], label, told, "text")
    shown = next((each for each in (text, *(coding.display for coding in codings)) if each.strip()), "unnamed medicine")
    groups = frozenset(
        key for coding in codings if coding.system == ATC for prefix, key in drugs.atc_classes if coding.code.startswith(prefix)
    )
    return Medicine(
        shown.strip(),
        f"?{label.words}",
        classes=groups,
        kinds=_kinds(drugs, (), label.words, "", None),
        form_route=drugs.route_of_form(label.words),
        resolved_by="atc" if groups else "unresolved",
    )


def _product_codes(drugs: Drugs, codings: Sequence[Coding]) -> Iterable[tuple[str, str]]:
    """RxNorm codes first; an NDC only where no RxNorm code is an ingredient, which says more of what was meant."""
    yield from ((coding.code, "rxnorm-product") for coding in codings if coding.system == RXNORM)
    if not _coded(drugs.ingredient_of, RXNORM, codings):
        for coding in codings:
            # Of ten bare digits every reading that we know must be the same product.
            found = {drugs.ndc[digits] for digits in ndc_readings(coding.code) if digits in drugs.ndc and coding.system == NDC}
            if len(found) == 1:
                yield found.pop(), "ndc"


def _coded(names: Mapping[str, str], system: str, codings: Sequence[Coding]) -> list[str]:
    return list(dict.fromkeys(names[each.code] for each in codings if each.system == system and each.code in names))


def _words(codings: Sequence[Coding], text: str) -> str:
    """The text, and the displays that say more, each whole or not at all: half an amount is another one."""
    displays = [coding.display for coding in codings if coding.display and coding.display.lower() != text.lower()]
    said = [text, *displays] if text else displays
    kept = [words for words, until in zip(said, accumulate(map(len, said)), strict=True) if until <= MOST_WORDS]
    return drug_words(" ; ".join(kept or said[:1]))


def _stated(drugs: Drugs, stated: Sequence[StatedIngredient]) -> dict[str, Strength]:
    """Ingredients that a Medication states, each with its strength where one is written; masses in mg."""
    told: dict[str, Strength] = {}
    for part in stated:
        names = _coded(drugs.ingredient_of, RXNORM, part.codings) or read_label(drugs, _words(part.codings, part.text)).names
        unit = normal_unit(part.unit)
        for name in names[:1]:
            if part.strength is None or unit is None:
                told.setdefault(name, Strength())
            else:
                mass = milligrams(part.strength, unit)
                told[name] = Strength(part.strength, unit, part.per) if mass is None else Strength(mass, "mg", part.per)
    return told


def _of_product(drugs: Drugs, product: Product, label: Label, shown: Label, how: str) -> Medicine:
    """`label` is what the text says, `shown` also what the codes' displays say: the strengths of a product that tells none."""
    held = [part if product.tells_strengths else (part[0], *shown.strengths.get(part[0], part[1:])) for part in product.parts]
    salts = [name for name, *_ in held if name in drugs.salts]
    parts = []
    for name, strength, unit, per in held:
        known = drugs.declared.get((product.code, name))
        if len(salts) == 1 and name in salts and label.elemental_of(strength) is not None:
            known = (label.elemental_of(strength) or Decimal(1), "declared")
        parts.append(_ingredient(drugs, name, Strength(strength, unit, per), known))
    content = "|".join(sorted(f"{name}={strength} {unit}/{per}" for name, strength, unit, per in held))
    words = drug_words(f"{product.name} {label.words}")
    route = drugs.route_of_form(product.form)
    return _medicine(drugs, tuple(parts), f"{content}|{product.form}", product.form, route, words, how)


def _of_names(drugs: Drugs, names: Sequence[str], label: Label, told: dict[str, Strength], how: str) -> Medicine:
    """A medicine known by its ingredients; strengths come from the stated ingredients, else from the words."""
    # Where a code names a bare nutrient and the words the salt that holds it, the words say more.
    named = [name for name in label.names if name in drugs.salts and drugs.salts[name].nutrient in names]
    names = list(dict.fromkeys([*names, *named]))
    salts = {drugs.salts[name].nutrient for name in names if name in drugs.salts and drugs.salts[name].nutrient != name}
    kept = [name for name in names if name not in salts]  # beside its salt, the bare nutrient says what the salt holds
    parts = []
    for name in kept:
        strength = told[name] if name in told and told[name].value is not None else label.strengths.get(name, Strength())
        known: tuple[Decimal | None, str] | None = None
        if name in drugs.salts and sum(each in drugs.salts for each in kept) == 1:
            content = told.get(drugs.salts[name].nutrient, Strength()) if drugs.salts[name].nutrient != name else Strength()
            if content.value is not None and content.unit == "mg":
                known = (content.value / strength.value if strength.value else Decimal(1), "declared")
                strength = strength if strength.value else content
            elif label.declared is not None and drugs.salts[name].basis != "elemental":
                known = (label.declared, "declared")
        elif name in drugs.salts and label.made_of and drugs.salts[name].basis == "salt":
            known = (None, "ambiguous")  # of several salts: it may be the nutrient that is counted
        parts.append(_ingredient(drugs, name, strength, known))
    route = drugs.route_of_form(label.words)
    return _medicine(drugs, tuple(parts), f"{'|'.join(sorted(kept))}:{label.words}", "", route, label.words, how)


def _ingredient(drugs: Drugs, name: str, labelled: Strength, known: tuple[Decimal | None, str] | None) -> Ingredient:
    """An ingredient and how much nutrient it holds; `known` (factor, basis) is better than what its salt says."""
    salt = drugs.salts.get(name)
    strength = (labelled.value, labelled.unit, labelled.per)
    if salt is None:
        return Ingredient(name, *strength)
    if labelled.unit == "mEq":
        counted = salt.per_milliequivalent
        return Ingredient(name, *strength, salt.nutrient, counted, "elemental" if counted is not None else "unknown")
    return Ingredient(name, *strength, salt.nutrient, *(known or (salt.fraction, salt.basis)))


def _medicine(
    drugs: Drugs, parts: tuple[Ingredient, ...], key: str, form: str, route: str | None, words: str, how: str
) -> Medicine:
    names = tuple(dict.fromkeys(part.name for part in parts))
    classes = frozenset(names).union(*(drugs.members.get(name, frozenset()) for name in names))
    shown = " / ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Medicine(shown, key, parts, classes, _kinds(drugs, names, words, form, route), form, route, how)


def _kinds(drugs: Drugs, names: Sequence[str], words: str, form: str, route: str | None) -> frozenset[str]:
    """The kinds of the first line that fits in every column it fills."""
    shape = drug_words(form or words)
    for line in drugs.kinds:
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
