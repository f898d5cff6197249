"""Requests that are made to be slow: reading them costs little more than their length, and what was not read is noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from mgcds.chart import bundle as bundles
from mgcds.clock import parse_moment
from mgcds.terminology import Terminology
from mgcds.terminology.label import read_label
from mgcds.units import decimal, normal_unit
from tests.unit.chart.build import (
    bundle,
    chart,
    codes,
    condition,
    medication,
    observation,
)


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
