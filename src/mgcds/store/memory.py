"""Keeps the cards that were shown and what clinicians answered, and says what was overridden for a patient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, Table, bindparam, case, func, select

from mgcds.engine.remember import Override
from mgcds.store.pseudonym import pseudonym
from mgcds.store.tables import Instant, card, feedback, finding
from mgcds.store.transactions import inserting, reading, writing

ACCEPTED, OVERRIDDEN = "accepted", "overridden"
_MOST_NAMES = 500  # in one statement
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A card that goes out: its uuid, and its findings as (rule, indicator)."""

    uuid: UUID
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What a clinician did with a card. `outcome`: accepted or overridden; `at` is aware; `reasons` are our own codes."""

    card: UUID
    outcome: str
    at: datetime
    reasons: tuple[str, ...] = ()
    suggestions: tuple[UUID, ...] = ()


# A time to come counts as when it was received. Of the same finding only the newest is of interest: an EHR may send thousands.
_AT = case((feedback.c.outcome_at < feedback.c.received_at, feedback.c.outcome_at), else_=feedback.c.received_at)
_OVERRIDES = (
    select(finding.c.rule, finding.c.indicator, func.max(_AT, type_=Instant))
    .join_from(feedback, finding, finding.c.card_id == feedback.c.card_id)
    .where(
        feedback.c.issuer == bindparam("by"),
        feedback.c.patient == bindparam("of"),
        feedback.c.outcome == OVERRIDDEN,
        feedback.c.outcome_at >= bindparam("since"),
        bindparam("until") > _AT,
    )
    .group_by(finding.c.rule, finding.c.indicator)
)


class Store:
    """One database and the site's key. May be shared between threads; every method may raise StoreError."""

    def __init__(self, engine: Engine, key: bytes) -> None:
        self._engine = engine
        self._key = key
        # Written once, not for each request, which took SQLAlchemy as long as running them.
        self._adding = {table: inserting(engine, table).on_conflict_do_nothing() for table in (finding, feedback)}
        shown = inserting(engine, card)
        self._showing = shown.on_conflict_do_update(index_elements=["id"], set_={"shown_at": shown.excluded.shown_at})

    def whose(self, issuer: str, identity: str) -> str:
        """The pseudonym of somebody whom an issuer knows under an id."""
        return pseudonym(self._key, issuer, identity)

    def close(self) -> None:
        """Closes the connections that nobody uses at this moment."""
        self._engine.dispose()

    def show(self, cards: Sequence[Shown], *, issuer: str, service: str, patient_id: str, at: datetime) -> None:
        """Records cards before they are sent. The same card with the same findings is recorded once."""
        patient = pseudonym(self._key, issuer, patient_id)
        rows: list[dict[str, object]] = []
        findings: list[dict[str, object]] = []
        for shown in cards:
            row_id = _id(issuer, str(shown.uuid), patient, sorted(shown.findings))
            rows.append({"id": row_id, "issuer": issuer, "uuid": shown.uuid, "service": service, "patient": patient,
                         "shown_at": at})  # fmt: skip
            findings += [{"card_id": row_id, "rule": rule, "indicator": indicator} for rule, indicator in shown.findings]
        if not rows:
            return
        rows.sort(key=lambda row: str(row["id"]))  # two workers that lock the same rows lock them in the same order
        # Feedback on them is synced, and syncs what was written before it; a card that nobody answered may be lost.
        with writing(self._engine, synced=False) as connection:
            connection.execute(self._showing, rows)
            self._add(connection, finding, findings)

    def note(self, events: Sequence[Event], *, issuer: str, at: datetime) -> int:
        """Records events, all or none; gives the number of those whose card is not known, of which nothing is kept.

        A card is known that this issuer was shown. An event that was recorded before changes nothing. `at`: when they came.
        """
        cards = self._cards(issuer, {event.card for event in events})
        rows = [
            {
                "id": _id(issuer, str(event.card), event.outcome, event.at.timestamp(), event.reasons,
                          list(map(str, event.suggestions))),
                "card_id": row["id"],
                "issuer": issuer,
                "patient": row["patient"],
                "outcome": event.outcome,
                "outcome_at": event.at,
                "reasons": list(event.reasons),
                "suggestions": list(map(str, event.suggestions)),
                "received_at": at,
            }
            for event in events
            if (row := cards.get(event.card)) is not None
        ]  # fmt: skip
        rows.sort(key=lambda row: str(row["id"]))
        with writing(self._engine) as connection:
            self._add(connection, feedback, rows)
        return len(events) - len(rows)

    def overrides(self, *, issuer: str, patient_id: str, today: date, zone: tzinfo, days: int) -> tuple[Override, ...]:
        """What was overridden for a patient in the last days, each finding when it was last, the newest last."""
        since, until = (datetime.combine(day, time.min, zone) for day in (_days_ago(today, days), today + timedelta(days=1)))
        wanted = {"by": issuer, "of": pseudonym(self._key, issuer, patient_id), "since": since, "until": until}
        with reading(self._engine) as connection:
            rows = connection.execute(_OVERRIDES, wanted).all()
        found = (Override(rule, indicator, at.astimezone(zone).date()) for rule, indicator, at in rows)
        return tuple(sorted(found, key=lambda past: (past.on, past.rule, past.indicator)))

    def _cards(self, issuer: str, uuids: set[UUID]) -> dict[UUID, RowMapping]:
        """By uuid, the card as it was shown last. One that was shown to several patients is left out.

        Its uuid is made of the hookInstance: a client that uses one instance for several patients leaves it open whose card
        was overridden, and the wrong one must not fall silent.
        """
        found: dict[UUID, RowMapping] = {}
        several: set[UUID] = set()
        columns = (card.c.id, card.c.uuid, card.c.patient)
        with reading(self._engine) as connection:
            for names in _chunks(sorted(uuids)):
                asked = select(*columns).where(card.c.issuer == issuer, card.c.uuid.in_(names)).order_by(card.c.shown_at)
                for row in connection.execute(asked).mappings():
                    before = found.get(row["uuid"])
                    if before is not None and before["patient"] != row["patient"]:
                        several.add(row["uuid"])
                    found[row["uuid"]] = row
        return {uuid: row for uuid, row in found.items() if uuid not in several}

    def _add(self, connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
        if rows:
            connection.execute(self._adding[table], rows)


def _id(*parts: object) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


def _days_ago(today: date, days: int) -> date:
    return max(today - timedelta(days=min(days, (today - _FIRST_DAY).days)), _FIRST_DAY)


def _chunks(uuids: list[UUID]) -> Iterable[list[UUID]]:
    return (uuids[start : start + _MOST_NAMES] for start in range(0, len(uuids), _MOST_NAMES))
