"""Drug data read from rules/classes/ and rules/tables/: ingredients, products, salts, kinds, forms, phrases."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from mgcds.source import Place, Problem, SourceError, place_of, read
from mgcds.terminology.concepts import rows
from mgcds.terminology.phrases import any_of, drug_words
from mgcds.terminology.site import SiteTables, codes_by_ndc
from mgcds.terminology.types import DrugClass
from mgcds.units import decimal

SALTS = "tables/salts.yaml"


@dataclass(frozen=True, slots=True)
class Salt:
    """How an ingredient holds a nutrient; `fraction` None where its labels do not tell salt from nutrient."""

    nutrient: str
    fraction: Decimal | None
    basis: str
    per_milliequivalent: Decimal | None  # None: its labels never count charges


@dataclass(frozen=True, slots=True)
class Product:
    """An RxNorm product: (ingredient, strength, unit, per) each."""

    code: str
    name: str
    form: str
    parts: tuple[tuple[str, Decimal | None, str, str], ...]

    @property
    def tells_strengths(self) -> bool:
        """Whether it says how much of anything it holds; a brand, a combination or a drug's form does not."""
        return any(strength is not None for _, strength, _, _ in self.parts)


@dataclass(frozen=True, slots=True)
class KindLine:
    """One line of product-kinds.yaml."""

    kinds: frozenset[str]
    words: tuple[re.Pattern[str], ...]
    ingredients: frozenset[str]
    forms: tuple[str, ...]
    routes: frozenset[str]
    with_: frozenset[str]


@dataclass(frozen=True)
class Drugs:
    """Everything known about medicines, offline."""

    root: Path
    classes: Mapping[str, DrugClass]
    places: Mapping[str, Place]
    ingredient_of: Mapping[str, str]  # RxNorm ingredient code -> name
    names: frozenset[str]
    products: Mapping[str, tuple[str, str, str]]  # code -> (name, form, ingredients as written)
    declared: Mapping[tuple[str, str], tuple[Decimal, str]]  # (product, ingredient) -> factor, basis
    salts: Mapping[str, Salt]
    kinds: tuple[KindLine, ...]
    forms: tuple[tuple[str, str], ...]  # (phrase, route), in the order of the file
    routes: Mapping[tuple[str, str], str]
    atc: Mapping[str, str]
    atc_classes: tuple[tuple[str, str], ...]  # (prefix, class), for records that hold nothing better
    lexicon: Mapping[str, tuple[str, ...]]  # phrase -> ingredients; none: the phrase means no medicine
    phrases: re.Pattern[str]
    elemental_words: re.Pattern[str]
    elemental_after: re.Pattern[str]
    elemental_before: re.Pattern[str]
    elemental_between: re.Pattern[str]
    made_of: re.Pattern[str]
    symbols: Mapping[str, str]  # mg -> magnesium
    symbol_after: re.Pattern[str]
    symbol_before: re.Pattern[str]
    symbol_within: re.Pattern[str]
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)  # ingredient -> classes it belongs to
    site: SiteTables | None = None  # what a site imported; its products and NDC codes are in those above

    @cached_property
    def ndc(self) -> Mapping[str, str]:
        """11-digit NDC -> product code; read only when an NDC is met."""
        path = self.root / "tables/ndc.csv.gz"
        own: dict[str, str] = {}
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                own = codes_by_ndc(file)
        return own if self.site is None else own | self.site.ndc()

    def product(self, code: str) -> Product | None:
        """An RxNorm product by code."""
        found = self.products.get(code)
        if found is None:
            return None
        name, form, written = found
        return Product(code, name, form, tuple(_part(text) for text in written.split("|")))

    def route_of_form(self, form: str) -> str | None:
        """The route that the words of a dose form imply; the first line of dose-forms.csv that fits decides."""
        words = f" {drug_words(form)} "
        return next((route for phrase, route in self.forms if f" {phrase} " in words), None)


def _part(text: str) -> tuple[str, Decimal | None, str, str]:
    name, _, strength = text.partition("=")
    if not strength:
        return name, None, "mg", ""
    number, _, rest = strength.partition(" ")
    unit, _, per = rest.partition("/")
    return name, decimal(number), unit, per


