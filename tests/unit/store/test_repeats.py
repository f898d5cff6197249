"""What was seen is remembered on every database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from mgcds.store.repeats import KEPT, Repeats
from tests.unit.store.test_memory import KEY, NOW


def test_on_postgresql_too_names_are_remembered_and_seen_again_they_last_longer(engine: Engine) -> None:
    """PostgreSQL's insert takes something else than SQLite's in its first place: the call ended with 500."""
    repeats = Repeats(engine, KEY)
    repeats.remember(["one", "two"], at=NOW)
    repeats.remember(["two"], at=NOW + timedelta(hours=1))
    assert repeats.known(["one", "two", "three"], at=NOW + timedelta(hours=2)) == {"one", "two"}
    assert repeats.known(["one", "two"], at=NOW + KEPT) == {"two"}
