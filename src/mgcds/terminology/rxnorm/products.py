"""The rows of our tables from a release: what each product holds, by the names that the rule library uses.

A product of which one component is not known is left out whole: with the rest alone, its absence would be believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mgcds.terminology.drugs import Drugs
from mgcds.terminology.label import read_label
from mgcds.terminology.phrases import drug_words
from mgcds.terminology.rxnorm.release import Release
from mgcds.terminology.rxnorm.strength import table_strength

Row = tuple[str, ...]
Parts = tuple[str, ...]  # as products.csv writes them: name, or name=strength


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows in the shape of products.csv, ingredients.csv and ndc.csv, each in order of code."""

    products: tuple[Row, ...]
    ingredients: tuple[Row, ...]
    ndc: tuple[Row, ...]
    new_ingredients: int  # that the rule library did not know
    strengths_not_read: int


class _Incomplete(Exception):
    """The concept cannot be told in full; the message says why."""


def tables_of(release: Release, drugs: Drugs) -> Tables:
    """Every product of a release; what cannot be told is added to the release's refusals."""
    builder = _Builder(release, drugs)
    made: dict[str, Row] = {}
    for code in sorted(release.entries, key=int):
        entry = release.entries[code]
        if entry.tty in ("IN", "PIN", "DF"):
            continue
        try:
            form, parts = builder.content(code)
        except _Incomplete as reason:
            release.refused.add(f"{entry.tty}: {reason}", code)
        else:
            made[code] = (code, entry.tty, entry.name, form, "|".join(parts))
    ndc = []
    for digits, code in sorted(release.ndc.items()):
        if code in made:
            ndc.append((digits, code))
        else:
            release.refused.add("NDC codes of concepts that are not in the table", digits)
    ingredients, new = builder.ingredients()
    return Tables(tuple(made.values()), ingredients, tuple(ndc), new, len(builder.unread))


