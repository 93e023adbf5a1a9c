"""Petitions and consultations: who came, wrote or called, and what was done.

Before: nothing. Now: ``petition`` (REC-14) and ``consultation`` (REC-15); both keep a link to the visitor's archive, which
goes with the archive. Downgrade loses both; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0015", "0014"
branch_labels = depends_on = None


def visitor(table):
    """Who came, and who received him."""
    return (
        sa.Column("archive_id", sa.Integer(), nullable=True),
        sa.Column("visitor_name", sa.String(length=50), nullable=True),
        sa.Column("gender", sa.String(length=30), nullable=True),
        sa.Column("id_card_no", sa.String(length=18), nullable=True),
        sa.Column("worker_identity", sa.String(length=30), nullable=True),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("employer_name", sa.String(length=100), nullable=True),
        sa.Column("employer_nature", sa.String(length=30), nullable=True),
        sa.Column("channel", sa.String(length=30), nullable=True),
        sa.Column("category", sa.String(length=30), nullable=True),
        sa.Column("visitor_count", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("receptionist", sa.String(length=50), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at(table, "archive_id", "archive", ondelete="SET NULL"),
    )


def upgrade():
    create_records(
        "petition",
        *visitor("petition"),
        sa.Column("petition_no", sa.String(length=30), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=True),
        sa.Column("home_address", sa.String(length=200), nullable=True),
        sa.Column("industry", sa.String(length=30), nullable=True),
        sa.Column("is_collective", sa.Boolean(), nullable=True),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.Column("result", sa.String(length=30), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.UniqueConstraint(
            "owner_unit_id", "petition_no", name=op.f("uq_petition_owner_unit_id_petition_no")
        ),
        reportable=True,
    )
    create_records(
        "consultation",
        *visitor("consultation"),
        sa.Column("consulted_on", sa.Date(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("is_satisfied", sa.Boolean(), nullable=True),
        reportable=True,
    )
    for table in ("petition", "consultation"):
        op.create_index(f"ix_{table}_archive_id", table, ["archive_id"])
        op.create_index(f"ix_{table}_id_card_no", table, ["id_card_no"])


def downgrade():
    for table in ("consultation", "petition"):
        drop_records(table)
