"""When a medicine was started and ended, and whether it runs today (2026-06-15)."""

from __future__ import annotations

from typing import Any

import pytest

from mgcds.chart.facts import Use
from tests.unit.chart.small import Json, bundle, call, chart, concept, dosage, order


def _bounds(**period: str) -> Json:
    return {"timing": {"repeat": {"boundsPeriod": period}}}


def _use(*resources: Json) -> Use:
    (use,) = chart(*resources).uses
    return use


def _dates(use: Use) -> tuple[str | None, str | None]:
    return use.start and use.start.text, use.end and use.end.text


def dispense(when: str, days: int | None, **more: Any) -> Json:
    return {"resourceType": "MedicationDispense", "id": f"d{when}", "status": "completed", "whenHandedOver": when,
            "daysSupply": {"value": days, "unit": "d"} if days else None, "medicationCodeableConcept": concept("tabs"),
            "authorizingPrescription": [{"reference": "MedicationRequest/m1"}], **more}  # fmt: skip


SUPPLY = {"expectedSupplyDuration": {"value": 30, "unit": "d"}, "numberOfRepeatsAllowed": 1}


@pytest.mark.parametrize(
    ("record", "dates"),
    [
        (order(authoredOn="2026-03-01", dosageInstruction=[_bounds(start="2026-02")]), ("2026-02", None)),
        (order(authoredOn="2026-03-01"), ("2026-03-01", None)),
        (order(authoredOn="2025"), ("2025", None)),
        (order(authoredOn=" 2026-03-01 "), ("2026-03-01", None)),
        (order(), (None, None)),
        (
            order(status="stopped", authoredOn="2026-03-01", dosageInstruction=[_bounds(end="2026-03-09")]),
            ("2026-03-01", "2026-03-09"),
        ),
        (order(status="stopped", authoredOn="2026-03-01", dispenseRequest=SUPPLY), ("2026-03-01", "2026-04-30")),
        (order(status="stopped", authoredOn="2026-03-01"), ("2026-03-01", "2026-03-01")),
        (order(status="completed"), (None, None)),
    ],
)
def test_start_and_end(record: Json, dates: tuple[str | None, str | None]) -> None:
    assert _dates(_use(record)) == dates


def test_several_instructions_span_from_the_first_start_to_the_last_end() -> None:
    bounds = [_bounds(start="2026-02-01", end="2026-04-01"), _bounds(start="2026-01-01", end="2026-03-01")]
    assert _dates(_use(order(status="stopped", dosageInstruction=bounds))) == ("2026-01-01", "2026-04-01")


def test_what_is_over_was_over_by_today() -> None:
    assert _dates(_use(order(status="stopped", authoredOn="2026-06-01", dispenseRequest=SUPPLY))) == (
        "2026-06-01",
        "2026-06-15",
    )


@pytest.mark.parametrize(
    ("end", "active"), [("2026-06-14", False), ("2026-06-15", True), ("2026-06", True), ("2026-05", False)]
)
def test_an_active_order_runs_to_the_last_day_of_its_bounds(end: str, active: bool) -> None:
    assert _use(order(dosageInstruction=[_bounds(start="2026-01-01", end=end)])).active is active


def test_one_open_instruction_keeps_an_order_open() -> None:
    use = _use(order(dosageInstruction=[_bounds(start="2026-01-01", end="2026-02-01"), _bounds(start="2026-02-01")]))
    assert use.active


def test_a_supply_that_ran_out_does_not_end_an_active_order() -> None:
    use = _use(order(authoredOn="2025-01-01", dispenseRequest=SUPPLY), dispense("2025-01-02", 30))
    assert use.active
    assert use.supply_days == 60


def test_dispenses_date_an_order_and_are_no_use_of_their_own() -> None:
    record = order(status="completed")
    use = _use(record, dispense("2026-01-10", 28), dispense("2026-02-10", 28), dispense("2026-05-01", 28, status="cancelled"))
    assert use.reference == "MedicationRequest/m1"
    assert _dates(use) == ("2026-01-10", "2026-03-10")


