"""The tables: cards that were shown, what clinicians answered, how it was decided. Rows are added, never changed.

They are made and changed by the scripts in migrations/; a test compares the two.

There is no patient id, no name and no free text in them. `patient` is the pseudonym of `store.pseudonym`; ids are SHA-256
in hexadecimal of what makes a row what it is, so that the same row from two processes is one row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    Uuid,
)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC: SQLite forgets the zone of what it stores."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

# One row for each different set of findings that a card (issuer, uuid) was shown with to one patient.
card = Table(
    "card",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("issuer", String, nullable=False),
    Column("uuid", Uuid, nullable=False),
    Column("service", String, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("shown_at", Instant, nullable=False),  # the last time
    Index("card_of_feedback", "issuer", "uuid"),
    Index("cards_by_time", "shown_at"),
)

finding = Table(
    "finding",
    metadata,
    Column("card_id", ForeignKey("card.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", String, primary_key=True),
    Column("indicator", String, nullable=False),
)

# Events, never a state: a card may be accepted and overridden later. `patient` is the card's, repeated so that what one
# patient's clinicians overrode is one look into one index.
feedback = Table(
    "feedback",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("card_id", ForeignKey("card.id", ondelete="CASCADE"), nullable=False),
    Column("issuer", String, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("outcome", String, nullable=False),
    Column("outcome_at", Instant, nullable=False),
    Column("reasons", JSON, nullable=False),  # codes of rules/reasons.yaml, or "other"
    Column("suggestions", JSON, nullable=False),  # uuids of what was accepted
    Column("received_at", Instant, nullable=False),
    Index("overrides_of_patient", "issuer", "patient", "outcome", "outcome_at"),
    Index("feedback_by_time", "received_at"),
    Index("feedback_of_card", "card_id"),
)

# One row for each evaluation: what was decided and of which values. `request` is the SHA-256 of the body; `content` is JSON,
# compressed, because a record is mostly the names of rules, which are the same in all of them.
record = Table(
    "record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("issuer", String, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("service", String, nullable=False),
    Column("request", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("records_by_time", "at"),
    Index("records_of_patient", "issuer", "patient"),
)

# Tokens that were used: each opens one door once. Kept until it would no longer be accepted anyway.
spent_tokens = Table(
    "spent_tokens",
    metadata,
    Column("issuer_hash", String(64), primary_key=True),  # SHA-256, because a client may write anything into its names
    Column("jti_hash", String(64), primary_key=True),
    Column("until", Instant, nullable=False),
    Index("spent_tokens_by_time", "until"),
)

# The keys under which pseudonyms were made, by a fingerprint that does not give them away: who asks for a patient with
# another key finds nothing, and must not take that for the truth.
pseudonym_key = Table(
    "pseudonym_key",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("since", Instant, nullable=False),
)

# What a clinician was shown when an order was chosen, as keyed hashes, until it is forgotten some hours later.
seen = Table(
    "seen",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("forgotten_at", Instant, nullable=False),
    Index("seen_by_time", "forgotten_at"),
)
