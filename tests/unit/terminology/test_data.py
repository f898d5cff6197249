"""The data is sane: names that exist, codes that lead somewhere, figures that agree."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from mgcds.terminology import Terminology
from tests.conftest import RULES

CLASSES = {
    "proton-pump-inhibitors": "dexlansoprazole esomeprazole lansoprazole omeprazole pantoprazole rabeprazole",
    "loop-diuretics": "bumetanide ethacrynate furosemide torsemide",
    "magnesium-sparing-diuretics": "amiloride eplerenone spironolactone triamterene",
    "class-3-antiarrhythmics": "dofetilide ibutilide sotalol",
    "neuromuscular-blockers": "atracurium cisatracurium pancuronium rocuronium succinylcholine vecuronium",
    "bisphosphonates": "alendronate etidronate ibandronate risedronate tiludronate",
    "quinolones": "ciprofloxacin delafloxacin levofloxacin moxifloxacin norfloxacin ofloxacin",
    "tetracyclines": "demeclocycline doxycycline minocycline tetracycline",
    "integrase-inhibitors": "bictegravir dolutegravir elvitegravir raltegravir",
    "antimalarials": "chloroquine hydroxychloroquine proguanil",
    "ketamines": "esketamine ketamine",
}


def table(path: str) -> list[dict[str, str]]:
    with (RULES / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("key", "names"), CLASSES.items())
def test_classes_hold_what_the_catalogue_says(terminology: Terminology, key: str, names: str) -> None:
    assert terminology.classes[key].ingredients == set(names.split())
    assert key in terminology.places
    for name in names.split():
        assert key in terminology.medicine([], name).classes


def test_a_class_may_be_made_of_others(terminology: Terminology) -> None:
    assert {"naproxen", "ibuprofen", "prednisone", "aspirin", "clopidogrel"} <= terminology.classes[
        "gastroprotection-drugs"
    ].ingredients


def test_classes_of_ingredients(terminology: Terminology) -> None:
    found = terminology.classes_of_ingredients(["sotalol", "nothing we know"])
    assert found == {"sotalol", "beta-blockers", "class-3-antiarrhythmics", "qt-prolonging-drugs"}


def test_every_member_of_a_class_can_be_met_in_words(terminology: Terminology) -> None:
    for drug_class in terminology.classes.values():
        for name in drug_class.ingredients:
            assert name in terminology.ingredient_names
            assert name in {part.name for part in terminology.medicine([], name).ingredients}, name


def test_magnesium_is_every_salt_and_no_excipient(terminology: Terminology) -> None:
    magnesium = terminology.classes["magnesium"].ingredients
    assert {"magnesium", "magnesium oxide", "magaldrate", "magnesium oxybate", "magnesium taurate"} <= magnesium
    assert not {name for name in magnesium if "prazole" in name or "stearate" in name}


def test_every_concept_can_be_met(terminology: Terminology) -> None:
    coded = {row["concept"] for path in ("icd10cm.csv", "snomed/conditions.csv") for row in table(f"concepts/{path}")}
    meanings = terminology.index.phrases.meanings.values()
    words = {key for keys in meanings for key in keys}
    for key, concept in terminology.concepts.items():
        assert concept.codes or concept.formula or key in coded | words, key
        assert key in terminology.places
    assert coded <= set(terminology.concepts)


def test_conditions_can_be_met_without_snomed(terminology: Terminology) -> None:
    coded = {row["concept"] for row in table("concepts/icd10cm.csv")}
    words = {key for keys in terminology.index.phrases.meanings.values() for key in keys}
    assert {row["concept"] for row in table("concepts/snomed/conditions.csv")} <= coded | words


def test_factors_of_one_result_agree(terminology: Terminology) -> None:
    magnesium = terminology.concepts["serum-magnesium"].factors
    assert magnesium["mmol/L"] == 2 * magnesium["mEq/L"]
    assert abs(terminology.concepts["creatinine"].factors["umol/L"] * Decimal("88.42") - 1) < Decimal("1e-20")
    assert terminology.concepts["potassium"].convert(Decimal("3.5"), "mEq/L") == Decimal("3.50")


def test_formulas_are_computed_from_concepts_that_exist(terminology: Terminology) -> None:
    for concept in terminology.concepts.values():
        if concept.formula is not None:
            assert {concept.formula.of, concept.formula.with_ or concept.formula.of} <= set(terminology.concepts)


def test_products_name_known_forms_and_strengths(terminology: Terminology) -> None:
    for code, (_, form, _) in terminology.drugs.products.items():
        product = terminology.drugs.product(code)
        assert product is not None
        assert product.parts
        assert all(strength is None or strength > 0 for _, strength, _, _ in product.parts), code
        assert not form or terminology.drugs.route_of_form(form), form


def test_every_ndc_and_every_declared_content_is_of_a_product(terminology: Terminology) -> None:
    products = terminology.drugs.products
    assert set(terminology.drugs.ndc.values()) <= set(products)
    assert all(len(digits) == 11 and digits.isdigit() for digits in terminology.drugs.ndc)
    for code, name in terminology.drugs.declared:
        assert name in products[code][2]


def test_tables_are_sorted_and_without_repeats() -> None:
    for path in ("concepts/icd10cm.csv", "concepts/snomed/conditions.csv", "tables/atc.csv", "tables/lexicon.csv"):
        rows = [tuple(row.values()) for row in table(path)]
        assert rows == sorted(set(rows)), path
    for path in ("tables/ingredients.csv", "tables/products.csv"):
        codes = [int(row["code"]) for row in table(path)]
        assert codes == sorted(set(codes)), path
