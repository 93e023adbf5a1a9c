"""Archive: merges that can be undone.

Before: one file could not swallow another. Now: ``merger`` keeps of every merge what has to be known to undo it: the
survivor as it was, who held which number, which attachments and linked records moved.

Downgrade: what was merged stays merged; it can no longer be undone.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"
branch_labels = depends_on = None


def upgrade():
    op.create_table(
        "merger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_type", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("account_name", sa.String(length=64), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("unit_name", sa.String(length=100), nullable=False),
        sa.Column("source_ids", sa.JSON(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.Column("undone_by_name", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merger")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_merger_record", "merger", ["record_type", "record_id", "id"])


def downgrade():
    op.drop_index("ix_merger_record", "merger")
    op.drop_table("merger")