def test_the_last_dispense_in_time_ends_an_order_whatever_its_id() -> None:
    handed = [dispense("2026-02-10", 28, id="a"), dispense("2026-01-10", 28, id="b")]
    undated = dispense("", 90, id="c")
    assert _dates(_use(order(status="completed"), *handed, undated)) == ("2026-01-10", "2026-03-10")


def test_a_dispense_that_was_only_prepared_counts_from_that_day() -> None:
    prepared = {"whenHandedOver": None, "whenPrepared": "2026-01-10"}
    assert _dates(_use(order(status="completed"), dispense("x", 28, **prepared))) == ("2026-01-10", "2026-02-07")
    alone = _use(dispense("x", 28, **prepared))
    assert (_dates(alone), alone.recorded and alone.recorded.text) == (("2026-01-10", "2026-02-07"), "2026-01-10")


@pytest.mark.parametrize(("status", "counts"), [("completed", True), ("in-progress", True), (None, True), ("cancelled", False)])
def test_a_dispense_dates_its_order_unless_it_did_not_take_place(status: str | None, counts: bool) -> None:
    dates = _dates(_use(order(status="completed"), dispense("2026-01-10", 28, status=status)))
    assert dates == (("2026-01-10", "2026-02-07") if counts else (None, None))


def test_a_dispense_that_tells_no_supply_leaves_it_to_the_order() -> None:
    record = order(status="completed", authoredOn="2026-03-01", dispenseRequest=SUPPLY)
    assert _dates(_use(record, dispense("2026-03-02", None))) == ("2026-03-01", "2026-04-30")


def test_a_supply_without_a_day_to_count_from_dates_nothing() -> None:
    use = _use(order(status="completed", dispenseRequest=SUPPLY))
    assert (_dates(use), use.supply_days) == ((None, None), 60)


@pytest.mark.parametrize(
    ("supply", "days"),
    [
        ({"value": 30}, 30),
        ({"value": 2, "code": "wk"}, 14),
        ({"value": 1, "unit": "month"}, 30),
        ({"value": 1, "unit": "year"}, 365),
        ({"value": 30, "unit": "tablets"}, None),
        ({"value": 30, "code": "{tbl}"}, None),
        ({"value": 30, "unit": "mg"}, None),
        ({"unit": "d"}, None),
        ({"value": 0, "unit": "d"}, 0),
        ({"value": -30, "unit": "d"}, None),
        ({"value": 36_500, "unit": "d"}, 36_500),
        ({"value": 36_501, "unit": "d"}, None),
        (None, None),
    ],
)
def test_a_supply_is_counted_in_days_and_never_guessed(supply: Json | None, days: int | None) -> None:
    request = {"expectedSupplyDuration": supply, "numberOfRepeatsAllowed": None}
    assert _use(order(dispenseRequest=request)).supply_days == days


@pytest.mark.parametrize(("repeats", "days"), [(0, 30), (2, 90), (-1, 30), ("none", 30), (10_000, 36_500)])
def test_repeats_lengthen_a_supply_and_never_shorten_it(repeats: Any, days: int) -> None:
    assert _use(order(dispenseRequest=SUPPLY | {"numberOfRepeatsAllowed": repeats})).supply_days == days


def test_a_dispense_without_a_written_order_is_a_use_of_its_own() -> None:
    use = _use(dispense("2026-06-01", 28, authorizingPrescription=None))
    assert (use.active, use.start and use.start.text, use.recorded and use.recorded.text) == (True, "2026-06-01", "2026-06-01")


def test_a_dispense_of_two_orders_is_told_by_the_one_that_was_sent() -> None:
    both = [{"reference": "MedicationRequest/elsewhere"}, {"reference": "MedicationRequest/m1"}]
    assert _use(order(), dispense("2026-06-01", 28, authorizingPrescription=both)).reference == "MedicationRequest/m1"


