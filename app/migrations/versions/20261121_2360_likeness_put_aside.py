"""Pairs that were put aside are few among many: a small index of just these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0024", "0023"
branch_labels = depends_on = None

NAME = "ix_expr_likeness_put_aside"


def upgrade() -> None:
    """One index."""
    op.create_index(
        NAME,
        "likeness",
        ["id"],
        postgresql_where=sa.text("is_dismissed IS true"),
        sqlite_where=sa.text("is_dismissed IS 1"),
    )


def downgrade() -> None:
    """As before."""
    op.drop_index(NAME, table_name="likeness")
