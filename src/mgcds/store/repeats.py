"""What a clinician was shown when an order was chosen, for some hours: so that signing it need not show the same again.

A row is a keyed hash and the time at which it is forgotten; nobody without the site's key can tell whose or about what.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Engine, MetaData, String, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from mgcds.store.database import StoreError
from mgcds.store.tables import Instant

KEPT = timedelta(hours=8)  # from choosing an order to signing it: a shift
_INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_metadata = MetaData()
seen = Table(
    "seen",
    _metadata,
    Column("id", String(64), primary_key=True),
    Column("forgotten_at", Instant, nullable=False, index=True),
)


class Repeats:
    """Remembers hashes for some hours. May be shared between threads and processes; every method may raise StoreError."""

    def __init__(self, engine: Engine, key: bytes) -> None:
        self._engine = engine
        self._key = key
        try:
            with engine.begin() as connection:
                connection.execute(CreateTable(seen, if_not_exists=True))
        except SQLAlchemyError as error:
            raise StoreError(f"the database could not be prepared ({type(error).__name__})") from None

    def name(self, *parts: object) -> str:
        """What stands for these parts: the same for the same parts, and unreadable without the key."""
        return hmac.new(self._key, json.dumps(parts).encode(), sha256).hexdigest()

    def remember(self, names: Iterable[str], *, at: datetime) -> None:
        """Keeps names for some hours, and forgets those whose time is over."""
        rows = [{"id": name, "forgotten_at": at + KEPT} for name in sorted(set(names))]
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(seen).where(seen.c.forgotten_at <= at))
                if rows:
                    insert = _INSERT[self._engine.dialect.name](seen)
                    changed = {"forgotten_at": insert.excluded.forgotten_at}
                    connection.execute(insert.on_conflict_do_update(["id"], set_=changed), rows)
        except SQLAlchemyError as error:
            raise StoreError(f"the database could not be written ({type(error).__name__})") from None

    def known(self, names: Iterable[str], *, at: datetime) -> frozenset[str]:
        """Those of the names that are remembered."""
        asked = select(seen.c.id).where(seen.c.id.in_(sorted(set(names))), seen.c.forgotten_at > at)
        try:
            with self._engine.connect() as connection:
                return frozenset(connection.execute(asked).scalars())
        except SQLAlchemyError as error:
            raise StoreError(f"the database could not be read ({type(error).__name__})") from None
