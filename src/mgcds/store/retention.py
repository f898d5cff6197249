"""Deletes what is older than the site keeps it, a few rows at a time, so that nobody waits for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, Table, delete, exists, select, tuple_

from mgcds.store.tables import card, feedback, record, seen, spent_tokens
from mgcds.store.transactions import writing

_AT_ONCE = 1000  # rows in one transaction


def forget(engine: Engine, now: datetime, memory_before: datetime | None, records_before: datetime | None) -> dict[str, int]:
    """Deletes older rows; gives their number by table. None: nothing is too old.

    A card goes after the feedback on it, so that what was overridden counts to its last day. Tokens go when they would no
    longer be accepted, and what was seen when it no longer counts; `now` is by the clock, whatever day is tested. Raises
    StoreError; what was deleted by then stays so.
    """
    gone = {
        "spent_tokens": _delete(engine, spent_tokens, spent_tokens.c.until < now),
        "seen": _delete(engine, seen, seen.c.forgotten_at <= now),
    }
    if memory_before is not None:
        gone["feedback"] = _delete(engine, feedback, feedback.c.received_at < memory_before)
        answered = exists().where(feedback.c.card_id == card.c.id)
        gone["card"] = _delete(engine, card, (card.c.shown_at < memory_before) & ~answered)  # with its findings
    if records_before is not None:
        gone["record"] = _delete(engine, record, record.c.at < records_before)
    return {name: number for name, number in gone.items() if number}


def _delete(engine: Engine, table: Table, too_old: ColumnElement[bool]) -> int:
    keys = list(table.primary_key.columns)
    key = tuple_(*keys) if len(keys) > 1 else keys[0]
    total = 0
    while True:
        with writing(engine) as connection:
            number = connection.execute(delete(table).where(key.in_(select(*keys).where(too_old).limit(_AT_ONCE)))).rowcount
        total += number
        if number < _AT_ONCE:
            return total
