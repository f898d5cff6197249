"""Requests that are made to be slow: reading them costs little more than their length, and what was not read is noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mgcds.chart import bundle as bundles
from mgcds.chart import fhir
from mgcds.chart.intake import TooCostly, read_chart
from mgcds.clock import parse_moment
from mgcds.terminology import MOST_WORDS, Coding, Medicine, StatedIngredient, Terminology
from mgcds.terminology.label import read_label
from mgcds.units import decimal, normal_unit
from tests.unit.chart.build import (
    ICD,
    PATIENT,
    RX,
    TODAY,
    bundle,
    chart,
    codes,
    condition,
    dosage,
    medication,
    observation,
    only_use,
)

LONG = "x" * (MOST_WORDS + 1)


def growth(run: Callable[[int], object], length: int) -> float:
    """How many times as long sixteen times as much takes: 16 where the time grows with the length, 256 with its square."""

    def seconds(length: int) -> float:
        def once() -> float:
            started = time.thread_time()
            run(length)
            return time.thread_time() - started

        return min(once() for _ in range(5))

    return seconds(16 * length) / seconds(length)


@pytest.mark.parametrize(
    "words",
    ["9", "1.", "1 mg/ ", "elemental ", "1 mg elemental x "],
    ids=["digits", "numbers", "broken amounts", "elemental", "elemental amounts"],
)
def test_a_label_costs_as_much_as_it_is_long(terminology: Terminology, words: str) -> None:
    assert growth(lambda length: read_label(terminology.drugs, words * length), 600) < 64


def test_reasons_and_what_a_record_contains_are_not_compared_each_with_each(terminology: Terminology) -> None:
    def read(number: int) -> None:
        inside = [{"resourceType": "Condition", "id": f"c{each}"} for each in range(number)]
        reasons = [{"reference": f"#none{each}"} for each in range(number)]
        chart(terminology, medication(contained=inside, reasonReference=reasons))

    assert growth(read, 300) < 64


def test_extensions_of_a_timing_are_not_copied_for_each_of_them(terminology: Terminology) -> None:
    url = "http://hl7.org/fhir/4.0/StructureDefinition/extension-Timing.repeat.timeOfDay"

    def read(number: int) -> None:
        repeat = {"extension": [{"url": url, "valueTime": "07:00"}] * number}
        chart(terminology, medication(dosageInstruction=[{"timing": {"repeat": repeat}}]))

    assert growth(read, 500) < 64


@pytest.mark.parametrize("drafted", [False, True])
def test_each_version_of_a_resource_is_written_out_once(
    terminology: Terminology, monkeypatch: pytest.MonkeyPatch, drafted: bool
) -> None:
    """One long version and thousands of short ones: the long one was written out again for each of them."""
    written: list[object] = []
    monkeypatch.setattr(bundles, "canonical", lambda resource: str(written.append(resource)))
    monkeypatch.setattr("mgcds.chart.drafts.canonical", lambda resource: str(written.append(resource)))
    versions = [medication(note=[{"text": str(number)}]) for number in range(50)]
    if drafted:
        chart(terminology, hook="order-sign", context={"draftOrders": bundle(*versions)})
    else:
        chart(terminology, *versions)
    assert len(written) == 50


@pytest.mark.parametrize(
    ("words", "strength"),
    [
        ("zinc gluconate .5 mg", ".5"),
        ("zinc gluconate 1.5g", "1500"),
        ("zinc gluconate 50mg", "50"),
        ("zinc gluconate 1,000 mg", "1000"),
        ("zinc gluconate 50 mg/.5 ml", "100"),
        ("zinc gluconate 2.1.5 mg", None),  # no number at all
        (f"zinc gluconate {'9' * 1000} mg", None),
    ],
)
def test_the_amount_of_a_label(terminology: Terminology, words: str, strength: str | None) -> None:
    found = terminology.medicine([], words).ingredients[0].strength
    assert found == (None if strength is None else Decimal(strength))


def test_elemental_counts_beside_an_amount_and_not_far_before_it(terminology: Terminology) -> None:
    def basis(words: str) -> str:
        return terminology.medicine([], words).ingredients[0].basis

    near, far = "magnesium oxide, elemental magnesium: 100 mg", f"magnesium oxide 400 mg; {'y ' * 60}100 mg"
    assert basis(near) == basis("magnesium oxide 100 mg elemental") == "declared"
    assert basis(far) == "salt"
    assert basis(far.replace("oxide", "oxide, without elemental sulphur,", 1)) == "salt"


@pytest.mark.parametrize(
    "record",
    [
        condition(code="none", id="r") | {"code": {"text": LONG}},
        condition(id="r") | {"code": {"coding": [{"system": ICD, "code": "none", "display": LONG}]}},
        condition(id="r") | {"code": {"text": "x" * 1000, "coding": [{"display": "y" * 300}] * 5}},
        medication(None, LONG, id="r"),
        medication(id="r", medicationCodeableConcept={"coding": [{"system": RX, "code": "198741", "display": LONG}]}),
        medication(id="r", reasonCode=[{}, {"text": LONG}]),
        medication(id="r", medicationReference={"reference": "#i"}, contained=[{"resourceType": "Medication", "id": "i", "code": {"text": LONG}}]),
        medication(id="r", medicationReference={"reference": "#i"},
                   contained=[{"resourceType": "Medication", "id": "i", "ingredient": [{"itemCodeableConcept": {"text": LONG}}]}]),
        medication(id="r", medicationReference={"reference": "#i"},
                   contained=[{"resourceType": "Medication", "id": "i", "ingredient": [{"itemCodeableConcept": {"text": "zinc"}}] * 101}]),
        observation(id="r", code="82810-3", valueCodeableConcept={"text": LONG}),
        observation(id="r", component=[{"code": {}, "valueCodeableConcept": {"text": LONG}}]),
        {"resourceType": "Procedure", "id": "r", "status": "completed", "code": {"text": LONG}},
        {"resourceType": "Encounter", "id": "r", "status": "in-progress", "type": [{"text": LONG}]},
        {"resourceType": "ServiceRequest", "id": "r", "status": "active", "code": {"text": LONG}},
        {"resourceType": "DiagnosticOrder", "id": "r", "status": "requested", "item": [{"code": {"text": LONG}}]},
        {"resourceType": "Appointment", "id": "r", "status": "booked", "serviceType": [{"text": LONG}]},
    ],
)  # fmt: skip
def test_words_that_are_too_long_to_be_read_are_noted(terminology: Terminology, record: dict[str, Any]) -> None:
    found = chart(terminology, record)
    assert ("resource-unreadable", f"{record['resourceType']}/r") in [(note.code, note.reference) for note in found.notes]


def test_words_of_a_draft_that_are_too_long_to_be_read_are_noted(terminology: Terminology) -> None:
    draft = medication(None, LONG, id="d", status="draft")
    found = chart(terminology, hook="order-sign", context={"draftOrders": bundle(draft)})
    assert "resource-unreadable" in codes(found)


def test_a_code_is_read_beside_words_that_are_too_long(terminology: Terminology) -> None:
    found = chart(
        terminology, condition() | {"code": {"text": LONG, "coding": [{"system": ICD, "code": "N18.4", "display": "CKD 4"}]}}
    )
    (problem,) = found.problems
    assert problem.name == "CKD 4"
    assert only_use(chart(terminology, medication("198051", LONG))).medicine.name == "omeprazole"


def test_words_as_long_as_names_are_read_beside_a_code_and_without(terminology: Terminology) -> None:
    words = f"chronic kidney disease stage 4; {'long words ' * 120}"
    assert 1_000 < len(words) < MOST_WORDS
    assert chart(terminology, condition() | {"code": {"text": words}}).problems
    assert codes(chart(terminology, condition() | {"code": {"text": words}})) == []
    told = medication("none", f"omeprazole 20 mg capsule; {'take with water ' * 60}", id="m")
    assert only_use(chart(terminology, told)).medicine.name == "omeprazole"


def test_many_long_displays_are_read_whole_or_not_at_all(terminology: Terminology) -> None:
    """Half an amount would be another one."""
    first, second = f"omeprazole 20 mg {'a' * 1500}", f"zinc gluconate {'b' * 500} 50 mg"
    medicine = terminology.medicine([Coding("s", "1", first), Coding("s", "2", second), *[Coding("s", "3", LONG)] * 1000], "")
    assert [part.name for part in medicine.ingredients] == ["omeprazole"]
    assert growth(lambda number: terminology.medicine([Coding("s", "1", first)] * number, ""), 1000) < 64


def test_a_long_dosage_text_is_still_a_dosage_in_words_only(terminology: Terminology) -> None:
    told = medication(dosageInstruction=[{"text": "one tablet a day " * 1000}])
    assert codes(chart(terminology, told)) == ["dosage-unreadable"]
    assert only_use(chart(terminology, medication(dosageInstruction=[dosage(1) | {"text": "x" * 10_000}]))).active


@pytest.mark.parametrize("unit", ["m" * 100, "mg/dL" + " " * 5_000_000, "x" * 5_000_000])
def test_a_unit_that_is_too_long_is_a_unit_that_we_do_not_know(terminology: Terminology, unit: str) -> None:
    assert normal_unit(unit) is None
    found = chart(terminology, observation(unit=unit))
    assert (found.results, codes(found)) == ((), ["unit-unknown"])


def test_a_date_that_is_too_long_is_none(terminology: Terminology) -> None:
    assert parse_moment("2026-06-01T08:00:00." + "0" * 70 + "Z") is not None
    assert parse_moment("2026-06-01T08:00:00." + "0" * 5_000_000 + "Z") is None
    assert codes(chart(terminology, observation(effectiveDateTime="2026" + " " * 200))) == ["resource-unreadable"]


def test_a_number_of_a_million_digits_is_no_number() -> None:
    assert decimal("9" * 1_000_000) is None  # `abs` of it is an error of its own kind
    assert decimal("0." + "9" * 1_000_000) is not None


def test_a_record_whose_subject_is_a_text_of_megabytes_is_not_the_patients(terminology: Terminology) -> None:
    found = chart(terminology, condition(subject={"reference": "Patient/" + "q" * 5_000_000}))
    assert (found.problems, codes(found)) == ((), ["resource-unreadable"])


def test_tables_keep_nothing_that_is_long(terminology: Terminology) -> None:
    def kept() -> int:
        tables = (terminology._concepts_of, terminology._measured, terminology._medicine, terminology._route,
                  fhir._kept_tail, fhir._kept_coding)  # fmt: skip
        return sum(table.cache_info().currsize for table in tables)  # type: ignore[attr-defined]

    before = kept()
    many = [Coding("s", str(number)) for number in range(30)]
    terminology.concepts_of(many, "", "Condition")
    terminology.concepts_of([], "y" * 601, "Condition")
    terminology.medicine(many, "")
    terminology.medicine([], "", [StatedIngredient((), "zinc", None, None, "unit")] * 30)
    terminology.medicine([], "", [StatedIngredient(tuple(many), "zinc", None, None, "unit")])
    for codings in (many, [Coding("s", "c", "d" * 301)] * 2, [Coding("s" * 601, "c")], [Coding("s", "c" * 601)]):
        terminology.concepts_of(codings, "", "Condition")
        terminology.measured(codings)
        terminology.medicine(codings, "")
        terminology.route(codings, "")
    fhir.codings({"coding": [{"system": "s", "code": "c", "display": "d" * 500}]})
    assert fhir.tail("Patient/" + "z" * 5_000_000).startswith("zzz")
    assert kept() == before


class Slow:
    """Terms of which each medicine takes a second of CPU."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminology, name)

    def medicine(self, *given: Any) -> Medicine:
        self.seconds += 1
        return self._terminology.medicine(*given)