def load_drugs(root: Path, site: SiteTables | None = None) -> Drugs:
    """Reads the drug data. Raises SourceError with every problem.

    A site's products and NDC codes win over the library's; the library's ingredients win, since its rules use their names.
    """
    tables = root / "tables"
    ingredients = {row["code"]: row for row in rows(tables / "ingredients.csv")}
    ingredient_of = {code: ingredients.get(row["in_code"], row)["name"] for code, row in ingredients.items()}
    lexicon = {drug_words(row["phrase"]): tuple(row["ingredient"].split("|")) if row["ingredient"] else ()
               for row in rows(tables / "lexicon.csv")}  # fmt: skip
    names = frozenset(ingredient_of.values()).union(*lexicon.values())
    products = {row["code"]: (row["name"], row["form"], row["ingredients"]) for row in rows(tables / "products.csv")}
    if site is not None:
        products |= site.named_by(ingredient_of, names)
        ingredient_of = {**site.ingredient_of, **ingredient_of}
        names |= frozenset(ingredient_of.values())
    salts = read_salts(read(root / SALTS, shown_as=SALTS))
    classes, places, atc_classes = _classes(root, names, salts)
    members: dict[str, set[str]] = {}
    for key, drug_class in classes.items():
        for name in drug_class.ingredients:
            members.setdefault(name, set()).add(key)
    forms = tuple((drug_words(row["phrase"]), row["route"]) for row in rows(tables / "dose-forms.csv"))
    routes = {
        (row["system"], row["code"].lower() if not row["system"] else row["code"]): row["route"]
        for row in rows(root / "concepts/routes.csv")
    }
    routes |= {("http://snomed.info/sct", row["code"]): row["route"] for row in rows(root / "concepts/snomed/routes.csv")}
    words = read(tables / "label-words.yaml", shown_as="tables/label-words.yaml")
    elemental, made_of, symbols = (
        "|".join(re.escape(str(word)) for word in words[key]) for key in ("elemental", "made_of", "symbols")
    )
    symbol = rf"(?<!\w)(?P<symbol>{symbols})"
    return Drugs(
        root, classes, places, ingredient_of, names,
        products,
        {(row["code"], row["ingredient"]): (Decimal(row["factor"]), row["basis"])
         for row in rows(tables / "declared-products.csv")},
        salts, _kinds(root), forms, routes,
        {row["code"]: row["ingredient"] for row in rows(tables / "atc.csv")}, atc_classes, lexicon, any_of(lexicon),
        re.compile(rf"(?<!\w)(?:{elemental})(?!\w)"), re.compile(rf"\s*(?:of\s+)?(?:{elemental})(?!\w)"),
        re.compile(rf"(?<!\w)(?:{elemental})(?:\s+\w+)?\s*:?\s*$"),
        re.compile(rf"\s*(?:of\s+)?(?:{elemental})(?:\s+\w+)?\s*:?\s*"), re.compile(rf"[\s;]*(?:{made_of})(?!\w)"),
        {str(each): str(nutrient) for each, nutrient in words["symbols"].items()},
        re.compile(rf"\s*(?:of\s+)?{symbol}\s*(?:;|$)"), re.compile(rf"(?<!\d\s){symbol}\s*:?\s*$"),
        re.compile(rf"(?<![\d.])([\d.]++) ; ([\d.]++) {symbol} ; (mg)(?!\w)"),
        {name: frozenset(keys) for name, keys in members.items()}, site,
    )  # fmt: skip


def read_salts(tree: Any) -> dict[str, Salt]:
    """The salts of a parsed tables/salts.yaml. Raises SourceError."""
    found: dict[str, Salt] = {}
    problems: list[Problem] = []
    for nutrient, block in tree.items():
        per = decimal(block.get("per_mEq"))
        for name, value in block["ingredients"].items():
            basis = str(value.get("basis"))
            fraction = decimal(value.get("fraction", "1" if basis == "elemental" else None))
            if basis not in ("salt", "elemental", "ambiguous") or (fraction is None) != (basis == "ambiguous"):
                problems.append(
                    Problem(place_of(name), f"{name}: give a fraction and basis salt or elemental, or basis ambiguous")
                )
            else:
                found[str(name)] = Salt(str(nutrient), fraction, basis, per)
    if problems:
        raise SourceError(problems)
    return found


def _classes(
    root: Path, names: frozenset[str], salts: Mapping[str, Salt]
) -> tuple[dict[str, DrugClass], dict[str, Place], tuple[tuple[str, str], ...]]:
    """Drug classes, their places, their ATC prefixes; every nutrient is a class of all the ingredients that hold it."""
    problems: list[Problem] = []
    blocks: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for path in sorted((root / "classes").glob("*.yaml")):
        for key, value in read(path, shown_as=path.relative_to(root).as_posix()).items():
            blocks[str(key)], places[str(key)] = value, place_of(key)
            problems += [
                Problem(place_of(name), f"'{name}' is no ingredient we know; see tables/ingredients.csv and lexicon.csv")
                for name in value.get("ingredients", [])
                if str(name) not in names
            ]
    if problems:
        raise SourceError(problems)
    nutrients: dict[str, set[str]] = {}
    for name, salt in salts.items():
        nutrients.setdefault(salt.nutrient, set()).add(name)
    classes = {key: DrugClass(key, key.capitalize(), frozenset(found)) for key, found in nutrients.items()}
    for key, value in blocks.items():
        own = nutrients.get(key, set()) | {str(name) for name in value.get("ingredients", [])}
        own |= {str(name) for other in value.get("classes", []) for name in blocks[str(other)].get("ingredients", [])}
        classes[key] = DrugClass(key, str(value["title"]), frozenset(own))
    return classes, places, tuple((str(code), key) for key, value in blocks.items() for code in value.get("atc", []))


def _kinds(root: Path) -> tuple[KindLine, ...]:
    file = "tables/product-kinds.yaml"

    def names(line: Any, key: str) -> frozenset[str]:
        return frozenset(str(name) for name in line.get(key, []))

    return tuple(
        KindLine(
            names(line, "kinds"),
            tuple(re.compile(rf"(?<!\w){re.escape(drug_words(str(word)))}(?!\w)") for word in line.get("words", [])),
            names(line, "ingredients"), tuple(str(form) for form in line.get("forms", [])), names(line, "routes"),
            names(line, "with"),
        )
        for line in read(root / file, shown_as=file)
    )  # fmt: skip
