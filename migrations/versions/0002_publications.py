"""Adds the table of publications: which generation was published, refused or rolled back to.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of publications."""
    op.create_table(
        "publications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column(
            "refusals",
            sa.Text(),
            nullable=False,
            comment="what the gate held against it, one a line; empty when nothing",
        ),
        sa.Column("forced_why", sa.Text(), comment="why it was published in spite of that; null when it was not"),
        sa.Column("at", sa.String(32), nullable=False, comment="RFC 3339, UTC"),
        sa.CheckConstraint("action IN ('publish', 'rollback', 'refused')", name=op.f("ck_publications_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
        comment="what was done with which generation, for audit: one row each time",
    )


def downgrade() -> None:
    """Drop the table of publications."""
    op.drop_table("publications")
