"""Transactions whose failures say nothing of what was read or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from mgcds.store.failures import StoreError


def inserting(engine: Engine, table: Table) -> Any:
    """An INSERT of the engine's dialect, which knows ON CONFLICT: standard SQL has no insert that may meet the same row.

    SQLite and PostgreSQL write it alike. Importing the other one's dialect would be 0.05 s of each start.
    """
    return import_module(f"sqlalchemy.dialects.{engine.dialect.name}").insert(table)


_closed: WeakSet[Engine] = WeakSet()


def close_to_all(engine: Engine) -> None:
    """Lets nobody read or write before the tables have been looked at; whoever tries is told at once, and waits for nothing."""
    _closed.add(engine)


def open_to_all(engine: Engine) -> None:
    """Lets everybody read and write."""
    _closed.discard(engine)


def is_passing(error: SQLAlchemyError) -> bool:
    """Whether the same may well succeed later."""
    return not isinstance(error, DataError | IntegrityError | ProgrammingError)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with. Raises StoreError."""
    _must_be_open(engine)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise _failed("read", error) from None


@contextmanager
def writing(engine: Engine, *, synced: bool = True) -> Iterator[Connection]:
    """A transaction; on leaving it, what was written is on the disk. Raises StoreError, and nothing of it was written.

    `synced` false: no later crash of ours loses it, but one of the machine may, until the next transaction that is synced.
    Measured on SQLite: recording two cards took 0.5 ms instead of 0.9.
    """
    _must_be_open(engine)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":  # before its first statement, while no transaction has begun there
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            elif not synced:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection
    except SQLAlchemyError as error:
        raise _failed("written", error) from None


def _failed(done: str, error: SQLAlchemyError) -> StoreError:
    return StoreError(f"the database could not be {done} ({type(error).__name__})", passing=is_passing(error))


def _must_be_open(engine: Engine) -> None:
    if engine in _closed:
        raise StoreError("the database has not been opened yet", passing=True)
