"""Aid centres; the daily digest of reminders.

Before: nothing of both. Now: ``aid_centre`` (REC-05), one for each unit at most, which goes with its unit; ``digest_mail``,
which letter went to whom on which day, and ``ab_user.wants_digest``, whether a person wants them. The number on the bell
is counted in the index of the list. Downgrade loses the centres and who wants no letters; the history of centres stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0023", "0021"
branch_labels = depends_on = None

LISTED = ["receiver_unit_id", "state", "id"]


def upgrade():
    create_records(
        "aid_centre",
        sa.Column("centre_name", sa.String(length=100), nullable=False),
        sa.Column("centre_level", sa.String(length=30), nullable=False),
        sa.Column("founded_on", sa.Date(), nullable=True),
        sa.Column("is_public_institution", sa.Boolean(), nullable=True),
        sa.Column("authorised_posts", sa.Integer(), nullable=True),
        sa.Column("staff_count", sa.Integer(), nullable=True),
        sa.Column("full_time", sa.Integer(), nullable=True),
        sa.Column("part_time", sa.Integer(), nullable=True),
        sa.Column("hired", sa.Integer(), nullable=True),
        sa.Column("floor_area_m2", sa.BigInteger(), nullable=True),
        sa.Column("in_fiscal_budget", sa.Boolean(), nullable=True),
        sa.Column("annual_budget_wan", sa.BigInteger(), nullable=True),
        sa.Column("has_coordination_system", sa.Boolean(), nullable=True),
        sa.Column("services", sa.JSON(), nullable=True),
        sa.UniqueConstraint("owner_unit_id", name=op.f("uq_aid_centre_owner_unit_id")),
        owned=True,
    )
    op.create_index("ix_aid_centre_owner", "aid_centre", ["owner_path", "id"])
    op.create_table(
        "digest_mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_mail")),
        points_at("digest_mail", "account_id", "ab_user", ondelete="CASCADE"),
        sa.UniqueConstraint("day", "account_id", name=op.f("uq_digest_mail_day_account_id")),
        sqlite_autoincrement=True,
    )
    op.add_column("ab_user", sa.Column("wants_digest", sa.Boolean(), nullable=True))
    op.drop_index("ix_reminder_receiver", "reminder")
    op.create_index("ix_reminder_receiver", "reminder", [*LISTED, "record_type"])


def downgrade():
    op.drop_index("ix_reminder_receiver", "reminder")
    op.create_index("ix_reminder_receiver", "reminder", LISTED)
    op.drop_column("ab_user", "wants_digest")
    op.drop_table("digest_mail")
    drop_records("aid_centre")