class _Builder:
    """Follows the relations of one release."""

    def __init__(self, release: Release, drugs: Drugs) -> None:
        self.release = release
        self.drugs = drugs
        self.unread: Counter[str] = Counter()  # components whose strength we do not understand
        self.by_name = {entry.name.lower(): code for code, entry in release.entries.items() if entry.tty == "IN"}
        self.base_of = self._shared_bases()
        self._made: dict[str, tuple[str, Parts]] = {}

    def _shared_bases(self) -> dict[str, set[str]]:
        """The ingredients of each salt, from the components that hold both."""
        found: dict[str, set[str]] = {}
        for code, entry in self.release.entries.items():
            if entry.tty == "SCDC":
                for pin in self.release.kept("has_precise_ingredient", code, "PIN"):
                    found.setdefault(pin, set()).update(self.release.kept("has_ingredient", code, "IN"))
        return found

    def content(self, code: str) -> tuple[str, Parts]:
        """The dose form and the parts of a product. Raises _Incomplete."""
        if code not in self._made:
            ways = {"SCDC": self._component, "SCD": self._drug, "SBD": self._brand, "GPCK": self._pack, "BPCK": self._pack,
                    "SCDF": self._drug_form, "MIN": self._combination, "BN": self._brand_name}  # fmt: skip
            self._made[code] = ways[self.release.tty(code)](code)
        return self._made[code]

    def _component(self, code: str) -> tuple[str, Parts]:
        return "", (self._part(code, self.release.strengths.get(code)),)

    def _part(self, code: str, strength: str | None) -> str:
        """The one ingredient of a component, with its strength where we understand it."""
        precise = self.release.kept("has_precise_ingredient", code, "PIN")
        found = {*self.release.kept("has_ingredient", code, "IN")} or {base for pin in precise for base in self._bases(pin)}
        if len(found) != 1:
            raise _Incomplete("a component has no ingredient" if not found else "a component has several ingredients")
        name = self.name(next(iter(found)))
        # RxNorm names a component after the substance that its strength counts: where that is a salt that the tables
        # know and the plain ingredient is not, the salt's name keeps its nutrient countable.
        for pin in precise:
            salt = self.release.entries[pin].name.lower()
            if salt in self.drugs.salts and self.release.entries[code].name.lower().startswith(f"{salt} "):
                name = salt
        written = table_strength(strength, of_salt=name in self.drugs.salts) if strength else None
        if written is None:
            self.unread[code] += 1
        return f"{name}={written}" if written else name

    def _drug(self, code: str) -> tuple[str, Parts]:
        components = self.release.linked("consists_of", code)
        if any(each not in self.release.entries or self.release.tty(each) != "SCDC" for each in components):
            raise _Incomplete("a component is not in the release")
        # The strength of the product itself stands in where that of its only component is missing.
        own = self.release.available.get(code) if len(components) == 1 else None
        parts = [self._part(each, self.release.strengths.get(each) or own) for each in components]
        self._complete(code, len(components))
        return self._form(code), tuple(sorted(parts))

    def _brand(self, code: str) -> tuple[str, Parts]:
        """A brand holds what its clinical drug holds."""
        for drug in self.release.kept("tradename_of", code, "SCD"):
            form, parts = self.content(drug)
            return self._form(code) or form, parts
        components = self.release.kept("consists_of", code, "SCDC")
        self._complete(code, len(components))
        return self._form(code), tuple(sorted(part for each in components for part in self.content(each)[1]))

    def _pack(self, code: str) -> tuple[str, Parts]:
        inside = self.release.linked("contains", code)
        if not inside:
            for pack in self.release.kept("tradename_of", code, "GPCK"):
                return self.content(pack)
            raise _Incomplete("what is in the pack is not told")
        if any(each not in self.release.entries or self.release.tty(each) not in ("SCD", "SBD") for each in inside):
            raise _Incomplete("a drug of the pack is not in the release")
        contents = [self.content(each) for each in inside]
        forms = sorted({form for form, _ in contents})
        routes = {self.drugs.route_of_form(form) for form in forms}
        # Parts that are taken by different routes have no one form; to name one would let the others be missed.
        return forms[-1] if len(routes) == 1 else "", tuple(sorted({part for _, parts in contents for part in parts}))

    def _drug_form(self, code: str) -> tuple[str, Parts]:
        several = self.release.kept("has_ingredients", code, "MIN")
        found = {*self.release.kept("has_ingredient", code, "IN")} | {each for m in several for each in self._bases(m)}
        self._complete(code, len(found))
        return self._form(code), self._names(found)

    def _combination(self, code: str) -> tuple[str, Parts]:
        found = self._bases(code)
        self._complete(code, len(found))
        return "", self._names(found)

    def _brand_name(self, code: str) -> tuple[str, Parts]:
        found = {base for each in self.release.kept("tradename_of", code, "IN", "PIN", "MIN") for base in self._bases(each)}
        if not found:
            raise _Incomplete("what the brand holds is not told")
        return "", self._names(found)

    def _bases(self, code: str) -> set[str]:
        """The plain ingredients (IN) behind an IN, a PIN or a MIN; none where one is not known."""
        tty = self.release.tty(code)
        if tty == "IN":
            return {code}
        if tty == "PIN":
            return {*self.release.kept("form_of", code, "IN")} or self.base_of.get(code, set())
        parts = [self._bases(each) for each in self.release.kept("has_part", code, "IN", "PIN")]
        if not parts:  # a combination is named after its parts
            named = [self.by_name.get(name) for name in self.release.entries[code].name.lower().split(" / ")]
            parts = [{each} if each else set() for each in named]
        return set().union(*parts) if all(parts) else set()

    def _complete(self, code: str, count: int) -> None:
        """Names list their parts between slashes; fewer relations than that were lost on the way."""
        if count < self.release.entries[code].name.count(" / ") + 1:
            raise _Incomplete("it has fewer components than its name tells")

    def _form(self, code: str) -> str:
        return next((self.release.entries[each].name for each in self.release.kept("has_dose_form", code, "DF")), "")

    def name(self, code: str) -> str:
        """An ingredient by the name that rules use, else by its own.

        A code that the rule library does not know is named as its words are read, where a rule can ask for that: a
        record must not mean less by its code than by its words.
        """
        known = self.drugs.ingredient_of.get(code)
        if known is not None:
            return known
        own = self.release.entries[code].name.lower()
        words = drug_words(own)
        if own in self.drugs.names or self.drugs.lexicon.get(words) == ():
            return own
        read = read_label(self.drugs, words).names
        return read[0] if len(read) == 1 and read[0] in self.drugs.members else own

    def _names(self, codes: Iterable[str]) -> Parts:
        return tuple(sorted({self.name(code) for code in codes}))

    def ingredients(self) -> tuple[tuple[Row, ...], int]:
        """Every ingredient and salt of the release, and how many of them the rule library did not know."""
        rows: list[Row] = []
        for code in sorted(self.release.entries, key=int):
            entry = self.release.entries[code]
            if entry.tty == "IN":
                rows.append((code, self.name(code), "IN", code))
            elif entry.tty == "PIN":
                if len(base := self._bases(code)) == 1:
                    rows.append((code, entry.name.lower(), "PIN", *base))
                else:
                    self.release.refused.add("PIN: it leads to no ingredient, or to several", code)
        return tuple(rows), sum(row[0] not in self.drugs.ingredient_of for row in rows)
