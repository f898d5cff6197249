"""What medication codes and words mean, and the hazards of real ones."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mgcds.terminology import Coding, Medicine, StatedIngredient, Terminology, canonical_system
from mgcds.terminology.systems import ndc_readings
from mgcds.terminology.types import ATC, ICD10CM, LOINC, NDC, RXNORM, SNOMED


def rx(code: str) -> list[Coding]:
    return [Coding(RXNORM, code)]


def strengths(medicine: Medicine) -> list[tuple[str, Decimal | None, str, Decimal | None, str]]:
    return [(i.name, i.strength, i.per, i.factor, i.basis) for i in medicine.ingredients]


def test_a_product_code_gives_ingredient_strength_form_and_class(terminology: Terminology) -> None:
    medicine = terminology.medicine(rx("198051"), "")
    assert (medicine.name, medicine.form_route, medicine.resolved_by) == ("omeprazole", "oral", "rxnorm-product")
    assert "proton-pump-inhibitors" in medicine.classes
    assert medicine.ingredients[0].strength == 20


def test_a_brand_is_the_same_product_as_its_clinical_drug(terminology: Terminology) -> None:
    assert terminology.medicine(rx("210958"), "").key == terminology.medicine(rx("198741"), "").key


@pytest.mark.parametrize("text", ["esomeprazole magnesium 20 mg capsule", "Esomeprazole Magnesium"])
def test_esomeprazole_magnesium_is_no_magnesium_product(terminology: Terminology, text: str) -> None:
    medicine = terminology.medicine([], text)
    assert "magnesium" not in medicine.classes
    assert "proton-pump-inhibitors" in medicine.classes
    assert "magnesium" not in terminology.medicine(rx("606726"), text).classes


def test_magnesium_stearate_is_an_excipient(terminology: Terminology) -> None:
    assert not terminology.medicine([], "magnesium stearate").is_resolved


def test_lactate_84_mg_is_elemental_and_chloride_596_mg_is_salt(terminology: Terminology) -> None:
    assert strengths(terminology.medicine(rx("198936"), "")) == [
        ("magnesium lactate", Decimal(84), "unit", Decimal(1), "elemental")
    ]
    chloride = strengths(terminology.medicine(rx("1245383"), ""))[1]
    assert chloride == ("magnesium chloride", Decimal(596), "unit", Decimal("0.11956"), "salt")


def test_an_ambiguous_product_is_taken_as_elemental_and_says_so(terminology: Terminology) -> None:
    assert strengths(terminology.medicine(rx("1313985"), ""))[0][3:] == (Decimal(1), "ambiguous")


def test_an_ingredient_code_alone_does_not_tell_salt_from_elemental(terminology: Terminology) -> None:
    assert strengths(terminology.medicine(rx("476818"), ""))[0][3:] == (None, "ambiguous")


def test_a_declared_elemental_content_is_believed(terminology: Terminology) -> None:
    text = "magnesium bisglycinate 2000 mg (salt weight, provides 282 mg elemental magnesium)"
    for codes in ([], rx("476818")):
        assert strengths(terminology.medicine(codes, text)) == [
            ("magnesium glycinate", Decimal(2000), "unit", Decimal("0.141"), "declared")
        ]


def test_strengths_are_read_from_words_ingredient_by_ingredient(terminology: Terminology) -> None:
    medicine = terminology.medicine([], "aluminum hydroxide 40 mg/mL / magnesium hydroxide 40 mg/mL oral suspension")
    assert [(name, strength, per) for name, strength, per, _, _ in strengths(medicine)] == [
        ("aluminum hydroxide", Decimal(40), "mL"), ("magnesium hydroxide", Decimal(40), "mL"),
    ]  # fmt: skip
    assert medicine.kinds == {"antacid", "laxative"}
    assert medicine.form_route == "oral"


def test_a_strength_per_5_ml_is_divided(terminology: Terminology) -> None:
    assert terminology.medicine([], "magnesium hydroxide 400 mg/5 mL oral suspension").ingredients[0].strength == 80


def test_a_multivitamin_with_stated_ingredients(terminology: Terminology) -> None:
    stated = [StatedIngredient((Coding(RXNORM, "6574"),), "magnesium", Decimal(50), "mg", "unit")]
    medicine = terminology.medicine([], "multivitamin with minerals tablet", stated)
    assert medicine.kinds == {"multivitamin"}
    assert strengths(medicine) == [("magnesium", Decimal(50), "unit", Decimal(1), "elemental")]


@pytest.mark.parametrize("code", ["00093521156", "00093-5211-56", "0093-5211-56", "0093521156"])
def test_an_ndc_in_its_forms(terminology: Terminology, code: str) -> None:
    assert terminology.medicine([Coding(NDC, code)], "").name == "omeprazole"


@pytest.mark.parametrize(
    ("code", "readings"),
    [
        ("12345-678-90", ("12345067890",)),
        ("12345-6789-1", ("12345678901",)),
        ("1234-5678-90", ("01234567890",)),
        ("12345678901", ("12345678901",)),
        ("1234567890", ("01234567890", "12345067890", "12345678900")),
        ("123456789", ()),
        ("12345-6789", ()),
        ("123456-789-1", ()),
        ("1234-5678-x", ()),
        (" 12345-678-90 ", ("12345067890",)),
        ("1234-56789-1", ()),
        ("1234-5678-901", ()),
        ("1234567890-1", ()),
        ("", ()),
    ],
)
def test_an_ndc_has_eleven_digits_and_without_hyphens_three_readings(code: str, readings: tuple[str, ...]) -> None:
    assert ndc_readings(code) == readings


def test_ten_bare_digits_that_may_be_either_of_two_products_are_not_guessed(terminology: Terminology) -> None:
    two = {terminology.medicine([Coding(NDC, code)], "").key for code in ("13668-009-05", "13668-0090-5")}
    assert len(two) == 2
    assert not terminology.medicine([Coding(NDC, "1366800905")], "").is_resolved


def test_an_atc_code_where_nothing_else_is_known(terminology: Terminology) -> None:
    assert "bisphosphonates" in terminology.medicine([Coding(ATC, "M05BA01")], "etidronate disodium 400 mg tablet").classes


def test_an_atc_group_tells_the_class_and_a_like_code_of_another_system_does_not(terminology: Terminology) -> None:
    assert terminology.medicine([Coding(ATC, "A12CC99")], "").classes == {"magnesium"}
    assert not terminology.medicine([Coding("urn:local", "A12CC99")], "").classes


def test_unresolved_is_a_state_that_keeps_the_name(terminology: Terminology) -> None:
    medicine = terminology.medicine([Coding("urn:local", "1")], "Frobnicate 10 mg")
    assert (medicine.resolved_by, medicine.name, medicine.classes) == ("unresolved", "Frobnicate 10 mg", frozenset())


def test_eye_drops_and_injections_have_their_own_routes(terminology: Terminology) -> None:
    assert terminology.medicine([], "ciprofloxacin 0.3 % ophthalmic solution").form_route == "ophthalmic"
    assert terminology.medicine(rx("1658259"), "").form_route == "intravenous"
    assert terminology.medicine([], "magnesium chloride topical oil").form_route == "topical"


def test_routes_by_code_and_by_words(terminology: Terminology) -> None:
    assert terminology.route([Coding(SNOMED, "26643006")], "") == "oral"
    assert terminology.route([], "Nasogastric tube") == "enteral"
    assert terminology.route([], "somewhere") is None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("urn:oid:2.16.840.1.113883.6.88", RXNORM), ("2.16.840.1.113883.6.1", LOINC), ("https://loinc.org/", LOINC),
     ("http://snomed.info/sct", SNOMED), ("urn:oid:2.16.840.1.113883.6.90", ICD10CM), (None, "")],
)  # fmt: skip
def test_code_systems_in_their_spellings(written: str | None, canonical: str) -> None:
    assert canonical_system(written) == canonical


def test_conditions_by_code_by_prefix_and_by_words_only_without_a_code(terminology: Terminology) -> None:
    def of(*codings: Coding, text: str = "") -> frozenset[str]:
        return terminology.concepts_of(codings, text, "Condition")

    assert of(Coding(ICD10CM, "N18.4")) == {"ckd-4"}
    assert of(Coding(ICD10CM, "N18.31")) == {"ckd-3a"}
    assert of(Coding(ICD10CM, "N18.30")) == {"ckd-3"}
    assert of(Coding(ICD10CM, "E11.9")) == {"diabetes-2"}
    assert of(Coding(SNOMED, "700379002")) == {"ckd-3b"}
    assert of(text="Chronic kidney disease stage 3a") == {"ckd-3a"}
    assert of(Coding(ICD10CM, "N18.4"), text="CKD stage 3a") == {"ckd-4"}
    assert of(Coding(ICD10CM, "F33.42")) == frozenset()


def test_red_cell_and_urine_magnesium_are_not_serum_magnesium(terminology: Terminology) -> None:
    for code in ("2597-3", "19124-7", "21377-7"):
        assert terminology.concepts_of([Coding(LOINC, code)], "Magnesium", "Observation") == frozenset()
    assert terminology.concepts_of([Coding(LOINC, "2601-3")], "", "Observation") == {"serum-magnesium"}


def test_units_decide_the_conversion_never_the_code(terminology: Terminology) -> None:
    magnesium = terminology.concepts["serum-magnesium"]
    values = [magnesium.convert(Decimal(1), unit) for unit in ("mmol/L", "mEq/L", "mg/L", "g/L", None)]
    assert values == [Decimal("2.43"), Decimal("1.22"), Decimal("0.10"), None, None]
    assert magnesium.factors["mmol/L"] == 2 * magnesium.factors["mEq/L"]


def test_snomed_files_may_be_left_out(terminology: Terminology, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import shutil

    from tests.conftest import RULES

    shutil.copytree(RULES, tmp_path / "rules", ignore=shutil.ignore_patterns("snomed"))
    without = Terminology.load(tmp_path / "rules")
    assert without.concepts_of([Coding(SNOMED, "431857002")], "", "Condition") == frozenset()
    assert without.concepts_of([Coding(ICD10CM, "N18.4")], "", "Condition") == {"ckd-4"}


def of_words(terminology: Terminology, text: str) -> list[tuple[str, str, str, str]]:
    """Ingredient, strength with its unit, factor to elemental (where there is one) and basis."""
    return [
        (i.name, f"{i.strength} {i.unit}", "" if i.factor is None else str(round(i.factor, 3)), i.basis)
        for i in terminology.medicine([], text).ingredients
    ]


@pytest.mark.parametrize(
    ("text", "strength", "factor", "basis"),
    [
        ("magnesium citrate 1000 mg (elemental 160 mg)", "1000 mg", "0.160", "declared"),
        ("magnesium citrate 1 g tablet", "1000 mg", "", "ambiguous"),
        ("magnesium citrate 1000 mcg tablet", "1.000 mg", "", "ambiguous"),
        ("magnesium citrate 1000 mg, elemental: 160 mg", "1000 mg", "0.160", "declared"),
        ("magnesium citrate 1000 mg, elemental magnesium 160 mg", "1000 mg", "0.160", "declared"),
        ("magnesium citrate 1000 mg - elemental 160 mg tablet", "1000 mg", "0.160", "declared"),
        ("magnesium citrate 160 mg elemental, citrate 1000 mg", "1000 mg", "0.160", "declared"),
        ("160 mg elemental, magnesium citrate 1000 mg", "1000 mg", "0.160", "declared"),
        ("magnesium citrate 8 mEq, elemental 97 mg", "8 mEq", "12.152", "elemental"),
        # More nutrient than salt, or so much of a tablet in so much of a millilitre: it declares nothing.
        ("magnesium citrate 100 mg (provides 160 mg elemental magnesium)", "100 mg", "", "ambiguous"),
        ("magnesium citrate 100 mg (8 mEq elemental)", "100 mg", "", "ambiguous"),
        # So much or so much: the amount beside it is not all nutrient for that.
        ("magnesium citrate 1000 mg (120-160 mg elemental)", "1000 mg", "", "ambiguous"),
        ("magnesium citrate 800-1000 mg (120-160 mg elemental)", "None mg", "", "ambiguous"),
        ("magnesium (as magnesium citrate) 100-200 mg", "None mg", "1.000", "declared"),
        ("magnesium citrate 1000 mg/5 mL (160 mg elemental magnesium)", "200 mg", "", "ambiguous"),
        ("magnesium citrate 9999999999999999 mg", "None mg", "", "ambiguous"),
    ],
)
def test_what_words_declare_is_believed_where_it_can_be(
    terminology: Terminology, text: str, strength: str, factor: str, basis: str
) -> None:
    assert of_words(terminology, text) == [("magnesium citrate", strength, factor, basis)]


def test_each_of_three_ingredients_has_the_amount_that_follows_it(terminology: Terminology) -> None:
    found = of_words(terminology, "calcium carbonate 600 mg / magnesium oxide 400 mg / zinc gluconate 15 mg tablet")
    assert [each[:2] for each in found] == [
        ("calcium carbonate", "600 mg"), ("magnesium oxide", "400 mg"), ("zinc gluconate", "15 mg"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "strength"),
    [("0,5 g", "500.0 mg"), ("241,3 mg", "241.3 mg"), ("0,125 g", "125.000 mg"), ("0,25 g", "250.00 mg"), ("1,000 mg", "1000 mg"),
     ("10,000 mcg", "10.000 mg"), ("5,10,15 mg", "None mg")],
)  # fmt: skip
def test_a_decimal_comma_is_no_pause_between_two_numbers(terminology: Terminology, written: str, strength: str) -> None:
    assert of_words(terminology, f"magnesium oxide {written} tablet") == [("magnesium oxide", strength, "0.603", "salt")]


@pytest.mark.parametrize(
    ("written", "strength"),
    [("1 000 mg", "1000 mg"), ("1\u202f000 mg", "1000 mg"), ("1'000 mg", "1000 mg"), ("1\u2019500 mg", "1500 mg"),
     ("1 500 mg", "None mg"), ("1.500 mg", "None mg"), ("1.745 g", "1745 mg"), ("1.125 mg", "1.125 mg"), ("0.500 mg", "0.500 mg")],
)  # fmt: skip
def test_a_thousand_in_the_spelling_of_another_country_is_no_small_or_empty_dose(
    terminology: Terminology, written: str, strength: str
) -> None:
    ((_, found, _, _),) = of_words(terminology, f"magnesium glycinate {written} tablet")
    assert found.replace("1745.000", "1745") == strength


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("magnesium oxide 200-400 mg", None),
        ("magnesium oxide 200 to 400 mg", None),
        ("magnesium oxide 200 mg to 400 mg", None),
        ("magnesium oxide 200 mg - 400 mg", None),
        ("magnesium oxide (MAG-OX 400) 400 mg tablet", 400),
        ("magnesium oxide Mag-Ox 400 400 mg", 400),
        ("magnesium oxide 2 x 400 mg", 400),
    ],
)
def test_a_range_is_no_strength_and_a_number_in_a_brand_is_no_range(
    terminology: Terminology, text: str, strength: int | None
) -> None:
    assert [part.strength for part in terminology.medicine([], text).ingredients] == [strength]


@pytest.mark.parametrize(
    ("text", "strength", "per"),
    [
        ("magnesium sulfate 40 g/L", 40, "mL"),
        ("magnesium sulfate 20 g/0.5 L", 40, "mL"),
        ("Magnesium Sulfate 2 GM/50ML Intravenous Solution", 40, "mL"),
        ("magnesium oxide 400000 \u00b5g", 400, "unit"),
        ("magnesium oxide 400000 \u03bcg", 400, "unit"),
        ("magnesium hydroxide 400 mg per 5 mL", 80, "mL"),
        ("magnesium hydroxide 400 mg/5 cc", None, ""),
        ("magnesium sulfate 40 mg/kg", None, ""),
        ("magnesium sulfate 2 g/hr", None, ""),
        ("magnesium sulfate 2 g/1 h", None, ""),
        ("magnesium oxide 800 mg/2 tablets", None, ""),
        ("magnesium glycinate 2000 mg, provides 282 mg magnesium per 2 tablets", None, ""),
        ("magnesium oxide 400 mg per tablet", 400, "unit"),
        ("magnesium oxide 400 mg/1", 400, "unit"),
        ("magnesium oxide 400 mg / 1 tablet", 400, "unit"),
    ],
)
def test_an_amount_per_litre_kilogram_hour_or_two_tablets_is_not_that_of_one(
    terminology: Terminology, text: str, strength: int | None, per: str
) -> None:
    assert [(part.strength, part.per) for part in terminology.medicine([], text).ingredients] == [(strength, per)]


@pytest.mark.parametrize(
    ("text", "strengths_of"),
    [
        ("aluminum hydroxide-magnesium hydroxide-simethicone 200-200-20 mg/5 mL", (None, None)),
        ("aluminum hydroxide-magnesium hydroxide-simethicone 200 mg-200 mg-20 mg/5 mL oral suspension", (None, None)),
        ("calcium-magnesium 500 mg-250 mg tablet", (None, None)),
        ("calcium carbonate/magnesium oxide 300 mg", (None, None)),
        ("Mag-Al 200 mg tablet", (None, None)),
        ("magnesium sulfate 500 mg/mL 4.06 mEq/mL", (500,)),
        ("Each tablet contains 500 mg calcium carbonate and 250 mg magnesium oxide", (None, None)),
        ("magnesium 250 mg (as magnesium oxide), zinc 15 mg (as zinc gluconate)", (None, None)),
        ("vitamin D3 1,000 IU + magnesium 100 mg", (None, 100)),
        ("MAG-OX (magnesium oxide) 400 mg, zinc 15 mg", (400, 15)),
    ],
)
def test_the_amount_of_one_ingredient_is_never_anothers(
    terminology: Terminology, text: str, strengths_of: tuple[int | None, ...]
) -> None:
    assert tuple(part.strength for part in terminology.medicine([], text).ingredients) == strengths_of


@pytest.mark.parametrize(
    ("text", "strength", "elemental"),
    [
        ("magnesium oxide (equiv. to Mg 250 mg)", 250, 250),
        ("magnesium oxide 240 mg Mg", 240, 240),
        ("Magnesium Oxide 400 (241.3 Mg) MG tablet", 400, 241),
        ("Magnesium Oxide -Mg Supplement 400 (240 Mg) MG Oral Tablet", 400, 240),
        ("Zinc Sulfate 220 (50 Zn) MG capsule", 220, 50),
        ("magnesium oxide 400 mg (= 240 mg Mg) tablet", 400, 240),
        ("magnesium oxide 400 mg, Zn 15 mg", 400, 241),  # another nutrient's
        ("magnesium elemental 300 mg (from oxide 500 mg)", 300, 300),
        ("magnesium (as magnesium oxide 400 mg) 241 mg", 400, 241),
    ],
)
def test_a_label_that_counts_the_nutrient_by_its_symbol_is_not_taken_for_its_salt(
    terminology: Terminology, text: str, strength: int, elemental: int
) -> None:
    (part,) = terminology.medicine([], text).ingredients
    assert part.strength == strength
    assert part.factor is not None
    assert round(part.strength * part.factor) == elemental


@pytest.mark.parametrize(
    ("text", "salt", "elemental"),
    [
        ("vitamin C 500 mg, zinc sulfate 220 mg (50 mg elemental zinc)", "zinc sulfate", 50),
        ("calcium carbonate 298 mg / magnesium chloride 596 mg (71 mg elemental magnesium)", "magnesium chloride", 71),
        ("calcium (as calcium carbonate) 500 mg, magnesium (as magnesium oxide) 250 mg", "magnesium oxide", 250),
        ("magnesium oxide 400 mg (240 mg elemental), omeprazole 20 mg", "magnesium oxide", 240),
        ("omeprazole 20 mg, magnesium 241 mg (as magnesium oxide 400 mg)", "magnesium oxide", 241),
        ("omeprazole 20 mg, 160 mg elemental, magnesium citrate 1000 mg", "magnesium citrate", None),
        ("omeprazole 20 mg, magnesium (as magnesium oxide 400 mg) 241 mg", "magnesium oxide", 241),
        ("magnesium (as magnesium oxide) 250 mg, zinc (as zinc gluconate) 15 mg", "magnesium oxide", None),
    ],
)
def test_what_a_salt_holds_is_not_reckoned_from_the_amount_of_its_neighbour(
    terminology: Terminology, text: str, salt: str, elemental: int | None
) -> None:
    (part,) = (part for part in terminology.medicine([], text).ingredients if part.name == salt)
    assert part.strength is not None
    assert (None if part.factor is None else round(part.strength * part.factor)) == elemental


def test_what_a_salt_of_unread_amount_holds_is_not_declared_by_the_nutrients_amount(terminology: Terminology) -> None:
    assert of_words(terminology, "magnesium oxide 200-400 mg (120 mg elemental)") == [
        ("magnesium oxide", "None mg", "0.603", "salt")
    ]


def test_what_is_declared_of_two_salts_together_is_said_of_neither(terminology: Terminology) -> None:
    found = of_words(terminology, "magnesium oxide / magnesium citrate 1000 mg (provides 250 mg elemental magnesium)")
    assert [each[2:] for each in found] == [("0.603", "salt"), ("", "ambiguous")]


def test_words_beside_a_product_code_may_declare_what_its_salt_holds(terminology: Terminology) -> None:
    text = "magnesium citrate 100 mg tablet (provides 14 mg elemental magnesium)"
    assert strengths(terminology.medicine(rx("1313985"), text))[0][1:] == (Decimal(100), "unit", Decimal("0.14"), "declared")
    other = text.replace("100 mg", "200 mg")  # not the strength of the product
    assert strengths(terminology.medicine(rx("1313985"), other))[0][1:] == (Decimal(100), "unit", Decimal(1), "ambiguous")


def _part(code: str, strength: Decimal | None, unit: str | None = "mg") -> StatedIngredient:
    return StatedIngredient((Coding(RXNORM, code),), "", strength, unit, "unit")


@pytest.mark.parametrize(
    ("salt", "nutrient", "strength", "factor"),
    [(Decimal(500), Decimal(50), 500, "0.1"), (None, Decimal(50), 50, "1"), (Decimal(500), None, 500, None)],
)
def test_a_stated_nutrient_says_what_the_stated_salt_holds(
    terminology: Terminology, salt: Decimal | None, nutrient: Decimal | None, strength: int, factor: str | None
) -> None:
    ((name, amount, _, held, _),) = strengths(
        terminology.medicine([], "tablet", [_part("476818", salt), _part("6574", nutrient)])
    )
    assert (name, amount, held) == ("magnesium glycinate", strength, None if factor is None else Decimal(factor))


def test_a_stated_ingredient_without_a_strength_leaves_it_to_the_words(terminology: Terminology) -> None:
    medicine = terminology.medicine([], "magnesium oxide 400 mg tablet", [_part("6582", None)])
    assert [(part.name, part.strength) for part in medicine.ingredients] == [("magnesium oxide", 400)]


def test_a_code_is_believed_before_words_of_another_medicine(terminology: Terminology) -> None:
    for code, name in (("6582", "magnesium oxide"), ("6574", "magnesium")):
        assert terminology.medicine(rx(code), "zinc sulfate 220 mg").name == name


@pytest.mark.parametrize("code", ["00603020922", "0603-0209-22"])
def test_an_ndc_under_another_system_is_none(terminology: Terminology, code: str) -> None:
    assert terminology.medicine([Coding(NDC, code)], "").is_resolved
    assert not terminology.medicine([Coding("urn:local", code)], "").is_resolved


def test_a_display_that_repeats_the_text_makes_no_other_product(terminology: Terminology) -> None:
    text = "Magnesium oxide 400 mg tablet"
    assert terminology.medicine([Coding("urn:x", "1", text.upper())], text).key == terminology.medicine([], text).key


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (3, "magnesium oxide / zinc sulfate / calcium carbonate"),
        (4, "magnesium oxide / zinc sulfate / calcium carbonate and 1 more"),
        (5, "magnesium oxide / zinc sulfate / calcium carbonate and 2 more"),
    ],
)
def test_a_mixture_is_called_by_its_first_three(terminology: Terminology, count: int, name: str) -> None:
    parts = ["magnesium oxide", "zinc sulfate", "calcium carbonate", "omeprazole", "alendronate"]
    assert terminology.medicine([], " / ".join(parts[:count])).name == name


def test_a_local_code_with_the_digits_of_an_rxnorm_product_is_not_that_product(terminology: Terminology) -> None:
    assert terminology.medicine(rx("198051"), "").is_resolved
    assert not terminology.medicine([Coding("urn:local", "198051")], "").is_resolved


def test_an_atc_code_alone_names_the_ingredient(terminology: Terminology) -> None:
    medicine = terminology.medicine([Coding(ATC, "A02BC01")], "")
    assert (medicine.name, medicine.resolved_by) == ("omeprazole", "atc")


def test_a_stated_ingredient_is_there_beside_the_coded_one(terminology: Terminology) -> None:
    told = [StatedIngredient((), "zinc", Decimal(15), "mg", "unit")]
    for codes in (rx("7646"), [Coding(ATC, "A02BC01")]):
        assert terminology.medicine(codes, "", told).name == "omeprazole / zinc"


def test_the_display_of_a_code_tells_the_strength_that_the_text_leaves_out(terminology: Terminology) -> None:
    medicine = terminology.medicine([Coding("urn:local", "1", "Magnesium oxide 400 mg tablet")], "Magnesium oxide")
    assert [part.strength for part in medicine.ingredients] == [400]


def test_a_stated_strength_in_milliequivalents_is_not_one_in_milligrams(terminology: Terminology) -> None:
    (part,) = terminology.medicine([], "", [StatedIngredient((), "magnesium chloride", Decimal(8), "mEq", "unit")]).ingredients
    assert (part.strength, part.unit, part.factor, part.basis) == (8, "mEq", Decimal("12.1525"), "elemental")
