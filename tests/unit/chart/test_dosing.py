"""What is worked out only when it is asked for: the same as if it had been read at once, and never a surprise."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgcds.chart import medications
from mgcds.chart.facts import Chart, Dosing, Portion, Times
from tests.unit.chart.small import Json, chart, dosage, order

ODD: list[Any] = [0, -1, True, None, "2", "x", 1e-300, 1e14, 1e300, "1e-999999", "9e99999", "9e999990", 10**30, [], {}]
numbers = st.one_of(st.sampled_from([1, 2, 0.5]), st.sampled_from(ODD))
repeats = st.fixed_dictionaries({"periodUnit": st.sampled_from(["d", "d", "s", "a", 1])}, optional={
    "frequency": numbers, "period": numbers, "frequencyMax": numbers, "periodMax": numbers,
    "boundsDuration": st.fixed_dictionaries({"value": numbers, "code": st.sampled_from(["d", "mo", 3])}),
    "boundsPeriod": st.sampled_from([{}, {"start": "2026-01-01", "end": "2026-03-01"}, {"end": "9999-12-31T23:59:59-14:00"}, []]),
    "timeOfDay": st.sampled_from([["08:00", "20:00"], "٢٢:00", [7]]), "when": st.sampled_from([["HS"], "MORN"]),
    "dayOfWeek": st.sampled_from([["mon"], ["x"]]),
})  # fmt: skip
timings = st.fixed_dictionaries({"repeat": repeats}, optional={
    "code": st.sampled_from([{"text": "BID"}, {"coding": [{"code": "Q8H"}]}, {"code": 10**5000}]),
    "event": st.sampled_from([["2026-01-01T08:00:00Z"], "9999-12-31T23:59:59Z", ["0001-01-01T00:00:00+14:00"], 1]),
})  # fmt: skip
amounts = st.fixed_dictionaries({"value": numbers, "unit": st.sampled_from(["{tbl}", "mg", "mL"])})
rates = st.one_of(
    st.fixed_dictionaries({"doseQuantity": st.one_of(amounts, amounts, numbers)}),
    st.fixed_dictionaries({"doseRange": st.fixed_dictionaries({"low": amounts, "high": amounts})}),
)
most = st.fixed_dictionaries({"value": st.sampled_from([1, 24, "1e-999999"]), "unit": st.just("h")})
dosages = st.fixed_dictionaries({"timing": st.one_of(timings, timings, numbers), "doseAndRate": st.one_of(rates, numbers)}, optional={
    "maxDosePerPeriod": st.fixed_dictionaries({"numerator": amounts, "denominator": most}),
    "asNeededBoolean": st.booleans(), "sequence": numbers, "text": st.just("1 daily"),
})  # fmt: skip


def at_once(record: Json) -> Chart:
    with patch.object(medications, "may_wait", return_value=False):
        return chart(record)


LONG = {"code": 10**5000}  # a number that Python does not write out


@settings(max_examples=300, deadline=None)  # a busy machine is no fault
@example([dosage() | {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}, "code": LONG}}], "tabs", "active")
@example([dosage() | {"timing": {"code": {"coding": [LONG]}}}], "tabs", "active")
@given(
    st.lists(dosages, max_size=2),
    st.sampled_from(["tabs", "syrup", "mixed", "bare", "?"]),
    st.sampled_from(["active", "completed"]),
)
def test_a_dosing_that_waited_says_what_it_would_have_said_at_once(sent: list[Json], medicine: str, status: str) -> None:
    record = order(medicine, status=status, dosageInstruction=sent)
    late, early = chart(record), at_once(record)
    assert (late.notes, repr(late.uses)) == (early.notes, repr(early.uses))  # as text, for 1 and 1.0 are equal


def test_a_strength_beyond_reckoning_is_noted_although_nobody_asks_for_the_dose() -> None:
    part = {"itemCodeableConcept": {"text": "saltine"}, "strength": {"numerator": {"value": 1e14, "unit": "mg"},
            "denominator": {"value": "1e-999980", "unit": "mL"}}}  # fmt: skip
    medication = {"resourceType": "Medication", "id": "drug", "ingredient": [part]}
    sent = order(medicationReference={"reference": "#drug"}, contained=[medication], dosageInstruction=[dosage(1e14, "mL")])
    del sent["medicationCodeableConcept"]
    found = chart(sent)
    assert ([note.code for note in found.notes], found.uses) == (["resource-unreadable"], ())


def test_a_number_in_words_that_cannot_be_reckoned_with_is_noted_at_once() -> None:
    found = chart(order(dosageInstruction=[dosage(frequency=1, period="1e-999999", periodUnit="s")]))
    assert ([note.code for note in found.notes], found.uses) == (["resource-unreadable"], ())


def test_what_nobody_asks_for_is_not_worked_out() -> None:
    sent = order(dosageInstruction=[dosage()])
    with patch.object(medications, "read_dosage", wraps=medications.read_dosage) as read:
        (use,) = chart(sent).uses
        assert read.call_count == 0
        assert (use.portions[0].high, use.times, use.length_days) == (Decimal(400), (Times(),), None)
        assert read.call_count == 1


def test_dosings_that_say_the_same_are_equal_however_they_came_to_be() -> None:
    said = ((Portion("saltine", "salt", Decimal(1), Decimal(2), None, "salt"),), (Times((480,)),), 7)
    one = Dosing(*said)
    assert Dosing.later(lambda: one) == one != Dosing()
    assert hash(Dosing.later(lambda: one)) == hash(one)
    assert repr(Dosing.later(lambda: one)) == repr(one)
    assert pickle.loads(pickle.dumps(Dosing.later(lambda: one))) == one == copy.deepcopy(Dosing.later(lambda: one))