@pytest.mark.parametrize(("days", "more"), [(None, {}), (28, {"status": "stopped"})])
def test_a_dispense_of_no_known_length_or_that_was_stopped_does_not_run(days: int | None, more: Json) -> None:
    assert not _use(dispense("2026-06-10", days, **more)).active


@pytest.mark.parametrize(("when", "active"), [("2026-06-01", True), ("2026-01-01", False)])
def test_a_dispense_without_its_order_runs_as_long_as_its_supply(when: str, active: bool) -> None:
    assert _use(dispense(when, 28)).active is active


def test_a_dispense_finds_its_order_by_full_url() -> None:
    page = bundle(
        order(status="completed"), dispense("2026-01-10", 28, authorizingPrescription=[{"reference": "urn:uuid:abc"}])
    )
    page["entry"][0]["fullUrl"] = "urn:uuid:abc"
    (use,) = call({"medications": page}).uses
    assert _dates(use) == ("2026-01-10", "2026-02-07")


def _statement(status: str, **more: Any) -> Json:
    return order(resourceType="MedicationStatement", status=status, intent=None, **more)


@pytest.mark.parametrize(
    ("record", "active"),
    [
        (_statement("active", effectivePeriod={"start": "2026-01-01"}), True),
        (_statement("active", effectivePeriod={"start": "2026-01-01", "end": "2026-02-01"}), False),
        (_statement("recorded"), True),
        (_statement("recorded", adherence={"code": {"coding": [{"code": "taking"}]}}), True),
        (_statement("recorded", adherence={"code": {"coding": [{"code": "stopped"}]}}), False),
        (_statement("active", taken="y"), True),
        (_statement("active", taken="unk"), True),
        (_statement("completed", taken="n"), False),
    ],
)
def test_statements_of_every_version(record: Json, active: bool) -> None:
    assert _use(record).active is active


@pytest.mark.parametrize("record", [_statement("not-taken"), _statement("intended"), _statement("active", wasNotTaken=True),
                                    _statement("active", taken="n"), _statement("completed", taken="n", reasonNotTaken=[{}]),
                                    order(intent="option"), order(status="on-hold")])  # fmt: skip
def test_what_is_not_taken_is_no_use(record: Json) -> None:
    assert not chart(record).uses


@pytest.mark.parametrize("status", ["draft", "on-hold", "intended", "not-taken", "not-done", "declined", "preparation",
                                    "abandoned", "cancelled", "entered-in-error"])  # fmt: skip
def test_a_status_that_says_it_is_not_used_needs_no_note(status: str) -> None:
    found = chart(order(status=status))
    assert (found.uses, found.notes) == ((), ())


def test_an_order_that_ended_is_over() -> None:
    assert not _use(order(status="ended", authoredOn="2026-01-01")).active


@pytest.mark.parametrize(
    ("key", "kind"),
    [("authoredOn", "MedicationRequest"), ("dateAsserted", "MedicationStatement"),
     ("effectiveDateTime", "MedicationAdministration")],
)  # fmt: skip
def test_of_every_kind_of_record_it_is_known_when_it_was_made(key: str, kind: str) -> None:
    use = _use(order(resourceType=kind, **{key: "2026-03-01"}))
    assert use.recorded is not None
    assert use.recorded.text == "2026-03-01"


def test_a_statement_that_tells_only_its_period_was_made_at_its_start() -> None:
    use = _use(_statement("active", effectivePeriod={"start": "2026-01-01"}, dosage=[dosage(2)]))
    assert use.recorded is not None
    assert (use.recorded.text, use.portions[0].high) == ("2026-01-01", 800)


