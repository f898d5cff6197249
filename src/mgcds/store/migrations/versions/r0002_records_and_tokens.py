"""Decision records, spent tokens, the keys in use, and the indexes that retention and reports need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds tables and indexes; changes no row."""
    op.create_table(
        "record",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("records_by_time", "record", ["at"])
    op.create_index("records_of_patient", "record", ["issuer", "patient"])
    op.create_table(
        "spent_tokens",
        sa.Column("issuer_hash", sa.String(64), primary_key=True),
        sa.Column("jti_hash", sa.String(64), primary_key=True),
        sa.Column("until", INSTANT, nullable=False),
    )
    op.create_index("spent_tokens_by_time", "spent_tokens", ["until"])
    op.create_table(
        "pseudonym_key",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("since", INSTANT, nullable=False),
    )
    op.create_index("cards_by_time", "card", ["shown_at"])
    op.create_index("feedback_by_time", "feedback", ["received_at"])
    op.create_index("feedback_of_card", "feedback", ["card_id"])
