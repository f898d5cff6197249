"""Traps that real medication codes set."""

from __future__ import annotations

import pytest

from mgcds.terminology import Coding, Terminology
from mgcds.terminology.types import RXNORM


def rx(code: str) -> list[Coding]:
    return [Coding(RXNORM, code)]


@pytest.mark.parametrize("code", ["606726", "283742", "606731"])  # product, ingredient, its magnesium salt
def test_a_proton_pump_inhibitor_is_never_magnesium(terminology: Terminology, code: str) -> None:
    assert "magnesium" not in terminology.medicine(rx(code), "esomeprazole magnesium").classes


@pytest.mark.parametrize(
    "text",
    [
        "magnesium stearate",
        "magnesium-free antacid",
        "contains no magnesium",
        "rabeprazole magnesium",
        "naproxen/esomeprazole magnesium 500-20 mg",
        "magnesium aluminium silicate",
        "permagnesium",
    ],
)
def test_words_that_only_look_like_magnesium(terminology: Terminology, text: str) -> None:
    assert "magnesium" not in terminology.medicine([], text).classes


@pytest.mark.parametrize("text", ["magnesium salicylate 467.2 mg tablet", "Xywav", "Suprep bowel prep kit", "Sutab", "Clenpiq"])
def test_hidden_loads_of_magnesium(terminology: Terminology, text: str) -> None:
    assert "magnesium" in terminology.medicine([], text).classes


def test_hidden_loads_by_code(terminology: Terminology) -> None:
    for code in ("647877", "801364"):  # an analgesic, an intravenous electrolyte solution
        assert "magnesium" in terminology.medicine(rx(code), "").classes


@pytest.mark.parametrize(
    ("code", "elemental"),
    [
        ("198936", "84"),  # lactate: the strength is elemental
        ("359739", "61"),  # aspartate 615 mg: salt
        ("1245383", "71"),  # chloride 596 mg: salt
        ("311422", "23.9"),  # chloride injection 200 mg/mL, of one mL: salt
        ("311425", "27"),  # gluconate 500 mg: salt
        ("2603520", "71"),  # the same tablet, labelled elemental
        ("1052760", "9.4"),  # citrate solution, of one mL
        ("198741", "241"),
        ("1313985", "100"),  # ambiguous: taken as elemental, and said so
    ],
)
def test_salt_or_elemental_is_told_product_by_product(terminology: Terminology, code: str, elemental: str) -> None:
    part = next(each for each in terminology.medicine(rx(code), "").ingredients if each.nutrient == "magnesium")
    assert part.strength is not None
    assert part.factor is not None
    assert abs(part.strength * part.factor - type(part.strength)(elemental)) < 1
    assert (part.basis == "ambiguous") == (code == "1313985")


@pytest.mark.parametrize("code", ["476818", "52356", "214688", "142131", "6579", "52358"])
def test_an_ingredient_code_alone_is_unknown_never_a_guess(terminology: Terminology, code: str) -> None:
    """Glycinate, citrate, lactate, aspartate, chloride, gluconate."""
    part = terminology.medicine(rx(code), "").ingredients[0]
    assert (part.nutrient, part.factor, part.basis) == ("magnesium", None, "ambiguous")


def test_a_product_carries_all_its_ingredients(terminology: Terminology) -> None:
    antacid = terminology.medicine(rx("243463"), "")
    assert [(part.name, part.strength, part.per) for part in antacid.ingredients] == [
        ("aluminum hydroxide", 40, "mL"), ("magnesium hydroxide", 40, "mL"),
    ]  # fmt: skip
    assert {"emtricitabine", "integrase-inhibitors"} <= terminology.medicine(rx("1999667"), "").classes


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("ciprofloxacin / dexamethasone otic suspension", "otic"),
        ("ofloxacin ophthalmic solution", "ophthalmic"),
        ("tobramycin inhalation solution", "inhalation"),
        ("ciprofloxacin 2 mg/mL injection", "intravenous"),
        ("ciprofloxacin oral suspension", "oral"),
        ("mesalazine rectal suppository", "rectal"),
        ("zinc oxide 20 % ointment", "topical"),
        ("epsom salt bath", "topical"),
    ],
)
def test_the_form_decides_the_route(terminology: Terminology, text: str, route: str) -> None:
    assert terminology.medicine([], text).form_route == route


def test_codes_that_the_release_leaves_out_are_known_too(terminology: Terminology) -> None:
    names = [terminology.medicine(rx(code), "").name for code in ("977880", "904419", "1364445", "308460")]
    assert names == ["amiloride", "alendronate", "apixaban", "azithromycin"]
