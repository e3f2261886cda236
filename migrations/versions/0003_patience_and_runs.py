"""Adds the retry counts of files and clips that fail with a lost decoder or encoder, and the table of nightly runs.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RETRIED_TABLES = ("files", "extractions")


def upgrade() -> None:
    """Add the columns losses and skip_runs to both tables, and create the table of runs."""
    for table in _RETRIED_TABLES:
        op.add_column(
            table,
            sa.Column(
                "losses",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="decoders it has cost in a row",
            ),
        )
        op.add_column(
            table,
            sa.Column(
                "skip_runs",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="runs that still pass it over after a loss",
            ),
        )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False, comment="nightly"),
        sa.Column("started_at", sa.String(32), nullable=False, comment="RFC 3339, UTC"),
        sa.Column("ended_at", sa.String(32), comment="RFC 3339, UTC; null while it runs, and when it was killed"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("summary", sa.Text(), comment="JSON; null while it runs, and when it was killed"),
        sa.CheckConstraint("state IN ('running', 'done', 'failed', 'killed')", name=op.f("ck_runs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_kind_state"), "runs", ["kind", "state"])


def downgrade() -> None:
    """Drop the table of runs and the columns."""
    op.drop_index(op.f("ix_runs_kind_state"), table_name="runs")
    op.drop_table("runs")
    for table in _RETRIED_TABLES:
        op.drop_column(table, "skip_runs")
        op.drop_column(table, "losses")
