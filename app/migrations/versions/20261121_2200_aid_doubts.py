"""Doubtful aids: what the check of a unit has found, and the aids that each doubt is about.

Before: nothing. Now: ``aid_doubt``, a work list of each unit that checks, and ``aid_doubt_item``.
Downgrade loses the lists and why doubts were put aside; a check makes the lists anew.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, points_at

revision, down_revision = "0014", "0013"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "aid_doubt",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("aid_count", sa.Integer(), nullable=False),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("is_dismissed", sa.Boolean(), nullable=False),
        sa.Column("dismiss_reason", sa.String(length=200), nullable=True),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("seen_by", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "is_dismissed = (dismiss_reason IS NOT NULL)", name=op.f("ck_aid_doubt_dismissed_for_a_reason")
        ),
        points_at("aid_doubt", "unit_id", "unit", ondelete="CASCADE"),
        sa.UniqueConstraint("unit_id", "year", "kind", "key", name="uq_aid_doubt_unit_year_kind_key"),
    )
    op.create_index("ix_aid_doubt_list", "aid_doubt", ["unit_id", "kind", "is_dismissed", "id"])
    create_records(
        "aid_doubt_item",
        sa.Column("doubt_id", sa.Integer(), nullable=False),
        sa.Column("aid_id", sa.Integer(), nullable=False),
        points_at("aid_doubt_item", "doubt_id", "aid_doubt", ondelete="CASCADE"),
        points_at("aid_doubt_item", "aid_id", "aid", ondelete="CASCADE"),
    )
    op.create_index("ix_aid_doubt_item_doubt_id", "aid_doubt_item", ["doubt_id"])
    op.create_index("ix_aid_doubt_item_aid_id", "aid_doubt_item", ["aid_id"])


def downgrade():
    op.drop_table("aid_doubt_item")
    op.drop_table("aid_doubt")
