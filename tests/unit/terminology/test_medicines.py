"""What medication codes and words mean, and the hazards of real ones."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from mgcds.terminology import Coding, Medicine, StatedIngredient, Terminology, canonical_system
from mgcds.terminology.medicines import LONGEST_WORDS
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


def test_unresolved_is_a_state_that_keeps_the_name(terminology: Terminology) -> None:
    medicine = terminology.medicine([Coding("urn:local", "1")], "Frobnicate 10 mg")
    assert (medicine.resolved_by, medicine.name, medicine.classes) == ("unresolved", "Frobnicate 10 mg", frozenset())


@pytest.mark.parametrize("text", ["9" * 3_999, "1." * 1_999, "٠" * 3_999, "9" * 400_000, "mg " * 100_000])
def test_a_name_that_is_made_to_take_time_takes_none(terminology: Terminology, text: str) -> None:
    """Amounts were looked for from every digit of a number: 4,000 digits took a second, 400,000 held up the worker."""
    start = time.process_time()
    medicine = terminology.medicine([Coding("urn:x", "1", text), Coding("urn:x", "2", text + " ")], text)
    assert time.process_time() - start < 0.25
    assert not medicine.is_resolved


def test_a_text_longer_than_any_name_is_left_unread_and_never_cut(terminology: Terminology) -> None:
    sentence = "magnesium oxide 400 mg tablet "
    long = sentence * (LONGEST_WORDS // len(sentence) + 1)
    assert terminology.medicine([], long[:LONGEST_WORDS]).is_resolved
    assert not terminology.medicine([], long).is_resolved
    assert terminology.medicine([], long).key != terminology.medicine([], long + "x").key  # two unread names are not one
    assert terminology.medicine(rx("198051"), long).name == "omeprazole"  # codes count
    assert terminology.medicine([Coding("urn:x", "1", "omeprazole")], long).name == "omeprazole"  # and so do other words


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
