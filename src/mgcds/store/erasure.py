"""Erases what is stored about one patient, from the tables and from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, select
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
    own = pseudonym(key, issuer, patient_id)
    rows: dict[str, int] = {}
    with writing(engine) as connection:
        cards = select(card.c.id).where(card.c.issuer == issuer, card.c.patient == own)
        of_patient = (feedback.c.issuer == issuer) & (feedback.c.patient == own)
        rows["feedback"] = connection.execute(delete(feedback).where(of_patient | feedback.c.card_id.in_(cards))).rowcount
        rows["finding"] = connection.execute(delete(finding).where(finding.c.card_id.in_(cards))).rowcount
        rows["card"] = connection.execute(delete(card).where(card.c.issuer == issuer, card.c.patient == own)).rowcount
        rows["record"] = connection.execute(delete(record).where(record.c.issuer == issuer, record.c.patient == own)).rowcount
    return Erased(rows, _overwritten(engine))


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
