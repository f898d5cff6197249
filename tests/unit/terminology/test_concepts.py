"""What records are about: by code, by prefix, and by words where no code is known."""

from __future__ import annotations

import pytest

from mgcds.terminology import Coding, Terminology, canonical_system
from mgcds.terminology.systems import ROUTES
from mgcds.terminology.types import ATC, ICD10CM, LOINC, NDC, SNOMED


@pytest.mark.parametrize(
    ("icd", "snomed", "concept"),
    [
        ("F33.1", "370143000", "major-depression"),
        ("F31.9", "13746004", "bipolar-disorder"),
        ("E10.9", "46635009", "diabetes-1"),
        ("E11.9", "44054006", "diabetes-2"),
        ("I21.9", "57054005", "acute-mi"),
        ("F10.20", "7200002", "alcohol-use-disorder"),
        ("F19.20", "2403008", "substance-use-disorder"),
        ("R41.0", "286933003", "confusion"),
        ("I60.9", "21454007", "subarachnoid-haemorrhage"),
        ("K50.90", "34000006", "crohns-disease"),
        ("K90.0", "396331005", "coeliac-disease"),
        ("K91.2", "26629001", "short-bowel-syndrome"),
        ("K56.609", "81060008", "bowel-obstruction"),
        ("K91.30", None, "bowel-obstruction"),
        ("K91.32", None, "bowel-obstruction"),
        ("K52.9", "236071009", "diarrhoea"),
        ("E40", None, "malnutrition"),
        ("E41", None, "malnutrition"),
        ("E42", None, "malnutrition"),
        ("E46", "272588001", "malnutrition"),
        ("R63.4", "448765001", "unintentional-weight-loss"),
        ("I47.21", "31722008", "torsades"),
        ("I44.2", "27885002", "av-block-2-or-3"),
        ("Z95.0", "441509002", "pacemaker"),
        ("G70.00", "91637004", "myasthenia-gravis"),
        ("R56.9", "91175000", "seizure"),
        ("R29.0", None, "tetany"),
        ("M62.838", "45352006", "muscle-spasm"),
        ("O15.9", "15938005", "eclampsia"),
        ("O14.10", "398254007", "obstetric-magnesium"),
        ("F20.9", "58214004", "psychosis"),
        ("N30.90", "38822007", "cystitis"),
        ("R39.15", None, "lower-urinary-tract-symptoms"),
        ("K22.70", "302914006", "barretts-oesophagus"),
        ("N18.4", "431857002", "ckd-4"),
        ("I67.1", None, "aneurysm"),
        ("Q28.2", "234142008", "arteriovenous-malformation"),
        ("Z33.1", "77386006", "pregnancy"),
        ("Z39.1", "225604004", "lactation"),
        ("Z99.2", "105502003", "dialysis"),
        (None, "1153570009", "treatment-resistant-depression"),
    ],
)
def test_conditions_in_both_code_systems(terminology: Terminology, icd: str | None, snomed: str | None, concept: str) -> None:
    for system, code in ((ICD10CM, icd), (SNOMED, snomed)):
        if code is not None:
            assert concept in terminology.concepts_of([Coding(system, code)], "", "Condition")


@pytest.mark.parametrize("code", ["F331", "f33.1", " F33.1 "])
def test_an_icd_code_in_its_spellings(terminology: Terminology, code: str) -> None:
    assert terminology.concepts_of([Coding(ICD10CM, code)], "", "Condition") == {"major-depression"}


@pytest.mark.parametrize("code", ["F10.21", "F11.11", "F33.42", "F11.90", "I25.2", "Z90.49", "K51.90"])
def test_codes_that_are_near_but_mean_something_else(terminology: Terminology, code: str) -> None:
    assert terminology.concepts_of([Coding(ICD10CM, code)], "", "Condition") == frozenset()


def test_a_record_type_decides_which_concepts_count(terminology: Terminology) -> None:
    anaesthesia = [Coding(SNOMED, "50697003")]
    assert terminology.concepts_of(anaesthesia, "", "ServiceRequest") == {"general-anaesthesia"}
    assert terminology.concepts_of(anaesthesia, "", "Condition") == {"anaesthesia"}
    hospice = [Coding(SNOMED, "385763009")]
    for kind in ("Procedure", "Condition", "Encounter"):
        assert terminology.concepts_of(hospice, "", kind) == {"hospice-care"}
    assert terminology.concepts_of([Coding(SNOMED, "232717009")], "", "Procedure") == {"cardiac-surgery"}
    assert terminology.concepts_of([Coding(LOINC, "19123-9")], "", "ServiceRequest") == {"serum-magnesium-order"}
    assert terminology.concepts_of([Coding(LOINC, "82810-3")], "Pregnancy status", "Observation") == {"pregnancy"}


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("Chronic kidney disease, stage 4 (severe)", {"ckd-4"}),
        ("Crohn’s disease", {"crohns-disease"}),
        ("Dependence on renal dialysis", {"dialysis"}),
        ("Treatment-resistant depression", {"treatment-resistant-depression", "major-depression"}),
        ("Prevention of atrial fibrillation after cardiac surgery", {"af-prophylaxis", "cardiac-surgery"}),
        ("Severe pre-eclampsia, seizure prophylaxis", {"pre-eclampsia", "obstetric-magnesium", "seizure"}),
        ("Fetal neuroprotection", {"obstetric-magnesium"}),
        ("Polymorphic VT", {"torsades"}),
        ("Comfort measures only", {"hospice-care"}),
        ("Mobitz II", {"av-block-2-or-3"}),
        ("AV block, second degree", {"av-block-2-or-3"}),
        ("Permanent pacemaker", {"pacemaker"}),
        ("LUTS", {"lower-urinary-tract-symptoms"}),
        ("Cerebral AVM", {"arteriovenous-malformation"}),
        ("Weakness", {"muscle-weakness"}),
        ("Type 2 diabetes without complications", {"diabetes-2"}),
        ("CKD stage 3b, not on dialysis", {"ckd-3b"}),
        ("No bowel obstruction; myasthenia gravis", {"myasthenia-gravis"}),
    ],
)
def test_words_where_no_code_is_known(terminology: Terminology, text: str, concepts: set[str]) -> None:
    assert terminology.concepts_of([Coding("urn:local", "17")], text, "Condition") == concepts


