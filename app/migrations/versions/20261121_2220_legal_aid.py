"""Legal aid for workers who have a file (REC-16).

Before: nothing. Now: ``legal_aid``. Downgrade loses the cases; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0016", "0015"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "legal_aid",
        sa.Column("archive_id", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(length=50), nullable=False),
        sa.Column("id_card_no", sa.String(length=18), nullable=False),
        sa.Column("aided_on", sa.Date(), nullable=True),
        sa.Column("legal_aid_form", sa.String(length=30), nullable=True),
        sa.Column("cause", sa.String(length=30), nullable=True),
        sa.Column("opposing_party", sa.String(length=100), nullable=True),
        sa.Column("claim_amount", sa.BigInteger(), nullable=True),
        sa.Column("case_summary", sa.Text(), nullable=True),
        sa.Column("agency", sa.String(length=100), nullable=True),
        sa.Column("handler", sa.String(length=50), nullable=True),
        sa.Column("result", sa.String(length=30), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("recovered_amount", sa.BigInteger(), nullable=True),
        sa.Column("cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("beneficiary_count", sa.Integer(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("legal_aid", "archive_id", "archive"),
        reportable=True,
    )
    op.create_index("ix_legal_aid_archive_id", "legal_aid", ["archive_id"])
    op.create_index("ix_legal_aid_id_card_no", "legal_aid", ["id_card_no"])


def downgrade():
    drop_records("legal_aid")
