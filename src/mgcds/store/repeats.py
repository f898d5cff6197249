"""What a clinician was shown when an order was chosen, for some hours: so that signing it need not show the same again.

A row is a keyed hash and the time at which it is forgotten; nobody without the site's key can tell whose or about what.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Engine, delete, select

from mgcds.store.tables import seen
from mgcds.store.transactions import inserting, reading, writing

KEPT = timedelta(hours=8)  # from choosing an order to signing it: a shift


class Repeats:
    """Remembers hashes for some hours. May be shared between threads and processes; every method may raise StoreError."""

    def __init__(self, engine: Engine, key: bytes) -> None:
        self._engine = engine
        self._key = key

    def name(self, *parts: object) -> str:
        """What stands for these parts: the same for the same parts, and unreadable without the key."""
        return hmac.new(self._key, json.dumps(parts).encode(), sha256).hexdigest()

    def remember(self, names: Iterable[str], *, at: datetime) -> None:
        """Keeps names for some hours, and forgets those whose time is over."""
        rows = [{"id": name, "forgotten_at": at + KEPT} for name in sorted(set(names))]
        with writing(self._engine) as connection:
            connection.execute(delete(seen).where(seen.c.forgotten_at <= at))
            if rows:
                insert = inserting(self._engine, seen)
                changed = {"forgotten_at": insert.excluded.forgotten_at}
                connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed), rows)

    def known(self, names: Iterable[str], *, at: datetime) -> frozenset[str]:
        """Those of the names that are remembered."""
        asked = select(seen.c.id).where(seen.c.id.in_(sorted(set(names))), seen.c.forgotten_at > at)
        with reading(self._engine) as connection:
            return frozenset(connection.execute(asked).scalars())
