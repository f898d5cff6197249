"""What the store keeps, for how long it answers, and that it stands threads and processes."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, text

from mgcds.engine.remember import Override
from mgcds.store import Event, Shown, Store, StoreError, open_database
from mgcds.store.database import FILE
from mgcds.store.tables import Table, card, feedback, finding
from tests.unit.store.conftest import Open

NOW = datetime(2026, 6, 15, 9, 30, tzinfo=UTC)
KEY = b"k" * 32
WARNING = (("ex-one", "warning"),)


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine, KEY)


def show(
    store: Store, *findings: tuple[str, str], uuid: UUID | None = None, patient: str = "p1", issuer: str = "a",
    at: datetime = NOW,
) -> UUID:  # fmt: skip
    uuid = uuid or uuid4()
    store.show([Shown(uuid, findings)], issuer=issuer, service="s", patient_id=patient, at=at)
    return uuid


def overridden(card: UUID, days: float = 0, **given: object) -> Event:
    return Event(card, "overridden", NOW - timedelta(days=days), **given)  # type: ignore[arg-type]


def remembered(store: Store, patient: str = "p1", issuer: str = "a", days: int = 90, zone: str = "UTC") -> list[Override]:
    site = ZoneInfo(zone)
    return list(store.overrides(issuer=issuer, patient_id=patient, today=NOW.astimezone(site).date(), zone=site, days=days))


def count(store: Store, table: Table) -> int:
    with store._engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_an_override_counts_for_every_finding_of_its_card(store: Store) -> None:
    uuid = show(store, ("ex-one", "warning"), ("ex-two", "info"))
    assert store.note([overridden(uuid, 3)], issuer="a", at=NOW) == 0
    day = (NOW - timedelta(days=3)).date()
    assert remembered(store) == [Override("ex-one", "warning", day), Override("ex-two", "info", day)]


def test_accepted_is_recorded_and_silences_nothing(store: Store) -> None:
    uuid = show(store, *WARNING)
    accepted = Event(uuid, "accepted", NOW, suggestions=(uuid4(),))
    store.note([accepted], issuer="a", at=NOW)
    assert (count(store, feedback), remembered(store)) == (1, [])
    store.note([overridden(uuid)], issuer="a", at=NOW)  # changed their mind: both stand
    assert (count(store, feedback), len(remembered(store))) == (2, 1)


def test_a_repeat_changes_nothing_and_another_moment_is_another_event(store: Store) -> None:
    uuid = show(store, *WARNING)
    event = overridden(uuid, 2, reasons=("other",))
    store.note([event, event], issuer="a", at=NOW)
    store.note([event], issuer="a", at=NOW + timedelta(days=5))
    assert count(store, feedback) == 1
    store.note([overridden(uuid, 1, reasons=("other",))], issuer="a", at=NOW)
    assert count(store, feedback) == 2


def test_what_is_not_known_is_counted_and_not_kept(store: Store) -> None:
    uuid = show(store, *WARNING)
    assert store.note([overridden(uuid4()), overridden(uuid), overridden(uuid4())], issuer="a", at=NOW) == 2
    assert count(store, feedback) == 1
    assert store.note([overridden(uuid)], issuer="b", at=NOW) == 1
    assert count(store, feedback) == 1


def test_another_patient_and_another_issuer_remember_nothing(store: Store) -> None:
    store.note([overridden(show(store, *WARNING))], issuer="a", at=NOW)
    assert remembered(store)
    assert remembered(store, patient="p2") == []
    assert remembered(store, issuer="b") == []


def test_only_the_last_days_are_looked_at_counted_in_the_sites_zone(store: Store) -> None:
    uuid = show(store, *WARNING)
    late = datetime(2026, 5, 1, 23, 30, tzinfo=UTC)  # 2 May in Berlin
    store.note([Event(uuid, "overridden", late)], issuer="a", at=NOW)
    assert [past.on.isoformat() for past in remembered(store)] == ["2026-05-01"]
    assert [past.on.isoformat() for past in remembered(store, zone="Europe/Berlin")] == ["2026-05-02"]
    assert remembered(store, days=45) != []
    assert remembered(store, days=44) == []
    assert remembered(store, days=44, zone="Europe/Berlin") != []
    assert remembered(store, days=99_999_999) != []


def test_a_time_to_come_counts_as_when_it_was_received(store: Store) -> None:
    store.note([overridden(show(store, *WARNING), -4000)], issuer="a", at=NOW - timedelta(days=7))
    assert [past.on for past in remembered(store)] == [(NOW - timedelta(days=7)).date()]


def test_of_several_overrides_of_one_finding_the_newest_counts(store: Store) -> None:
    """An EHR may send thousands; the calls of that patient read one row for each finding."""
    first, second = show(store, *WARNING), show(store, *WARNING, ("ex-two", "info"))
    store.note([overridden(first, days / 10) for days in range(20, 600)], issuer="a", at=NOW)
    store.note([overridden(second, 9), overridden(show(store, ("ex-one", "critical")), 30)], issuer="a", at=NOW)
    days = {days: (NOW - timedelta(days=days)).date() for days in (2, 9, 30)}
    assert remembered(store) == [
        Override("ex-one", "critical", days[30]),
        Override("ex-two", "info", days[9]),
        Override("ex-one", "warning", days[2]),
    ]


def test_an_override_of_a_day_to_come_does_not_hide_an_earlier_one(store: Store) -> None:
    """Where the day of the rules lies behind the clock, as it does with MGCDS_TODAY."""
    uuid = show(store, *WARNING)
    store.note([overridden(uuid, 3)], issuer="a", at=NOW)
    store.note([overridden(uuid, -1)], issuer="a", at=NOW + timedelta(days=5))
    assert [past.on for past in remembered(store)] == [(NOW - timedelta(days=3)).date()]


def test_an_override_of_the_last_moment_of_today_counts(store: Store) -> None:
    late = NOW.replace(hour=23, minute=59, second=59, microsecond=999_999)
    store.note([Event(show(store, *WARNING), "overridden", late)], issuer="a", at=late)
    assert [past.on for past in remembered(store)] == [NOW.date()]


def test_a_card_shown_twice_is_one_card(store: Store) -> None:
    uuid = show(store, ("ex-one", "warning"), ("ex-two", "info"))
    show(store, ("ex-two", "info"), ("ex-one", "warning"), uuid=uuid)
    assert (count(store, card), count(store, finding)) == (1, 2)


def test_feedback_is_on_the_card_as_it_was_shown_last(store: Store) -> None:
    """A client may repeat a call with other data: what it overrides is what stands on the screen."""
    uuid = show(store, *WARNING)
    store.show([Shown(uuid, (("ex-two", "info"),))], issuer="a", service="s", patient_id="p1", at=NOW + timedelta(seconds=1))
    store.note([overridden(uuid)], issuer="a", at=NOW)
    assert [past.rule for past in remembered(store)] == ["ex-two"]
    store.show([Shown(uuid, WARNING)], issuer="a", service="s", patient_id="p1", at=NOW + timedelta(seconds=2))
    assert [past.rule for past in remembered(store)] == ["ex-two"]  # what was overridden does not change afterwards


def test_a_card_shown_to_two_patients_silences_neither(store: Store) -> None:
    """Such a client uses one hookInstance for both; whose card was overridden nobody can tell."""
    uuid = show(store, *WARNING)
    show(store, *WARNING, uuid=uuid, patient="p2")
    assert store.note([overridden(uuid)], issuer="a", at=NOW) == 1
    assert remembered(store) == remembered(store, patient="p2") == []


def test_what_was_overridden_before_the_instance_was_used_again_stands(store: Store) -> None:
    uuid = show(store, *WARNING)
    store.note([overridden(uuid)], issuer="a", at=NOW)
    show(store, *WARNING, uuid=uuid, patient="p2")
    assert len(remembered(store)) == 1
    assert remembered(store, patient="p2") == []


def test_a_card_without_findings_can_be_answered(store: Store) -> None:
    assert store.note([overridden(show(store))], issuer="a", at=NOW) == 0
    assert remembered(store) == []


def test_a_large_batch_is_taken_whole(store: Store) -> None:
    uuids = [uuid4() for _ in range(1300)]
    store.show([Shown(uuid, WARNING) for uuid in uuids], issuer="a", service="s", patient_id="p1", at=NOW)
    assert store.note([overridden(uuid) for uuid in uuids], issuer="a", at=NOW) == 0
    assert count(store, feedback) == 1300


def test_threads_share_it(store: Store) -> None:
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                uuid = show(store, *WARNING, patient=f"p{number}")
                store.note([overridden(uuid)], issuer="a", at=NOW)
                assert remembered(store, patient=f"p{number}")
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert count(store, feedback) == 80


def test_several_processes_share_it_and_another_finds_it_later(shared: Open) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(shared(), KEY))) for _ in range(4)]
    for thread in threads:  # several workers start at once, before there are tables
        thread.start()
    for thread in threads:
        thread.join()
    first, second, *_ = opened
    assert len(opened) == 4
    uuid = show(first, *WARNING)
    assert second.note([overridden(uuid)], issuer="a", at=NOW) == 0
    assert remembered(first) == remembered(second) == remembered(Store(shared(), KEY)) != []


def test_two_in_memory_share_nothing() -> None:
    one, other = Store(open_database(None), KEY), Store(open_database(None), KEY)
    uuid = show(one, *WARNING)
    assert other.note([overridden(uuid)], issuer="a", at=NOW) == 1


def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    store = Store(open_database(tmp_path / "data"), KEY)
    show(store, *WARNING)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert FILE in modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_no_patient_id_stands_in_the_files(tmp_path: Path) -> None:
    store = Store(open_database(tmp_path), KEY)
    uuid = show(store, *WARNING, patient="canaryJaneDoe")
    store.note([overridden(uuid)], issuer="a", at=NOW)
    for path in tmp_path.iterdir():
        assert b"canaryJaneDoe" not in path.read_bytes(), path.name
    assert remembered(store, patient="canaryJaneDoe") != []
    assert remembered(Store(open_database(tmp_path), b"another key" * 4), patient="canaryJaneDoe") == []


def test_a_file_waits_and_keeps_its_references_whole(tmp_path: Path) -> None:
    with open_database(tmp_path).connect() as connection:
        asked = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
        assert asked == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() > 0


@pytest.mark.parametrize(
    "use",
    [
        lambda store: show(store, *WARNING),
        lambda store: store.note([overridden(uuid4())], issuer="a", at=NOW),
        remembered,
    ],
    ids=["show", "note", "overrides"],
)
def test_a_database_that_fails_says_so_without_what_was_stored(store: Store, use: Callable[[Store], object]) -> None:
    with store._engine.begin() as connection:
        for table in ("feedback", "finding", "card"):
            connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(StoreError) as caught:
        use(store)
    assert "ex-one" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_locked_database_is_given_up_after_a_while(tmp_path: Path) -> None:
    store = Store(open_database(tmp_path), KEY)
    uuid = show(store, *WARNING)
    with open_database(tmp_path).connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert remembered(store) == []  # reading needs no lock
        with pytest.raises(StoreError):
            store.note([overridden(uuid)], issuer="a", at=NOW)
        other.exec_driver_sql("ROLLBACK")
    assert store.note([overridden(uuid)], issuer="a", at=NOW) == 0


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StoreError, match="cannot be written to"):
        open_database(tmp_path / "a-file")
    (tmp_path / FILE).write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_database(tmp_path)
