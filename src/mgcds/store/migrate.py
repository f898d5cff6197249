"""Brings the tables of a database up to date, one process at a time and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, insert, inspect, select

from mgcds.store.failures import StoreError
from mgcds.store.tables import metadata

SCRIPTS = Path(__file__).parent / "migrations"
REVISIONS = ("0001", "0002", "0003")  # oldest first; a test holds them to the scripts
# As alembic makes it.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_LOCK = 0x6D676364  # of PostgreSQL; any number, as long as it is always this one
_WAIT_MILLISECONDS = 60_000  # for another process that is at it


def bring_up_to_date(engine: Engine) -> None:
    """Makes the tables, or changes those of an older version. Tables of before there were versions are taken over as they are.

    An empty database gets the tables as they are now, without the history of how they came to be: 0.02 s instead of 0.2.

    Raises StoreError for a database that a newer version of mgcds has changed, and SQLAlchemyError.
    """
    with engine.connect() as connection:
        if revision(connection) == REVISIONS[-1]:
            return
    with engine.connect() as connection, _alone(connection):
        found = revision(connection)
        if found is None and not set(inspect(connection).get_table_names()) & set(metadata.tables):
            _make(connection)
        elif found != REVISIONS[-1]:  # nobody else did it while we waited
            _upgrade(connection)
        connection.commit()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """A transaction that no other process can begin at the same time; it waits for one that did."""
    if connection.engine.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield
        return
    usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={_WAIT_MILLISECONDS}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # by itself SQLite would begin one only with the first row
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={usual}")


def revision(connection: Connection) -> str | None:
    """The revision that the tables are at; None: no table says. Raises StoreError for one that this version does not know."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
    if found is not None and found not in REVISIONS:
        raise StoreError(
            f"the database was made by a newer mgcds (its tables are at revision {_word(found)}, this version knows up to "
            f"{REVISIONS[-1]}); start that version, or put back the backup from before it"
        )
    return found


def _word(found: object) -> str:
    return "".join(sign for sign in str(found)[:40] if sign.isalnum() or sign in "_-")


def _make(connection: Connection) -> None:
    metadata.create_all(connection)
    _VERSION.create(connection, checkfirst=True)
    connection.execute(insert(_VERSION).values(version_num=REVISIONS[-1]))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # late, because it takes a while and is rarely needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
