"""How much of each ingredient a day."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from mgcds.chart.dosage import DailyDose, portions, read_dosage
from mgcds.terminology.types import Medicine
from tests.unit.chart.small import MEDICINES, Json, chart, codes, concept, dosage, order

DAILY: Json = {"frequency": 1, "period": 1, "periodUnit": "d"}


def _range(*dosages: Json, medicine: str = "tabs") -> tuple[Decimal, Decimal] | None:
    (use,) = chart(order(medicine, dosageInstruction=list(dosages))).uses
    portion = use.portions[0]
    return None if portion.low is None or portion.high is None else (portion.low.normalize(), portion.high.normalize())


def _timed(**timing: Any) -> Json:
    return dosage() | {"timing": timing}


@pytest.mark.parametrize(
    ("repeat", "low", "high"),
    [
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, 800, 800),
        ({"frequency": 1, "frequencyMax": 3, "period": 1, "periodUnit": "d"}, 400, 1200),
        ({"frequency": 1, "period": 6, "periodMax": 8, "periodUnit": "h"}, 1200, 1600),
        ({"period": 2, "periodUnit": "d"}, 200, 200),
        ({"frequency": 1, "period": 1, "periodUnits": "d"}, 400, 400),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}, 400, 400),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"], "timeOfDay": ["08:00"]}, 400, 400),
        ({"frequency": 1, "period": 4, "periodUnit": "d", "timeOfDay": ["08:00"]}, 100, 100),
        ({"when": ["MORN", "HS"], "offset": 30}, 800, 800),
        # A frequency and times that contradict each other: from the fewer to the more.
        ({"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00", "20:00"]}, 400, 800),
        ({"frequency": 3, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00", "20:00"]}, 800, 1200),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN", "EVE"]}, 400, 800),
    ],
)
def test_how_often_a_day(repeat: Json, low: int, high: int) -> None:
    assert _range(_timed(repeat=repeat)) == (low, high)


@pytest.mark.parametrize(("code", "doses"), [("QD", 1), ("BID", 2), ("TID", 3), ("QID", 4), ("AM", 1), ("PM", 1), ("BED", 1),
                                             ("QOD", "0.5"), ("Q4H", 6), ("Q6H", 4), ("Q8H", 3), ("b.i.d.", 2)])  # fmt: skip
def test_timing_codes_as_codes_or_as_words(code: str, doses: int | str) -> None:
    for sent in (concept(code), {"text": code}):
        wanted = Decimal(400) * Decimal(doses)
        assert _range(_timed(code=sent)) == (wanted, wanted)


@pytest.mark.parametrize("timing", [{}, {"code": {"text": "now and then"}}, {"repeat": {"frequency": 2}}, {"repeat": {"count": 3}},
                                    {"repeat": DAILY | {"period": 0}}, {"repeat": DAILY | {"frequency": -1}}])  # fmt: skip
def test_without_a_frequency_nothing_is_computed(timing: Json) -> None:
    assert _range(_timed(**timing)) is None


@pytest.mark.parametrize(
    ("amount", "unit", "wanted"),
    [(1, "{tbl}", 400), (2, "tablet(s)", 800), (1, "{Capsule}", 400), (1, "TAB", 400), (1, "1", 400), ("1", "{pill}", 400),
     (400, "mg", 400), ("0.4", "g", 400), (400000, "ug", 400)],
)  # fmt: skip
def test_dose_units(amount: Any, unit: str, wanted: int) -> None:
    assert _range(dosage(amount, unit)) == (wanted, wanted)


@pytest.mark.parametrize(
    ("amount", "unit"), [(1, ""), (1, "{dose}"), (1, "[drp]"), (1, "mL"), (1, "mmol"), (-1, "mg"), (None, "mg")]
)
def test_a_dose_that_cannot_be_turned_into_an_amount_is_not_guessed(amount: Any, unit: str) -> None:
    assert _range(dosage(amount, unit)) is None


def test_a_code_and_words_that_contradict_each_other_are_not_believed() -> None:
    for words, code in (("tablet", "mg"), ("g", "mg")):
        rate = {"doseQuantity": {"value": 1, "unit": words, "code": code}}
        assert _range(dosage() | {"doseAndRate": [rate]}) is None


def test_millilitres_need_a_strength_by_volume() -> None:
    assert _range(dosage(10, "mL"), medicine="syrup") == (800, 800)
    assert _range(dosage(1, "{tbl}"), medicine="syrup") is None


def test_milliequivalents_of_a_product_labelled_in_them() -> None:
    assert _range(dosage(2, "{tbl}"), medicine="chloride") == (20, 20)
    assert _range(dosage(20, "meq"), medicine="chloride") == (20, 20)
    assert _range(dosage(20, "mg"), medicine="chloride") is None


def test_a_mixture_is_counted_out_but_not_weighed() -> None:
    assert _range(dosage(2, "{tbl}"), medicine="mixed") == (200, 200)
    assert _range(dosage(100, "mg"), medicine="mixed") is None


def test_elemental_is_computed_from_the_most_where_the_label_tells_it() -> None:
    doses = [DailyDose(Decimal(1), Decimal(2), "unit")]
    assert portions(Medicine("", "", MEDICINES["tabs"]), doses)[0].elemental == 480
    bare = portions(Medicine("", "", MEDICINES["bare"]), [DailyDose(Decimal(5), Decimal(5), "mg")])[0]
    assert (bare.high, bare.elemental, bare.basis) == (5, None, "ambiguous")


def test_doses_of_older_fhir_stand_in_the_dosage_itself() -> None:
    old = {"timing": {"repeat": DAILY}, "doseQuantity": {"value": 2, "unit": "tablet"}}
    assert _range(old) == (800, 800)


def test_as_needed_counts_its_written_maximum_only() -> None:
    needed = dosage() | {"asNeededBoolean": True}
    most = {"numerator": {"value": 3, "unit": "tablet"}, "denominator": {"value": 24, "unit": "h"}}
    assert _range(needed) is None
    assert _range(needed | {"maxDosePerPeriod": most}) == (0, 1200)
    assert _range(dosage() | {"maxDosePerPeriod": most}) == (400, 400)
    assert _range(dosage() | {"asNeededCodeableConcept": {"text": "for cramps"}, "maxDosePerPeriod": most}) == (0, 1200)


def test_concurrent_instructions_add_up_and_sequences_follow_each_other() -> None:
    assert _range(dosage(1), dosage(2)) == (1200, 1200)
    assert _range(dosage(1) | {"sequence": 1}, dosage(2) | {"sequence": 1}) == (1200, 1200)
    assert _range(dosage(1) | {"sequence": 1}, dosage(3) | {"sequence": 2}) == (400, 1200)
    assert _range(dosage(1), {"text": "and more"}) is None


def test_only_words_are_noted() -> None:
    assert codes(chart(order(dosageInstruction=[{"text": "as directed"}]))) == ["dosage-unreadable"]


def test_each_instruction_has_its_times_and_an_event_is_no_clock_time() -> None:
    repeats: list[Json] = [{"timeOfDay": ["21:00:00", "07:30"]}, {"when": ["HS"], "dayOfWeek": ["mon", "SUN", "someday"]}]
    (use,) = chart(order(dosageInstruction=[{"timing": {"repeat": repeat}} for repeat in repeats])).uses
    assert [(each.minutes, each.weekdays) for each in use.times] == [((450, 1260), None), (None, frozenset({0, 6}))]


@pytest.mark.parametrize("period", [5e-324, 1e-300, 1e-20])
def test_a_dose_that_no_sum_could_be_made_of_is_not_computed(period: float) -> None:
    repeat = {"frequency": 2, "period": period, "periodUnit": "d"}
    rate = {"doseQuantity": {"value": 400, "unit": "mg"}}
    assert read_dosage({"timing": {"repeat": repeat}, "doseAndRate": [rate]}, UTC).dose is None
    assert read_dosage({"timing": {"repeat": repeat | {"period": 1}}, "doseAndRate": [rate]}, UTC).dose is not None
