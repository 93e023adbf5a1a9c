"""Summary tables of the special funds and their lines.

Before: nothing. Now: ``fund_summary`` (REC-29) with an index per level of the tree, as the aids have, and
``fund_summary_line`` (REC-30): one line an amount of aid, kept so by a unique key (AID-R188).
Downgrade loses the tables; the amounts of aid that stood in them are free again, as if every table had been deleted.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, points_at

revision, down_revision = "0013", "0012"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "fund_summary",
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("category", sa.String(length=30), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("filled_by", sa.String(length=50), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=False),
        sa.Column("filled_on", sa.Date(), nullable=False),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("holder_depth >= 1", name=op.f("ck_fund_summary_holder_depth_is_positive")),
        sa.CheckConstraint(
            "(line_count = 0) = (total_amount = 0) AND line_count >= 0 AND total_amount >= 0",
            name=op.f("ck_fund_summary_total_is_of_lines"),
        ),
        reportable=True,
    )
    op.create_index("ix_fund_summary_author", "fund_summary", ["created_by_id", "id"])
    create_records(
        "fund_summary_line",
        sa.Column("fund_summary_id", sa.Integer(), nullable=False),
        sa.Column("measure_line_id", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(length=50), nullable=False),
        sa.Column("gender", sa.String(length=30), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("id_card_no", sa.String(length=18), nullable=False),
        sa.Column("employer_or_address", sa.String(length=200), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("fund_category_before", sa.String(length=30), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_fund_summary_line_amount_is_positive")),
        points_at("fund_summary_line", "fund_summary_id", "fund_summary", ondelete="CASCADE"),
        points_at("fund_summary_line", "measure_line_id", "aid_measure"),
        sa.UniqueConstraint("measure_line_id", name=op.f("uq_fund_summary_line_measure_line_id")),
    )
    op.create_index("ix_fund_summary_line_fund_summary_id", "fund_summary_line", ["fund_summary_id", "id"])


def downgrade():
    before = (
        "SELECT line.fund_category_before FROM fund_summary_line AS line"
        " WHERE line.measure_line_id = aid_measure.id"
    )
    op.execute(
        f"UPDATE aid_measure SET fund_category = ({before}), summarised_line_id = NULL"  # noqa: S608 - our own words
        " WHERE summarised_line_id IS NOT NULL"
    )
    op.drop_table("fund_summary_line")
    op.drop_table("fund_summary")
