"""Tables are made, taken over and brought up to date without loss, by one process at a time."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from mgcds.store import Store, StoreError, migrate, open_database
from mgcds.store.database import FILE
from mgcds.store.migrate import REVISIONS, SCRIPTS, revision
from mgcds.store.tables import metadata
from tests.unit.store.conftest import Open
from tests.unit.store.test_memory import KEY, NOW, WARNING, overridden, remembered, show

# The tables as they were made before there were versions, word for word.
OLD = """
CREATE TABLE card (id VARCHAR(64) NOT NULL, issuer VARCHAR NOT NULL, uuid CHAR(32) NOT NULL, service VARCHAR NOT NULL,
    patient VARCHAR(64) NOT NULL, shown_at DATETIME NOT NULL, PRIMARY KEY (id));
CREATE TABLE finding (card_id VARCHAR(64) NOT NULL, rule VARCHAR NOT NULL, indicator VARCHAR NOT NULL,
    PRIMARY KEY (card_id, rule), FOREIGN KEY(card_id) REFERENCES card (id) ON DELETE CASCADE);
CREATE TABLE feedback (id VARCHAR(64) NOT NULL, card_id VARCHAR(64) NOT NULL, issuer VARCHAR NOT NULL,
    patient VARCHAR(64) NOT NULL, outcome VARCHAR NOT NULL, outcome_at DATETIME NOT NULL, reasons JSON NOT NULL,
    suggestions JSON NOT NULL, received_at DATETIME NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(card_id) REFERENCES card (id) ON DELETE CASCADE);
CREATE INDEX card_of_feedback ON card (issuer, uuid);
CREATE INDEX overrides_of_patient ON feedback (issuer, patient, outcome, outcome_at);
"""


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}").fetchall())


def make_old(folder: Path) -> Path:
    """A file of before there were versions, with a card, its finding and an override in it."""
    file = folder / FILE
    store = Store(open_database(folder), KEY)
    store.note([overridden(show(store, *WARNING), 2)], issuer="a", at=NOW)
    store.close()
    kept = {table: rows(file, table) for table in ("card", "finding", "feedback")}
    for path in folder.glob(f"{FILE}*"):
        path.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(OLD)
        for table, found in kept.items():
            for row in found:
                connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    return file


def test_a_file_of_before_there_were_versions_is_taken_over_with_its_rows(tmp_path: Path) -> None:
    file = make_old(tmp_path)
    before = {table: rows(file, table) for table in ("card", "finding", "feedback")}
    assert all(before.values())
    engine = open_database(tmp_path)
    with engine.connect() as connection:
        assert revision(connection) == REVISIONS[-1]
    assert remembered(Store(engine, KEY)) != []
    assert {table: rows(file, table) for table in before} == before


def test_a_file_whose_first_start_was_cut_short_is_completed(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.executescript(OLD.split("CREATE TABLE finding")[0])
    store = Store(open_database(tmp_path), KEY)
    store.note([overridden(show(store, *WARNING))], issuer="a", at=NOW)
    assert remembered(store) != []


def without_a_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets an empty database be made by the scripts, one after the other."""
    monkeypatch.setattr(migrate, "_make", migrate._upgrade)


def everything(engine: Engine) -> dict[str, dict[str, object]]:
    """What a database says of its tables: (columns, keys, ...) by table."""
    found = inspect(engine)
    told = {
        "columns": found.get_multi_columns(),
        "keys": found.get_multi_pk_constraint(),
        "foreign": found.get_multi_foreign_keys(),
        "indexes": found.get_multi_indexes(),
    }
    return {kind: {name: plain(each, named=kind in ("columns", "indexes")) for (_, name), each in tables.items()}
            for kind, tables in told.items()}  # fmt: skip


def plain(told: Any, *, named: bool) -> list[str]:
    """In an order of ours, and without names that a database chooses."""
    parts = told if isinstance(told, list) else [told]
    return sorted(str({key: str(value) for key, value in part.items() if named or key != "name"}) for part in parts)


def test_the_scripts_make_the_tables_that_the_code_uses(shared: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_shortcut(monkeypatch)
    with shared().connect() as connection:
        assert revision(connection) == REVISIONS[-1]
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_an_empty_database_gets_what_the_scripts_would_make(shared: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_shortcut(monkeypatch)
    scripted = shared()
    made = everything(scripted)
    monkeypatch.undo()
    with scripted.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    monkeypatch.setattr(migrate, "_upgrade", None)
    assert everything(shared()) == made
    assert set(made["columns"]) == {*metadata.tables, "alembic_version"}


def test_every_script_is_known_in_its_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(scripts)) == REVISIONS


def test_tables_of_a_newer_version_are_refused_and_left_alone(shared: Open) -> None:
    engine = shared()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999_later'"))
    with pytest.raises(StoreError, match=r"made by a newer mgcds .*0999_later.*knows up to 0003"):
        shared()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0999_later"


@pytest.mark.parametrize("way", ["_make", "_upgrade"])
def test_a_migration_that_fails_leaves_nothing_behind(way: str, shared: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    done = getattr(migrate, way)

    def fail(connection: object) -> None:
        done(connection)
        raise StoreError("the power went off")

    monkeypatch.setattr(migrate, "_make", fail)
    with pytest.raises(StoreError, match="power"):
        shared()
    monkeypatch.undo()
    engine = shared()
    with engine.connect() as connection:
        assert revision(connection) == REVISIONS[-1]


def _open(folder: Path, url: str | None, barrier: object) -> None:
    barrier.wait(60)  # type: ignore[attr-defined]
    open_database(folder, url).dispose()


@pytest.mark.parametrize("kind", ["old file", "postgresql"])
def test_several_processes_may_start_at_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = None
    if kind == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        url = cluster.url(cluster.new_database())
    else:
        make_old(tmp_path)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_open, args=(tmp_path, url, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    engine = open_database(tmp_path, url)
    assert kind == "postgresql" or remembered(Store(engine, KEY)) != []
    engine.dispose()