@pytest.mark.parametrize("key", ["priorPrescription", "basedOn", "authorizingPrescription", "request", "derivedFrom"])
def test_a_record_is_linked_to_the_order_it_comes_from(key: str) -> None:
    assert _use(order(**{key: {"reference": "MedicationRequest/old"}})).links == {"MedicationRequest/old"}
    assert not _use(order(**{key: {"display": "an order on paper"}})).links


def test_a_draft_is_linked_to_its_own_id_and_to_what_it_renews() -> None:
    draft = order(status="draft", priorPrescription={"reference": "MedicationRequest/old"})
    (use,) = call({}, hook="order-sign", draftOrders=bundle(draft)).uses
    assert use.links == {"MedicationRequest/m1", "MedicationRequest/old"}


def test_a_plan_counts() -> None:
    assert _use(order(intent="plan")).active


def test_an_administration_counts_for_its_day() -> None:
    use = _use(order(resourceType="MedicationAdministration", status="completed", effectiveDateTime="2026-06-14T08:00:00Z"))
    assert not use.active
    assert _dates(use) == ("2026-06-14", "2026-06-14")


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        ({"boundsDuration": {"value": 2, "code": "wk"}}, 14),
        ({"boundsDuration": {"value": 48, "unit": "h"}}, 2),
        ({"boundsDuration": {"value": 10, "unit": "days"}}, 10),
        ({"boundsDuration": {"value": 121, "unit": "h"}}, 6),
        ({"boundsPeriod": {"start": "2026-06-01", "end": "2026-06-30"}}, 30),
        ({"boundsPeriod": {"start": "2026-06-01", "end": "2026-06-01"}}, 1),
        ({"boundsPeriod": {"start": "2026-06-01T08:00:00Z", "end": "2026-06-06T08:00:00Z"}}, 5),
        ({"boundsPeriod": {"start": "2026-06-01T08:00:00Z", "end": "2026-06-06T09:00:00Z"}}, 6),
        ({"boundsPeriod": {"start": "2026-06-01", "end": "2026-06-06T09:00:00Z"}}, 6),
        ({"boundsPeriod": {"start": "2026-06-01"}}, None),
    ],
)
def test_the_length_of_a_course_as_written(repeat: Json, days: int | None) -> None:
    assert _use(order(dosageInstruction=[{"timing": {"repeat": repeat}}])).length_days == days


def test_the_longest_instruction_is_the_length_of_a_course() -> None:
    weeks = [{"timing": {"repeat": {"boundsDuration": {"value": each, "unit": "wk"}}}} for each in (1, 3, 2)]
    assert _use(order(dosageInstruction=weeks)).length_days == 21


def test_a_route_may_stand_in_a_later_instruction() -> None:
    assert _use(order(dosageInstruction=[dosage(), dosage() | {"route": {"text": "PO"}}])).route == "oral"


def test_what_else_an_order_says() -> None:
    use = _use(
        order(authoredOn="2026-03-01", reasonCode=[concept("gout")], dosageInstruction=[dosage() | {"route": {"text": "PO"}}])
    )
    assert (use.indications, use.route, use.recorded and use.recorded.text) == ({"gout"}, "oral", "2026-03-01")


def test_a_reason_may_refer_to_a_condition() -> None:
    from tests.unit.chart.small import condition

    assert _use(order(reasonReference=[{"reference": "Condition/c1"}]), condition()).indications == {"gout"}
    assert _use(order(reason=[{"reference": {"reference": "Condition/c1"}}]), condition()).indications == {"gout"}


def test_a_reason_that_was_not_sent_along_loses_no_order() -> None:
    assert not _use(order(reasonReference=[{"reference": "Condition/elsewhere"}])).indications


def test_days_are_those_of_the_site() -> None:
    from zoneinfo import ZoneInfo

    late = order(dosageInstruction=[_bounds(start="2026-06-01T02:00:00Z")])
    found = call({"medications": bundle(late)}, zone=ZoneInfo("America/New_York"))
    assert _dates(found.uses[0]) == ("2026-05-31", None)
