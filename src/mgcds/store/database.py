"""Opens the database: PostgreSQL by its address, SQLite in the data folder, or SQLite in the memory of this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, QueuePool, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from mgcds.store.failures import StoreError
from mgcds.store.migrate import bring_up_to_date
from mgcds.store.transactions import close_to_all, is_passing, open_to_all

Database = Engine
FILE = "mgcds.sqlite3"
# A writer waits this long for another process; then a card goes out unrecorded and feedback is answered with 503.
BUSY_MILLISECONDS = 2000
# secure_delete: what is erased is overwritten in the file, not only unlinked in it.
_PRAGMAS = (
    f"busy_timeout={BUSY_MILLISECONDS}", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON",
)  # fmt: skip
CONNECT_SECONDS = 2
# A server that is cut off in the middle of an exchange is given up after this long, instead of after a quarter of an hour.
_SILENCE = {"tcp_user_timeout": 3000, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}
_CONNECTIONS = 8  # a process: four that store, one that evaluates, the records, the upkeep


def open_database(data_dir: Path | None, url: str | None = None) -> Engine:
    """As `database_at`, and its tables are brought up to date. Raises StoreError."""
    engine = database_at(data_dir, url)
    prepare(engine)
    return engine


def database_at(data_dir: Path | None, url: str | None = None) -> Engine:
    """The database at an address, else in a data folder, which is made where it is not there, else in this process.

    `url`: postgresql://... Nobody has spoken with it, and it is closed to readers and writers until it is prepared. Raises
    StoreError for an address that is none and a folder that cannot be used.
    """
    engine = _at_address(url) if url else _in_file(data_dir) if data_dir is not None else _in_memory()
    close_to_all(engine)
    return engine


def prepare(engine: Engine) -> None:
    """Brings the tables up to date and opens the database to readers and writers. Raises StoreError."""
    try:
        bring_up_to_date(engine)
    except SQLAlchemyError as error:
        file = engine.url.database
        place = (
            "at MGCDS_DATABASE_URL" if engine.dialect.name != "sqlite" else f"{FILE} in MGCDS_DATA_DIR" if file else "in memory"
        )
        raise StoreError(f"the database {place} cannot be opened ({type(error).__name__})", passing=is_passing(error)) from None
    open_to_all(engine)


def existing_database(data_dir: Path | None, url: str | None) -> Engine:
    """The database that a service has made, for somebody who looks into it. Raises StoreError where there is none."""
    if url is None and data_dir is None:
        raise StoreError("which database? Set MGCDS_DATA_DIR or MGCDS_DATABASE_URL as the service has it")
    if url is None and data_dir is not None and not (data_dir / FILE).is_file():
        raise StoreError(f"there is no {FILE} in {data_dir}; set MGCDS_DATA_DIR as the service has it")
    return open_database(data_dir, url)


def _in_memory() -> Engine:
    """One connection for all threads, each waiting for its turn: another connection would be another, empty database."""
    engine = create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=5,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _in_file(data_dir: Path) -> Engine:
    file = data_dir / FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode
    except OSError as error:
        raise StoreError(f"{data_dir} cannot be written to ({error.strerror}); name a folder of our own") from None
    engine = create_engine(f"sqlite:///{file}", pool_timeout=5, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)

    # A file that is replaced or deleted under a running service lives on, nameless, in its open connections, and what is
    # written there is lost with the process. So each use asks whether the name still leads to the file that was opened.
    def remember(_: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = _identity(file)

    def still_there(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
        if _identity(file) != entry.info["file"]:
            raise DisconnectionError("the file is another one now")

    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", still_there)
    event.listen(engine, "do_connect", lambda *_: _must_exist(file))
    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _must_exist(file: Path) -> None:
    """SQLite would make an empty file of a missing one, and every later question would find no tables in it."""
    if not file.is_file():
        raise DisconnectionError("the file is not there")


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _at_address(url: str) -> Engine:
    try:
        engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,  # after a restart of the server, the first to come finds a fresh connection
            connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "mgcds", **_SILENCE},
            hide_parameters=True,
        )
    except (ArgumentError, ValueError):
        raise StoreError("MGCDS_DATABASE_URL is no address; write it like postgresql://user:password@host/database") from None
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _: Any) -> None:
    """Whoever waits for an answer of ours waits no longer than with SQLite."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {BUSY_MILLISECONDS}")
        cursor.execute("SET synchronous_commit = on")  # feedback that was answered with 200 is on the disk
    connection.commit()
