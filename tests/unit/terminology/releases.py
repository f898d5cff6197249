"""Writes small made-up RxNorm releases, line by line as the real files are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Release:
    """Lines of the three files; `write` puts them into a folder."""

    conso: list[str] = field(default_factory=list)
    rel: list[str] = field(default_factory=list)
    sat: list[str] = field(default_factory=list)

    def concept(self, code: str, tty: str, name: str, *, sab: str = "RXNORM", suppress: str = "N", atom: str = "") -> None:
        self.conso.append(f"{code}|ENG||||||{atom or code + '9'}|{code}9|{code}||{sab}|{tty}|{code}|{name}||{suppress}|4096|")

    def relation(self, code: str, relation: str, to: str, *, sab: str = "RXNORM", suppress: str = "") -> None:
        """`code` `relation` `to`: the file has them the other way round, and the inverse in a line of its own."""
        self.rel.append(f"{to}||CUI|RO|{code}||CUI|{relation}|1||{sab}||||{suppress}||")
        self.rel.append(f"{code}||CUI|RO|{to}||CUI|inverse_{relation}|2||{sab}||||{suppress}||")

    def attribute(self, code: str, name: str, value: str, *, sab: str = "RXNORM", suppress: str = "N", atom: str = "") -> None:
        self.sat.append(f"{code}|||{atom or code + '9'}|AUI|{code}|||{name}|{sab}|{value}|{suppress}|4096|")

    def drug(self, code: str, name: str, form: str, *components: str, tty: str = "SCD") -> None:
        """A product of components that are there, with its form."""
        self.concept(code, tty, name)
        self.relation(code, "has_dose_form", form)
        for component in components:
            self.relation(code, "consists_of", component)

    def component(self, code: str, name: str, ingredient: str, strength: str | None) -> None:
        self.concept(code, "SCDC", name)
        self.relation(code, "has_ingredient", ingredient)
        if strength is not None:
            self.attribute(code, "RXN_STRENGTH", strength)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in (("RXNCONSO.RRF", self.conso), ("RXNREL.RRF", self.rel), ("RXNSAT.RRF", self.sat)):
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return folder


OMEPRAZOLE, MAGNESIUM_OXIDE = "7646", "6582"  # ingredients by their real codes, which the rule library knows
NEW, NEW_SALT = "9000001", "9000002"
TABLET, CAPSULE, CREAM = "9000011", "9000012", "9000013"
DRUG, BRAND, BOTH, BRAND_NAME, FORM = "9000101", "9000102", "9000103", "9000104", "9000105"
PACK, BRAND_PACK, MIXED_PACK, COMBINATION, OXIDE = "9000106", "9000107", "9000108", "9000109", "9000110"
NDC_OF_DRUG = "99999000101"


def small() -> Release:
    """Two known ingredients and a new one, in every sort of product."""
    made = Release()
    made.concept(OMEPRAZOLE, "IN", "omeprazole")
    made.concept(MAGNESIUM_OXIDE, "IN", "magnesium oxide")
    made.concept(NEW, "IN", "Examplol")
    made.concept(NEW_SALT, "PIN", "examplol hydrochloride")
    made.relation(NEW_SALT, "form_of", NEW)
    for code, name in ((TABLET, "Oral Tablet"), (CAPSULE, "Oral Capsule"), (CREAM, "Topical Cream")):
        made.concept(code, "DF", name)
    made.component("9000201", "omeprazole 17 MG", OMEPRAZOLE, "17 MG")
    made.component("9000202", "examplol hydrochloride 0.5 MG/ML", NEW, "0.5 MG/ML")
    made.relation("9000202", "has_precise_ingredient", NEW_SALT)
    made.component("9000203", "magnesium oxide 401 MG", MAGNESIUM_OXIDE, "401 MG")
    made.drug(DRUG, "omeprazole 17 MG Oral Capsule", CAPSULE, "9000201")
    made.attribute(DRUG, "NDC", NDC_OF_DRUG)
    made.drug(OXIDE, "magnesium oxide 401 MG Oral Tablet", TABLET, "9000203")
    made.drug(BOTH, "examplol hydrochloride 0.5 MG/ML / omeprazole 17 MG Oral Tablet", TABLET, "9000202", "9000201")
    made.drug("9000111", "examplol hydrochloride 0.5 MG/ML Topical Cream", CREAM, "9000202")
    made.concept(BRAND, "SBD", "omeprazole 17 MG Oral Capsule [Exempla]")
    made.relation(BRAND, "tradename_of", DRUG)
    made.concept(BRAND_NAME, "BN", "Exempla")
    made.relation(BRAND_NAME, "tradename_of", OMEPRAZOLE)
    made.relation(BRAND, "has_ingredient", BRAND_NAME)
    made.concept(FORM, "SCDF", "omeprazole Oral Capsule")
    made.relation(FORM, "has_ingredient", OMEPRAZOLE)
    made.relation(FORM, "has_dose_form", CAPSULE)
    made.concept(COMBINATION, "MIN", "examplol / omeprazole")
    made.concept(PACK, "GPCK", "{14 (omeprazole 17 MG Oral Capsule) / 7 (magnesium oxide 401 MG Oral Tablet) } Pack")
    made.relation(PACK, "contains", DRUG)
    made.relation(PACK, "contains", OXIDE)
    made.concept(BRAND_PACK, "BPCK", "{14 (omeprazole 17 MG Oral Capsule) / 7 (magnesium oxide 401 MG) } Pack [Exempack]")
    made.relation(BRAND_PACK, "tradename_of", PACK)
    made.concept(MIXED_PACK, "GPCK", "{1 (examplol cream) / 7 (magnesium oxide 401 MG Oral Tablet) } Pack")
    made.relation(MIXED_PACK, "contains", "9000111")
    made.relation(MIXED_PACK, "contains", OXIDE)
    return made
