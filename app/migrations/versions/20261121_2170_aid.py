"""Aid records and their measures.

Before: nothing. Now: ``aid`` (REC-12) with an index per level of the tree, as the archives have, and ``aid_measure``
(REC-13), whose ``summarised_line_id`` names the one line of a summary table in which its money stands.
Downgrade loses the aid records; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0011", "0010"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "aid",
        sa.Column("archive_id", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(length=50), nullable=False),
        sa.Column("id_card_no", sa.String(length=18), nullable=False),
        sa.Column("aid_category", sa.String(length=30), nullable=False),
        sa.Column("aid_date", sa.Date(), nullable=False),
        sa.Column("is_aided", sa.Boolean(), nullable=False),
        sa.Column("aid_form", sa.String(length=30), nullable=True),
        sa.Column("measure_detail", sa.Text(), nullable=True),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("not_aided_reason", sa.Text(), nullable=True),
        sa.Column("is_out_of_hardship", sa.Boolean(), nullable=False),
        sa.Column("exit_method", sa.String(length=30), nullable=True),
        sa.Column("exit_date", sa.Date(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("aid_sequence", sa.Integer(), nullable=True),
        sa.Column("batch_id", sa.String(length=40), nullable=True),
        sa.CheckConstraint("holder_depth >= 1", name=op.f("ck_aid_holder_depth_is_positive")),
        sa.CheckConstraint("total_amount >= 0", name=op.f("ck_aid_total_is_not_negative")),
        sa.CheckConstraint(
            "is_out_of_hardship = (exit_method IS NOT NULL AND exit_date IS NOT NULL)",
            name=op.f("ck_aid_exit_is_whole"),
        ),
        points_at("aid", "archive_id", "archive"),
        sa.UniqueConstraint("batch_id", "archive_id", name="uq_aid_batch_archive"),
        reportable=True,
    )
    op.create_index("ix_aid_archive", "aid", ["archive_id", "aid_date", "id"])
    op.create_index("ix_aid_archive_id", "aid", ["archive_id"])
    op.create_index("ix_aid_author", "aid", ["created_by_id", "id"])
    op.create_index("ix_aid_id_card_no", "aid", ["id_card_no"])
    create_records(
        "aid_measure",
        sa.Column("aid_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=30), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fund_category", sa.String(length=30), nullable=True),
        sa.Column("summarised_line_id", sa.Integer(), nullable=True),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_aid_measure_amount_is_positive")),
        points_at("aid_measure", "aid_id", "aid", ondelete="CASCADE"),
        sa.UniqueConstraint("summarised_line_id", name=op.f("uq_aid_measure_summarised_line_id")),
    )
    op.create_index("ix_aid_measure_aid_id", "aid_measure", ["aid_id"])


def downgrade():
    op.drop_table("aid_measure")
    drop_records("aid")
