"""What became of the cards, counted by rule."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from mgcds.store import Event, Recorder, Store
from mgcds.store.report import Evaluated, RuleNumbers, evaluated, numbers
from tests.unit.store.test_memory import KEY, NOW, WARNING, overridden, show
from tests.unit.store.test_records import decision

DAY = timedelta(days=1)


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine, KEY)


def test_every_card_is_counted_once_for_each_of_its_rules(store: Store, engine: Engine) -> None:
    both = (("ex-one", "warning"), ("ex-two", "info"))
    answered = show(store, *both)
    taken = Event(answered, "accepted", NOW, suggestions=(uuid4(),))
    first, second = (overridden(answered, days, reasons=("a", "b")) for days in (1, 2))  # overridden twice: once more, later
    store.note([taken, first, second], issuer="a", at=NOW)
    store.note([overridden(show(store, *WARNING, patient="p2"), reasons=("a",))], issuer="a", at=NOW)
    show(store, *WARNING, patient="p3", at=NOW - 8 * DAY)
    show(store, *WARNING, at=NOW - 7 * DAY)
    assert numbers(engine, now=NOW) == (
        RuleNumbers("ex-one", shown=4, accepted=1, overridden=2, ignored=1, waiting=1, repeats=1, reasons={"a": 2, "b": 1}),
        RuleNumbers("ex-two", shown=1, accepted=1, overridden=1, reasons={"a": 1, "b": 1}),
    )
    one, _ = numbers(engine, now=NOW)
    assert one.repeat_rate == 0.25
    assert [each.ignored for each in numbers(engine, now=NOW, ignored_after=9)] == [0, 0]


def test_only_cards_since_a_day_are_counted(store: Store, engine: Engine) -> None:
    show(store, *WARNING, at=NOW - 3 * DAY)
    store.note([overridden(show(store, *WARNING, at=NOW - 2 * DAY))], issuer="a", at=NOW)
    (found,) = numbers(engine, now=NOW, since=NOW - 2 * DAY)
    assert (found.shown, found.overridden, found.repeats, found.waiting) == (1, 1, 0, 0)
    assert numbers(engine, now=NOW, since=NOW) == ()


def test_records_say_how_rules_ended_and_how_long_it_took(engine: Engine) -> None:
    recorder = Recorder(engine)
    ends = [{"state": "fired"}, {"state": "shadow"}, {"state": "suppressed", "reason": "overridden"},
            {"state": "superseded", "reason": "superseded"}]  # fmt: skip
    for number, end in enumerate(ends):
        recorder.add(decision(number, content={"ms": 10.0 * number, "rules": {"ex-one": end}}))
    recorder.close(60)
    states = {"fired": 1, "shadow": 1, "superseded": 1, "suppressed: overridden": 1}
    assert evaluated(engine) == Evaluated(4, {"ex-one": states}, 20.0, 30.0)
    assert evaluated(engine, since=NOW + DAY) == Evaluated(0, {}, None, None)


def test_no_card_no_number(engine: Engine) -> None:
    assert numbers(engine, now=NOW) == ()
