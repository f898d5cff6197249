"""One medicine, one diagnosis, one result in the codings that real records use: the same facts each time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mgcds.terminology import Terminology
from tests.unit.chart.build import bundle, chart, codes, condition, dosage, medication, observation, only_use
from tests.unit.chart.small import Json

RX, NDC, SCT, LN, ICD = (
    "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "http://snomed.info/sct", "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10-cm",
)  # fmt: skip
OID = "urn:oid:2.16.840.1.113883.6."
LOCAL = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.698288", "code": "24315", "display": "MAG-OX TAB"}


def coding(system: str, code: str, display: str = "") -> Json:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def coded(*codings: Json, text: str = "") -> Json:
    return ({"coding": list(codings)} if codings else {}) | ({"text": text} if text else {})


TABLET_OF_OXIDE = [
    coded(coding(RX, "198741")),
    coded(coding(RX, "210958", "magnesium oxide 400 MG Oral Tablet [Mag-Ox 400]")),
    coded(coding(OID + "88", "198741")),
    coded(coding("2.16.840.1.113883.6.88", "198741")),
    coded(coding(NDC, "0603-0209-22")),
    coded(coding(NDC, "00603-0209-22")),
    coded(coding(NDC, "00603020922")),
    coded(coding(NDC, "0603020922")),
    coded(coding(OID + "69", "00603020922")),
    coded(LOCAL, coding(RX, "198741")),
    coded(coding(RX, "198741"), LOCAL),
    coded(coding("http://hl7.org/fhir/sid/cvx", "140"), coding(OID + "59", "140"), coding(RX, "198741")),
    coded(LOCAL | {"display": "Omeprazole 20 mg capsule"}, coding(RX, "198741"), text="magnesium oxide 400 mg tablet"),
    coded(text="Magnesium oxide 400 mg tablet"),
    coded(LOCAL, text="MAGNESIUM OXIDE 400 MG PO TABS"),
    coded(LOCAL | {"display": "magnesium oxide 400 mg tablet"}),
    coded(coding("http://fdasis.nlm.nih.gov", "3A3U0GI71G"), text="magnesium oxide 400 mg tablet"),
]


@pytest.mark.parametrize("concept", TABLET_OF_OXIDE, ids=str)
def test_a_tablet_of_magnesium_oxide(terminology: Terminology, concept: Json) -> None:
    use = only_use(chart(terminology, medication(medicationCodeableConcept=concept, dosageInstruction=[dosage(1)])))
    assert use.medicine.name == "magnesium oxide"
    assert [(part.high, part.elemental) for part in use.portions] == [(400, Decimal("241.216"))]
    assert use.medicine.form_route == "oral"


@pytest.mark.parametrize("concept", [coded(coding(RX, "6582")), coded(coding(OID + "88", "6582", "magnesium oxide")),
                                     coded(coding(RX, "6582"), LOCAL), coded(text="Magnesium oxide")], ids=str)  # fmt: skip
def test_an_ingredient_with_a_dose_by_mass(terminology: Terminology, concept: Json) -> None:
    by_mass = dosage(800, "mg", route={"coding": [coding(OID + "96", "26643006")]})
    use = only_use(chart(terminology, medication(medicationCodeableConcept=concept, dosageInstruction=[by_mass])))
    assert (use.route, [part.elemental for part in use.portions]) == ("oral", [Decimal("482.432")])


def test_a_medication_says_by_its_form_how_it_is_taken(terminology: Terminology) -> None:
    product = {"resourceType": "Medication", "id": "d", "code": coded(coding(RX, "6582")), "form": {"text": "Oral Tablet"}}
    record = medication(contained=[product], medicationReference={"reference": "#d"})
    assert only_use(chart(terminology, record)).medicine.form_route == "oral"
    del product["form"]
    assert only_use(chart(terminology, record)).medicine.form_route is None


@pytest.mark.parametrize(
    "concept",
    [
        coded(coding("http://hl7.org/fhir/sid/cvx", "198741")),
        coded(coding(OID + "59", "198741")),
        coded(coding("urn:local", "198741")),
        coded({"code": "198741"}),
        coded(LOCAL | {"display": ""}),
        coded(coding(NDC, "00603-0209")),
        {},
    ],
    ids=str,
)
def test_a_code_of_another_system_is_no_medicine(terminology: Terminology, concept: Json) -> None:
    found = chart(terminology, medication(medicationCodeableConcept=concept))
    assert not only_use(found).medicine.is_resolved
    assert codes(found) == ["medication-unresolved"]


@pytest.mark.parametrize(
    "code",
    [
        coded(coding(ICD, "N18.4")),
        coded(coding(ICD, "N184")),
        coded(coding(OID + "90", "N18.4")),
        coded(coding(SCT, "431857002")),
        coded(coding(OID + "96", "431857002")),
        coded(LOCAL, coding(ICD, "N18.4"), text="Chronic kidney disease, stage 5"),
        coded(coding(ICD, "N18.4"), coding(SCT, "431857002"), LOCAL),
        coded(LOCAL, text="Chronic kidney disease, stage 4 (severe)"),
        coded(LOCAL | {"display": "CKD stage 4"}),
        coded(coding(OID + "103", "585.4"), text="CKD stage 4"),
        coded(text="CKD stage 4"),
    ],
    ids=str,
)
def test_a_diagnosis(terminology: Terminology, code: Json) -> None:
    assert [problem.concepts for problem in chart(terminology, condition() | {"code": code}).problems] == [{"ckd-4"}]


@pytest.mark.parametrize("code", [coded(LOCAL), coded(coding("urn:local", "N18.4")), coded(coding(ICD, "431857002"))], ids=str)
def test_a_code_of_another_system_is_no_diagnosis(terminology: Terminology, code: Json) -> None:
    assert not chart(terminology, condition() | {"code": code}).problems


@pytest.mark.parametrize("code", [coded(coding(LN, "19123-9")), coded(coding(OID + "1", "19123-9")),
                                  coded(LOCAL, coding(LN, "19123-9"), text="Mg"), coded(coding("https://loinc.org/", "19123-9"))], ids=str)  # fmt: skip
@pytest.mark.parametrize("quantity", [{"value": 1.5, "unit": "mg/dL"}, {"value": 1.5, "code": "mg/dL", "system": OID + "8"},
                                      {"value": 1.5, "unit": "MG/DL", "code": "mg/dL"}], ids=str)  # fmt: skip
def test_a_result(terminology: Terminology, code: Json, quantity: Json) -> None:
    (result,) = chart(terminology, observation(code="x") | {"code": code, "valueQuantity": quantity}).results
    assert (result.concept, result.value) == ("serum-magnesium", Decimal("1.50"))


def test_a_result_is_never_known_by_its_words_alone(terminology: Terminology) -> None:
    """ "Magnesium" may be of urine or of red cells."""
    assert not chart(terminology, observation(code="x") | {"code": coded(LOCAL, text="Magnesium, serum")}).results


@pytest.mark.parametrize("code", [coded(coding(LN, "19123-9")), coded(coding(OID + "1", "2601-3")), coded(LOCAL, coding(LN, "19123-9")),
                                  coded(LOCAL, text="Serum magnesium")], ids=str)  # fmt: skip
def test_an_order_for_a_result(terminology: Terminology, code: Json) -> None:
    base: dict[str, Any] = {"resourceType": "ServiceRequest", "id": "r", "status": "active", "intent": "order", "code": code}
    assert [each.concepts for each in chart(terminology, base).requests] == [{"serum-magnesium-order"}]


def test_systems_by_oid_from_patient_to_card(terminology: Terminology) -> None:
    """Nothing but OIDs, in one chart."""
    found = chart(
        terminology,
        prefetch={"everything": bundle(
            medication(medicationCodeableConcept=coded(coding(OID + "88", "198741")), dosageInstruction=[dosage(1)]),
            condition() | {"code": coded(coding(OID + "90", "N18.4"))},
            observation() | {"code": coded(coding(OID + "1", "19123-9"))},
        )},
    )  # fmt: skip
    assert (len(found.uses), len(found.problems), len(found.results), found.notes) == (1, 1, 1, ())
