"""Decision records are written behind the answers: none waits for them, and what is not written is counted."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from mgcds.store import Decision, Recorder, StoreError
from mgcds.store import records as module
from mgcds.store.records import exported, records
from mgcds.store.tables import record
from mgcds.store.transactions import writing
from tests.unit.store.test_memory import NOW

CONTENT = {"ms": 1.5, "rules": {"ex-one": {"state": "fired", "version": "1.0.0"}}}


def decision(number: int = 0, **given: Any) -> Decision:
    made = {
        "at": NOW + timedelta(seconds=number),
        "issuer": "a",
        "patient": "p" * 64,
        "service": "s",
        "request": f"{number:064}",
    }
    return Decision(**(made | {"content": CONTENT} | given))


def test_what_is_left_is_written_in_order_and_read_back(engine: Engine) -> None:
    recorder = Recorder(engine)
    for number in range(450):
        recorder.add(decision(number))
    recorder.close(60)
    assert (recorder.written, recorder.dropped) == (450, 0)
    found = [each for _, each in records(engine)]
    assert found == [decision(number) for number in range(450)]
    (only,) = records(engine, request=f"{7:064}")
    assert only[1] == decision(7)
    assert exported(*only)["rules"] == CONTENT["rules"]
    some = records(engine, since=NOW + timedelta(seconds=10), until=NOW + timedelta(seconds=12))
    assert [each.request for _, each in some] == [f"{10:064}", f"{11:064}"]


def test_who_leaves_one_does_not_wait_for_the_database(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    writing, go_on = threading.Event(), threading.Event()
    wrote = Recorder._write

    def slow(self: Recorder, batch: list[Decision]) -> int:
        writing.set()
        assert go_on.wait(60)
        return wrote(self, batch)

    monkeypatch.setattr(Recorder, "_write", slow)
    recorder = Recorder(engine, most=5)
    recorder.add(decision(0))
    assert writing.wait(60)
    for number in range(1, 8):
        recorder.add(decision(number))  # returns although nothing can be written
    assert recorder.dropped == 3
    go_on.set()
    recorder.close(60)
    assert (recorder.written, recorder.dropped) == (5, 3)
    recorder.add(decision(9))  # too late
    assert recorder.dropped == 4


def test_what_fails_for_the_moment_is_tried_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHER_SECONDS", 0.01)
    wrote, failures = Recorder._write, iter(range(3))

    def fail(self: Recorder, batch: list[Decision]) -> int:
        if next(failures, None) is not None:
            raise StoreError("the database could not be written", passing=True)
        return wrote(self, batch)

    monkeypatch.setattr(Recorder, "_write", fail)
    recorder = Recorder(engine)
    recorder.add(decision())
    deadline = time.monotonic() + 60
    while not recorder.written and time.monotonic() < deadline:
        time.sleep(0.01)
    recorder.close(60)
    assert (recorder.written, recorder.dropped) == (1, 0)


def test_what_can_never_be_written_costs_no_other_record(engine: Engine) -> None:
    recorder = Recorder(engine)
    recorder.add(decision(0, content={"never": object()}))
    deadline = time.monotonic() + 60
    while not recorder.dropped and time.monotonic() < deadline:
        time.sleep(0.01)
    recorder.add(decision(1))
    recorder.close(60)
    assert (recorder.written, recorder.dropped) == (1, 1)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(record)).scalar_one() == 1


def test_what_can_never_be_written_costs_none_of_its_batch(engine: Engine) -> None:
    recorder = Recorder(engine)
    batch = [
        decision(0),
        decision(1, content={"half": "\ud83d"}),
        decision(2, content={"no": [float("nan"), 2**70]}),
        decision(3),
    ]
    assert (recorder._write(batch), recorder.dropped) == (2, 2)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(record)).scalar_one() == 2


def test_one_that_is_never_used_starts_no_thread(engine: Engine) -> None:
    before = threading.active_count()
    recorder = Recorder(engine)
    assert threading.active_count() == before
    recorder.close()


@pytest.mark.parametrize(
    ("kind", "again"), [(OperationalError, True), (DataError, False), (IntegrityError, False), (ProgrammingError, False)]
)
def test_a_lock_is_waited_for_and_a_row_that_never_fits_holds_up_nobody(
    engine: Engine, kind: type[DBAPIError], again: bool
) -> None:
    with pytest.raises(StoreError) as failed, writing(engine):
        raise kind("INSERT", {}, Exception())
    assert failed.value.passing is again
