"""The same medicine in every way that records write it: product, brand, NDC, ingredient, stated ingredients, words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mgcds.terminology import Coding, Medicine, StatedIngredient, Terminology
from mgcds.terminology.types import ATC, NDC, RXNORM, Ingredient


def rx(code: str, display: str = "") -> list[Coding]:
    return [Coding(RXNORM, code, display)]


def only(medicine: Medicine) -> Ingredient:
    assert len(medicine.ingredients) == 1, medicine
    return medicine.ingredients[0]


SAME_PRODUCT = [  # clinical drug, brand, NDC, ingredient, mg per tablet or mL
    ("198741", "210958", "00603020922", "magnesium oxide", "400"),
    ("253017", "210887", "00113033240", "magnesium hydroxide", "80"),
    ("198051", "207212", "00093521156", "omeprazole", "20"),
    ("606726", "606728", "00093645056", "esomeprazole", "20"),
    ("313988", "200809", "00054429925", "furosemide", "40"),
    ("309309", "205770", "00143203701", "ciprofloxacin", "500"),
    ("1649988", "205604", "00143314205", "doxycycline", "100"),
    ("892246", "966177", "00378180904", "levothyroxine", "0.1"),
    ("993541", "993545", "00115681102", "bupropion", "150"),
]


@pytest.mark.parametrize(("drug", "brand", "ndc", "name", "strength"), SAME_PRODUCT)
def test_a_drug_its_brand_and_its_ndc_are_one_product(
    terminology: Terminology, drug: str, brand: str, ndc: str, name: str, strength: str
) -> None:
    ways = [terminology.medicine(codes, "") for codes in (rx(drug), rx(brand), [Coding(NDC, ndc)])]
    assert {way.key for way in ways} == {ways[0].key}
    assert [way.resolved_by for way in ways] == ["rxnorm-product", "rxnorm-product", "ndc"]
    assert (only(ways[2]).name, only(ways[2]).strength) == (name, Decimal(strength))


def test_a_tablet_and_a_capsule_of_one_strength_are_two_products(terminology: Terminology) -> None:
    assert terminology.medicine(rx("1313985"), "").key != terminology.medicine(rx("2608655"), "").key


@pytest.mark.parametrize(
    ("text", "name", "strength", "route"),
    [
        ("magnesium oxide 400 mg tablet", "magnesium oxide", "400", "oral"),
        ("furosemide 40 mg tablet", "furosemide", "40", "oral"),
        ("zoledronate 0.8 mg/mL injection", "zoledronic acid", "0.8", "intravenous"),
        ("mycophenolate 250 mg capsule", "mycophenolate mofetil", "250", "oral"),
        ("esketamine 140 mg/mL nasal spray", "esketamine", "140", "nasal"),
        ("levothyroxine 0.1 mg tablet", "levothyroxine", "0.1", "oral"),
        ("levothyroxine 100 mcg tablet", "levothyroxine", "0.1", "oral"),
        ("magnesium 1,000 mg tablet", "magnesium", "1000", "oral"),
        ("400 mg magnesium oxide", "magnesium oxide", "400", None),
    ],
)
def test_words_alone(terminology: Terminology, text: str, name: str, strength: str, route: str | None) -> None:
    medicine = terminology.medicine([], text)
    assert (only(medicine).name, only(medicine).strength, medicine.form_route) == (name, Decimal(strength), route)


def test_an_unknown_code_leaves_the_display_to_decide(terminology: Terminology) -> None:
    assert terminology.medicine(rx("99999999", "pantoprazole 40 MG Delayed Release Oral Tablet"), "").name == "pantoprazole"


def test_a_strength_in_milliequivalents(terminology: Terminology) -> None:
    medicine = only(terminology.medicine([], "potassium chloride 10 mEq extended release tablet"))
    assert (medicine.strength, medicine.unit) == (Decimal(10), "mEq")
    acetate = terminology.medicine(rx("801364"), "")  # 0.0015 mEq of magnesium in one mL
    part = next(each for each in acetate.ingredients if each.nutrient == "magnesium")
    assert (part.unit, part.factor, acetate.form_route) == ("mEq", Decimal("12.1525"), "intravenous")


def test_an_ingredient_code_with_the_words_of_a_supplement(terminology: Terminology) -> None:
    elemental = only(terminology.medicine(rx("6574", "magnesium"), "magnesium (elemental) 350 mg oral tablet"))
    assert (elemental.strength, elemental.factor) == (Decimal(350), Decimal(1))
    trisilicate = terminology.medicine(rx("29170", "magnesium trisilicate"), "magnesium trisilicate 500 mg chewable tablet")
    assert (only(trisilicate).factor, "antacid" in trisilicate.kinds) == (Decimal("0.18635"), True)


@pytest.mark.parametrize("code", [[], rx("11416", "zinc")])
def test_zinc_whose_label_declares_the_elemental_amount(terminology: Terminology, code: list[Coding]) -> None:
    zinc = only(terminology.medicine(code, "zinc sulfate (elemental zinc 50 mg)"))
    assert (zinc.nutrient, zinc.strength, zinc.factor) == ("zinc", Decimal(50), Decimal(1))


def test_words_that_name_the_salt_say_more_than_the_code_of_the_nutrient(terminology: Terminology) -> None:
    oxide = only(terminology.medicine(rx("6574"), "magnesium oxide 400 mg tablet"))
    assert (oxide.name, oxide.strength, oxide.factor) == ("magnesium oxide", Decimal(400), Decimal("0.60304"))


def test_zinc_sulfate_alone_does_not_tell(terminology: Terminology) -> None:
    assert only(terminology.medicine(rx("39954"), "zinc sulfate")).factor is None


def test_a_multivitamin_in_words(terminology: Terminology) -> None:
    medicine = terminology.medicine([], "multivitamin with minerals tablet (contains magnesium 50 mg elemental per tablet)")
    magnesium = only(medicine)
    assert (magnesium.strength, magnesium.per, magnesium.factor) == (Decimal(50), "unit", Decimal(1))
    assert medicine.kinds == {"multivitamin"}


def test_stated_ingredients_of_a_medication(terminology: Terminology) -> None:
    stated = [
        StatedIngredient((Coding(RXNORM, "2418"),), ""),
        StatedIngredient((Coding(RXNORM, "6574"),), "", Decimal(60), "mg", "unit"),
    ]
    medicine = terminology.medicine([], "", stated)
    assert [(part.name, part.strength) for part in medicine.ingredients] == [
        ("cholecalciferol", None),
        ("magnesium", Decimal(60)),
    ]
    assert medicine.kinds == {"multivitamin"}


def test_a_stated_nutrient_beside_its_salt_is_the_content_of_the_salt(terminology: Terminology) -> None:
    stated = [StatedIngredient((Coding(RXNORM, "6574"),), "", Decimal(241), "mg", "unit")]
    oxide = only(terminology.medicine(rx("6582"), "", stated))
    assert (oxide.strength, oxide.factor, oxide.basis) == (Decimal(241), Decimal(1), "declared")


@pytest.mark.parametrize(
    ("text", "strength", "factor"),
    [
        ("magnesium oxide 400 mg (241.2 mg magnesium) tablet", "400", "0.603"),
        ("magnesium oxide 400 mg (elemental magnesium 241.2 mg)", "400", "0.603"),
        ("magnesium oxide (241.2 mg elemental) 400 mg tablet", "400", "0.603"),
        ("magnesium citrate 625 mg providing 100 mg elemental magnesium", "625", "0.16"),
        ("Magnesium (as magnesium oxide) 400 mg", "400", "1"),
        ("Magnesium 200 mg (as magnesium citrate)", "200", "1"),
        ("magnesium citrate 100 mg (elemental)", "100", "1"),
    ],
)
def test_what_a_label_declares_wins(terminology: Terminology, text: str, strength: str, factor: str) -> None:
    salt = only(terminology.medicine([], text))
    assert (salt.strength, salt.factor, salt.basis) == (Decimal(strength), Decimal(factor), "declared")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lisinopril-hydrochlorothiazide 20-25 mg tablet", {"hydrochlorothiazide", "lisinopril"}),
        ("magnesium-oxide 400 mg", {"magnesium oxide"}),
        ("co-magaldrox oral suspension", {"aluminum hydroxide", "magnesium hydroxide"}),
        ("Biktarvy", {"bictegravir", "emtricitabine", "tenofovir alafenamide"}),
        ("calcium 500 mg / magnesium 250 mg / zinc 15 mg tablet", {"calcium", "magnesium", "zinc"}),
        ("frusemide 40 mg", {"furosemide"}),
        ("Metoprolol_succinate", {"metoprolol"}),
        ("Levaquin 500 mg", {"levofloxacin"}),
        ("Zaroxolyn 2.5 mg tablet", {"metolazone"}),
        ("etidronate disodium 400 mg tablet", {"etidronate"}),
    ],
)
def test_hyphens_brands_and_other_names(terminology: Terminology, text: str, names: set[str]) -> None:
    assert {part.name for part in terminology.medicine([], text).ingredients} == names


def test_an_atc_group_gives_a_class_where_nothing_says_more(terminology: Terminology) -> None:
    medicine = terminology.medicine([Coding(ATC, "A12CC30")], "Some product")
    assert (medicine.resolved_by, medicine.classes, medicine.ingredients) == ("atc", {"magnesium"}, ())
    assert terminology.medicine([Coding(ATC, "A12CC30")], "magnesium citrate").name == "magnesium citrate"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("magnesium supplement", {"supplement"}),
        ("magnesium oxide 400 mg tablet", {"supplement"}),
        ("magnesium hydroxide antacid", {"antacid", "laxative"}),
        ("milk of magnesia (magnesium hydroxide) 80 mg/mL oral suspension", {"antacid", "laxative"}),
        ("magnesium citrate oral solution", {"laxative"}),
        ("magnesium citrate 100 mg capsule", {"supplement"}),
        ("epsom salt oral", {"laxative"}),
        ("aluminum hydroxide 160 mg / magnesium carbonate 105 mg chewable tablet", {"antacid"}),
        ("magnesium oxide 400 mg / pyridoxine 10 mg prenatal vitamin", {"multivitamin"}),
        ("Clenpiq", {"laxative"}),
        ("magnesium sulfate 40 mg/mL injection", set()),
        ("omeprazole 20 mg capsule", set()),
    ],
)
def test_kinds_of_products(terminology: Terminology, text: str, kinds: set[str]) -> None:
    assert terminology.medicine([], text).kinds == kinds