@pytest.mark.parametrize(
    "text",
    [
        "Not pregnant",
        "Family history of bipolar disorder",
        "History of torsades de pointes",
        "Hospice care declined",
        "Major depressive disorder, in full remission",
        "Rule out acute myocardial infarction",
        "Pregnancyless",
    ],
)
def test_words_that_deny_it(terminology: Terminology, text: str) -> None:
    assert terminology.concepts_of([], text, "Condition") == frozenset()


def test_words_that_no_code_can_say_count_beside_one(terminology: Terminology) -> None:
    coded = [Coding(ICD10CM, "F33.2")]
    found = terminology.concepts_of(coded, "Treatment-resistant depression", "Condition")
    assert found == {"major-depression", "treatment-resistant-depression"}


def test_words_do_not_count_beside_a_known_code(terminology: Terminology) -> None:
    assert terminology.concepts_of([Coding(ICD10CM, "E11.9")], "Bipolar disorder", "Condition") == {"diabetes-2"}


@pytest.mark.parametrize(
    ("code", "concept"),
    [
        ("2823-3", "potassium"), ("17861-6", "calcium-total"), ("1995-0", "calcium-ionised"), ("1751-7", "albumin"),
        ("2160-0", "creatinine"), ("14682-9", "creatinine"), ("98979-8", "egfr"), ("4548-4", "hba1c"), ("8867-4", "heart-rate"),
        ("44261-6", "phq-9-total"), ("9279-1", "respiratory-rate"), ("8636-3", "qtc-interval"),
        ("8480-6", "systolic-blood-pressure"), ("8462-4", "diastolic-blood-pressure"),
    ],
)  # fmt: skip
def test_results_by_loinc(terminology: Terminology, code: str, concept: str) -> None:
    assert terminology.concepts_of([Coding(LOINC, code)], "", "Observation") == {concept}
    assert [each.key for each in terminology.measured([Coding(LOINC, code)])] == [concept]


def test_intake_has_codes_of_our_own(terminology: Terminology) -> None:
    for name in ("magnesium-intake", "choline-intake"):
        assert terminology.concepts_of([Coding("urn:mgcds:observation", name)], "", "Observation") == {name}


@pytest.mark.parametrize("code", ["2597-3", "26746-8", "19124-7", "24447-5", "2600-5", "29365-4", "59261-8"])
def test_other_fluids_and_methods_are_not_the_result(terminology: Terminology, code: str) -> None:
    assert terminology.concepts_of([Coding(LOINC, code)], "Magnesium", "Observation") == frozenset()
    assert not terminology.measured([Coding(LOINC, code, "Magnesium")])


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("urn:oid:2.16.840.1.113883.6.96", SNOMED), ("URN:OID:2.16.840.1.113883.6.69", NDC),
        ("urn:oid:2.16.840.1.113883.6.73", ATC), ("urn:oid:2.16.840.1.113883.5.112", ROUTES),
        ("http://hl7.org/fhir/v3/RouteOfAdministration", ROUTES), ("https://hl7.org/fhir/sid/icd-10-cm", ICD10CM),
        ("http://hl7.org/fhir/sid/icd-10", ICD10CM), ("http://snomed.info/sct/731000124108/version/20240301", SNOMED),
        ("http://LOINC.org", LOINC), (" http://loinc.org|2.77 ", LOINC), ("urn:oid:1.2.3", "urn:oid:1.2.3"), (7, ""),
    ],
)  # fmt: skip
def test_code_systems_in_further_spellings(written: object, canonical: str) -> None:
    assert canonical_system(written) == canonical


@pytest.mark.parametrize(
    ("coding", "text", "route"),
    [
        (Coding(SNOMED, "26643006"), "", "oral"), (Coding(SNOMED, "47625008"), "", "intravenous"),
        (Coding(SNOMED, "78421000"), "", "intramuscular"), (Coding(SNOMED, "46713006"), "", "nasal"),
        (Coding(SNOMED, "54485002"), "", "ophthalmic"), (Coding(SNOMED, "10547007"), "", "otic"),
        (Coding(SNOMED, "45890007"), "", "transdermal"), (Coding("", "Both Eyes"), "affected eye", "ophthalmic"),
        (Coding(SNOMED, "6064005"), "", "topical"), (Coding(SNOMED, "127492001"), "", "enteral"),
        (Coding(ROUTES, "NGT"), "", "enteral"), (Coding(ROUTES, "PO"), "", "oral"), (Coding("", ""), "PO", "oral"),
        (Coding("", ""), "by mouth", "oral"), (Coding("", ""), "Intravenous", "intravenous"),
        (Coding("urn:x", "9", "Oral route"), "", "oral"), (Coding("", ""), "somewhere else", None),
    ],
)  # fmt: skip
def test_routes(terminology: Terminology, coding: Coding, text: str, route: str | None) -> None:
    assert terminology.route([coding], text) == route
