"""Opens the database: SQLite in the data folder, or in the memory of this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from mgcds.store.tables import metadata

FILE = "mgcds.sqlite3"
# A writer waits this long for another process; then a card goes out unrecorded and feedback is answered with 503.
BUSY_MILLISECONDS = 2000
_PRAGMAS = (f"busy_timeout={BUSY_MILLISECONDS}", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL")


class StoreError(Exception):
    """The database cannot be opened, read or written; the message holds nothing of what was to be stored."""


def open_database(data_dir: Path | None) -> Engine:
    """The database of a data folder, which is made where it is not there; None: one that ends with this process.

    Raises StoreError.
    """
    engine = _in_memory() if data_dir is None else _in_file(data_dir)
    event.listen(engine, "connect", _prepare)
    try:
        with engine.begin() as connection:  # several workers may start at once, so each asks for what is there already
            for table in metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
    except SQLAlchemyError as error:
        raise StoreError(f"the database {FILE} cannot be opened ({type(error).__name__})") from None
    return engine


def _in_memory() -> Engine:
    """One connection for all threads, each waiting for its turn: another connection would be another, empty database."""
    return create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=5,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )


def _in_file(data_dir: Path) -> Engine:
    file = data_dir / FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode
    except OSError as error:
        raise StoreError(f"{data_dir} cannot be written to ({error.strerror}); name a folder of our own") from None
    return create_engine(f"sqlite:///{file}", pool_timeout=5, hide_parameters=True)


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
