"""Erases what is stored about one patient, from the tables and from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, Table, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from mgcds.store.failures import StoreError
from mgcds.store.pseudonym import fingerprint, pseudonym
from mgcds.store.tables import card, feedback, finding, pseudonym_key, record
from mgcds.store.transactions import inserting, reading, writing


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows that were deleted, by table. `overwritten`: whether their bytes are gone from the database's files as well."""

    rows: Mapping[str, int]
    overwritten: bool


def use_key(engine: Engine, key: bytes, now: datetime) -> int:
    """Notes that pseudonyms are made with this key; gives the number of other keys that were used before. Raises StoreError."""
    own = fingerprint(key)
    with writing(engine) as connection:
        connection.execute(inserting(engine, pseudonym_key).values(fingerprint=own, since=now).on_conflict_do_nothing())
        asked = select(func.count()).select_from(pseudonym_key).where(pseudonym_key.c.fingerprint != own)
        return int(connection.execute(asked).scalar_one())


def other_keys(engine: Engine, key: bytes) -> int:
    """The number of other keys that pseudonyms were made with. Raises StoreError where this one was never used."""
    with reading(engine) as connection:
        known = set(connection.execute(select(pseudonym_key.c.fingerprint)).scalars())
    if known and fingerprint(key) not in known:
        raise StoreError(
            "the pseudonyms in this database were made with another key, so nobody would be found; "
            "set MGCDS_PSEUDONYM_KEY or MGCDS_DATA_DIR as the service has them"
        )
    return len(known - {fingerprint(key)})


def erase(engine: Engine, key: bytes, *, issuer: str, patient_id: str) -> Erased:
    """Deletes every row about a patient of an issuer, all or none. Raises StoreError."""
    with writing(engine) as connection:
        rows = {
            table.name: connection.execute(delete(table).where(theirs)).rowcount
            for table, theirs in _about(issuer, pseudonym(key, issuer, patient_id))
        }
    return Erased(rows, _overwritten(engine))


def rows_about(engine: Engine, key: bytes, *, issuer: str, patient_id: str) -> dict[str, int]:
    """What `erase` would delete: the number of rows by table. Raises StoreError."""
    with reading(engine) as connection:
        return {
            table.name: int(connection.execute(select(func.count()).select_from(table).where(theirs)).scalar_one())
            for table, theirs in _about(issuer, pseudonym(key, issuer, patient_id))
        }


def _about(issuer: str, own: str) -> tuple[tuple[Table, ColumnElement[bool]], ...]:
    """The tables and which of their rows are about a patient, in the order in which they can be deleted."""
    theirs = (card.c.issuer == issuer) & (card.c.patient == own)
    cards = select(card.c.id).where(theirs)
    answered = (feedback.c.issuer == issuer) & (feedback.c.patient == own)
    return (
        (feedback, answered | feedback.c.card_id.in_(cards)),
        (finding, finding.c.card_id.in_(cards)),
        (card, theirs),
        (record, (record.c.issuer == issuer) & (record.c.patient == own)),
    )


def _overwritten(engine: Engine) -> bool:
    """SQLite overwrites deleted rows in its file (secure_delete), once the log of changes is written back and emptied.

    PostgreSQL frees their place, which is overwritten when something else is stored there.
    """
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if engine.dialect.name == "sqlite":
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
                return not busy
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM card, finding, feedback, record")
            connection.invalidate()  # with it goes the changed setting
    except SQLAlchemyError:
        return False
    return False
