"""What is too old goes, what still counts stays, and a patient can be erased from every table and file."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mgcds.store import Recorder, SpentTokens, Store, StoreError, open_database
from mgcds.store.erasure import erase, other_keys, rows_about, use_key
from mgcds.store.pseudonym import pseudonym
from mgcds.store.repeats import KEPT, Repeats
from mgcds.store.retention import forget
from mgcds.store.tables import card, feedback, finding, record, seen, spent_tokens
from tests.unit.store.test_memory import KEY, NOW, WARNING, count, overridden, remembered, show
from tests.unit.store.test_records import decision


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine, KEY)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_older_rows_go_and_younger_stay(store: Store, engine: Engine) -> None:
    for days in (0, 10, 30, 31, 400):
        uuid = show(store, *WARNING, at=ago(days))
        store.note([overridden(uuid, days)], issuer="a", at=ago(days))
    recorder = Recorder(engine)
    for days in (0, 10, 31, 400):
        recorder.add(decision(at=ago(days)))
    recorder.close(60)
    gone = forget(engine, NOW, ago(30.5), ago(5))
    assert gone == {"feedback": 2, "card": 2, "record": 3}
    assert (count(store, card), count(store, finding), count(store, feedback), count(store, record)) == (3, 3, 3, 1)
    assert forget(engine, NOW, ago(30.5), ago(5)) == {}


def test_a_card_stays_as_long_as_what_was_said_about_it(store: Store, engine: Engine) -> None:
    uuid = show(store, *WARNING, at=ago(40))
    store.note([overridden(uuid, 3)], issuer="a", at=ago(3))
    assert forget(engine, NOW, ago(30), None) == {}
    assert remembered(store) != []
    assert forget(engine, NOW, ago(2), None) == {"feedback": 1, "card": 1}
    assert count(store, finding) == 0


def test_many_rows_go_in_small_transactions(store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from mgcds.store import retention

    monkeypatch.setattr(retention, "_AT_ONCE", 7)
    for _ in range(30):
        show(store, *WARNING, at=ago(9))
    assert forget(engine, NOW, ago(5), None) == {"card": 30}


def test_tokens_go_when_they_would_not_be_accepted_anyway(store: Store, engine: Engine) -> None:
    tokens = SpentTokens(engine)
    for name, minutes in (("one", 5), ("two", 10)):
        assert tokens.spend("a", name, NOW + timedelta(minutes=minutes), NOW)
    assert forget(engine, NOW + timedelta(minutes=7), None, None) == {"spent_tokens": 1}
    assert count(store, spent_tokens) == 1
    assert not tokens.spend("a", "two", NOW + timedelta(minutes=10), NOW + timedelta(minutes=7))


def test_what_was_seen_goes_after_its_hours_though_no_client_asks_again(store: Store, engine: Engine) -> None:
    repeats = Repeats(engine, KEY)
    repeats.remember([repeats.name("one")], at=NOW)
    repeats.remember([repeats.name("two"), repeats.name("three")], at=NOW + timedelta(hours=1))
    assert forget(engine, NOW + KEPT - timedelta(seconds=1), None, None) == {}
    assert forget(engine, NOW + KEPT, None, None) == {"seen": 1}
    assert count(store, seen) == 2
    assert forget(engine, NOW + KEPT + timedelta(hours=1), None, None) == {"seen": 2}
    assert count(store, seen) == 0


def test_a_patient_is_erased_from_every_table(store: Store, engine: Engine) -> None:
    recorder = Recorder(engine)
    for issuer, patient in (("a", "p1"), ("a", "p2"), ("b", "p1")):
        for _ in range(2):
            store.note([overridden(show(store, *WARNING, issuer=issuer, patient=patient))], issuer=issuer, at=NOW)
        recorder.add(decision(issuer=issuer, patient=pseudonym(KEY, issuer, patient)))
    recorder.close(60)
    would_go = rows_about(engine, KEY, issuer="a", patient_id="p1")
    assert remembered(store) != []  # counting deletes nothing
    done = erase(engine, KEY, issuer="a", patient_id="p1")
    assert would_go == dict(done.rows) == {"feedback": 2, "finding": 2, "card": 2, "record": 1}
    assert remembered(store) == []
    assert remembered(store, patient="p2") != []
    assert remembered(store, issuer="b") != []
    assert count(store, record) == 2
    assert sum(erase(engine, KEY, issuer="a", patient_id="p1").rows.values()) == 0


def test_no_byte_of_an_erased_patient_stays_in_the_files(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    store, recorder = Store(engine, KEY), Recorder(engine)
    own = pseudonym(KEY, "a", "p1").encode()
    for _ in range(50):
        store.note([overridden(show(store, *WARNING))], issuer="a", at=NOW)
        show(store, *WARNING, patient="p2")
        recorder.add(decision(patient=own.decode()))
    recorder.close(60)
    files = lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: E731
    assert own in files()
    assert erase(engine, KEY, issuer="a", patient_id="p1").overwritten
    assert own not in files()
    assert pseudonym(KEY, "a", "p2").encode() in files()


def test_somebody_who_reads_meanwhile_leaves_bytes_and_that_is_said(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    show(Store(engine, KEY), *WARNING)
    with open_database(tmp_path).connect() as reading:
        reading.exec_driver_sql("BEGIN")
        reading.exec_driver_sql("SELECT * FROM card").all()
        assert not erase(engine, KEY, issuer="a", patient_id="p1").overwritten
    assert erase(engine, KEY, issuer="a", patient_id="p1").overwritten


def test_with_another_key_nobody_is_looked_for(engine: Engine) -> None:
    assert other_keys(engine, KEY) == 0  # nothing is stored yet
    assert use_key(engine, KEY, NOW) == 0
    assert use_key(engine, KEY, NOW + timedelta(days=1)) == 0
    assert other_keys(engine, KEY) == 0
    with pytest.raises(StoreError, match="another key"):
        other_keys(engine, b"x" * 32)
    assert use_key(engine, b"x" * 32, NOW) == 1
    assert other_keys(engine, KEY) == 1