@pytest.mark.parametrize("where", ["prefetch", "drafts"])
@pytest.mark.parametrize(("most", "is_read"), [(3, True), (2, False)])
def test_reading_ends_when_its_time_is_up(terminology: Terminology, where: str, most: float, is_read: bool) -> None:
    terms = Slow(terminology)
    orders = bundle(*(medication(id=f"m{number}") for number in range(4)))

    def read() -> int:
        given = {"patient": PATIENT} | ({"medications": orders} if where == "prefetch" else {})
        context = {"patientId": "p"} | ({"draftOrders": orders} if where == "drafts" else {})
        hook = "order-sign" if where == "drafts" else "patient-view"
        found = read_chart(
            hook=hook, context=context, prefetch=given, terminology=terms, today=TODAY, is_late=lambda: terms.seconds > most
        )
        return len(found.uses)

    if is_read:
        assert read() == 4
    else:
        with pytest.raises(TooCostly):
            read()
        assert terms.seconds == 3


def test_an_ingredient_whose_display_is_too_long_is_noted_not_left_out(terminology: Terminology) -> None:
    """The name of a Substance that was not sent stands in the display of the reference alone."""

    def read(display: str) -> tuple[set[str], set[str]]:
        inside = {"resourceType": "Medication", "id": "m", "code": {"text": "calcium carbonate tablet"},
                  "ingredient": [{"itemReference": {"reference": "Substance/9", "display": display}}]}  # fmt: skip
        record = {"resourceType": "MedicationRequest", "id": "1", "status": "active", "intent": "order",
                  "contained": [inside], "medicationReference": {"reference": "#m"}}  # fmt: skip
        found = chart(terminology, record)
        return {each.name for use in found.uses for each in use.medicine.ingredients}, {note.code for note in found.notes}

    assert "magnesium oxide" in read("magnesium oxide")[0]
    assert "resource-unreadable" in read("magnesium oxide" + " " * 2000)[1]
