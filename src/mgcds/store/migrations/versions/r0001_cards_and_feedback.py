"""Cards that were shown, their findings, and feedback: the tables of before there were versions.

Each is made only where it is not there, so that a database of that time is taken over with all its rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes what is missing."""
    op.create_table(
        "card",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("uuid", sa.Uuid, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("shown_at", INSTANT, nullable=False),
        if_not_exists=True,
    )
    op.create_index("card_of_feedback", "card", ["issuer", "uuid"], if_not_exists=True)
    op.create_table(
        "finding",
        sa.Column("card_id", sa.String(64), sa.ForeignKey("card.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("indicator", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("card_id", sa.String(64), sa.ForeignKey("card.id", ondelete="CASCADE"), nullable=False),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("outcome_at", INSTANT, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        if_not_exists=True,
    )
    op.create_index("overrides_of_patient", "feedback", ["issuer", "patient", "outcome", "outcome_at"], if_not_exists=True)
