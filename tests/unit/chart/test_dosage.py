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
        ({"frequency": 6, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "wed", "fri"]}, 800, 800),
        ({"frequency": 8, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "fri"]}, 1600, 1600),
        ({"frequency": 1, "period": 2, "periodUnit": "wk", "dayOfWeek": ["mon", "fri"]}, 400, 400),
        ({"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"]}, 800, 800),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"], "timeOfDay": ["08:00", "20:00"]}, 400, 800),
        ({"frequency": 1, "period": 4, "periodUnit": "d", "timeOfDay": ["08:00"]}, 100, 100),
        ({"frequency": 2, "periodUnit": "d"}, 800, 800),
        ({"frequency": 15, "period": 1, "periodUnit": "mo"}, 200, 200),
        ({"frequency": 365, "period": 1, "periodUnit": "a"}, 400, 400),
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
                                             ("HS", 1), ("QHS", 1), ("daily", 1), ("QOD", "0.5"), ("Q4H", 6), ("Q6H", 4), ("Q8H", 3), ("Q12H", 2), ("b.i.d.", 2)])  # fmt: skip
def test_timing_codes_as_codes_or_as_words(code: str, doses: int | str) -> None:
    known, local = concept(code)["coding"][0], concept("two-times")["coding"][0]
    for sent in ({"coding": [known]}, {"text": code}, {"coding": [local, known], "text": "as said"}):
        wanted = Decimal(400) * Decimal(doses)
        assert _range(_timed(code=sent)) == (wanted, wanted)


@pytest.mark.parametrize(
    ("timing", "milligrams"),
    [
        ({"code": {"text": "WK"}}, "57.143"),
        ({"code": {"text": "QWK"}}, "57.143"),
        ({"code": {"text": "MO"}}, "13.333"),
        ({"repeat": {"frequency": 1, "period": 720, "periodUnit": "min"}}, "800"),
        ({"repeat": {"frequency": 1, "period": 43_200, "periodUnit": "s"}}, "800"),
    ],
)
def test_a_dose_a_week_or_a_month_is_spread_over_its_days(timing: Json, milligrams: str) -> None:
    found = _range(_timed(**timing))
    assert found is not None
    assert [round(each, 3) for each in found] == [Decimal(milligrams)] * 2


def test_moments_written_out_say_how_often_only_where_nothing_else_does() -> None:
    moments = ["2026-06-15T08:00:00Z", "2026-06-15T20:00:00Z"]
    assert _range(_timed(event=moments)) == (800, 800)
    assert _range(_timed(event=moments, repeat=DAILY)) == (400, 400)
    assert _range(_timed(event=moments, repeat={"timeOfDay": ["08:00"]})) == (400, 400)


@pytest.mark.parametrize("timing", [{}, {"code": {"text": "now and then"}}, {"repeat": {"frequency": 2}}, {"repeat": {"count": 3}},
                                    {"repeat": DAILY | {"period": 0}}, {"repeat": DAILY | {"frequency": -1}},
                                    {"repeat": DAILY | {"frequency": 0}}, {"repeat": {"timeOfDay": ["at noon"]}}])  # fmt: skip
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


def test_a_unit_may_be_written_as_a_code_alone() -> None:
    for code, wanted in (("{tbl}", 800), ("mg", 2)):
        rate = {"doseQuantity": {"value": 2, "code": code}}
        assert _range(dosage() | {"doseAndRate": [rate]}) == (wanted, wanted)


def test_a_rate_that_tells_no_dose_does_not_hide_the_dose_beside_it() -> None:
    rates = [{"rateQuantity": {"value": 20, "unit": "mL/h"}}, {"doseQuantity": {"value": 2, "unit": "tablet"}}]
    assert _range(dosage() | {"doseAndRate": rates}) == (800, 800)


@pytest.mark.parametrize(
    "span",
    [
        {"low": {"value": 1, "unit": "tablet"}},
        {"high": {"value": 2, "unit": "tablet"}},
        {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 800, "unit": "mg"}},
    ],
)
def test_a_range_of_doses_without_one_end_or_in_two_units_is_not_guessed(span: Json) -> None:
    assert _range(dosage() | {"doseAndRate": [{"doseRange": span}]}) is None


def test_millilitres_need_a_strength_by_volume() -> None:
    assert _range(dosage(10, "mL"), medicine="syrup") == (800, 800)
    assert _range(dosage("0.01", "L"), medicine="syrup") == (800, 800)
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


def _as_needed(count: Any, unit: str, per: Any) -> tuple[Decimal, Decimal] | None:
    most = {"numerator": {"value": count, "unit": unit}, "denominator": per}
    return _range(dosage() | {"asNeededBoolean": True, "maxDosePerPeriod": most})


@pytest.mark.parametrize(
    ("per", "wanted"),
    [
        ({"value": 12, "code": "h"}, 2400),
        ({"value": 720, "unit": "min"}, 2400),
        ({"code": "d"}, 1200),
        ({"value": 3, "unit": "days", "code": "d"}, 400),
        ({"value": 1, "code": "wk"}, "171.429"),
        ({"value": 1, "code": "mo"}, 40),
    ],
)
def test_a_maximum_is_reckoned_for_a_day(per: Json, wanted: int | str) -> None:
    found = _as_needed(3, "tablet", per)
    assert found is not None
    assert (found[0], round(found[1], 3)) == (0, Decimal(wanted))


@pytest.mark.parametrize(
    ("unit", "per"),
    [("dose", {"value": 1, "unit": "d"}), ("tablet", None), ("tablet", {"value": 1, "unit": "course"}),
     ("tablet", {"value": 0, "unit": "d"}), ("tablet", {"value": "some", "unit": "d"})],
)  # fmt: skip
def test_a_maximum_that_cannot_be_read_leaves_the_order_without_a_dose(unit: str, per: Any) -> None:
    assert _as_needed(3, unit, per) is None


def test_concurrent_instructions_add_up_and_sequences_follow_each_other() -> None:
    assert _range(dosage(1), dosage(2)) == (1200, 1200)
    assert _range(dosage(1) | {"sequence": 1}, dosage(2) | {"sequence": 1}) == (1200, 1200)
    assert _range(dosage(1) | {"sequence": 1}, dosage(3) | {"sequence": 2}) == (400, 1200)
    assert _range(dosage(1), {"text": "and more"}) is None


def test_only_words_are_noted() -> None:
    assert codes(chart(order(dosageInstruction=[{"text": "as directed"}]))) == ["dosage-unreadable"]
    assert not codes(chart(order(dosageInstruction=[{"route": concept("PO")}])))


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
