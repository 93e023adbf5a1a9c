"""Export applications: who wants which archives as a file, who has agreed, and what came of it.

Before: nothing. Now: one row an application (REC-10); its file lies in the data folder, its downloads in the step log.
Downgrade loses the applications; files that were made stay in the data folder.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0009", "0008"
branch_labels = depends_on = None

#: compared byte by byte, whatever the database's locale
PATH = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade():
    op.create_table(
        "export_application",
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("export_unit_id", sa.Integer(), nullable=False),
        sa.Column("include_subordinates", sa.Boolean(), nullable=True),
        sa.Column("archive_kinds", sa.JSON(), nullable=False),
        sa.Column("created_from", sa.Date(), nullable=True),
        sa.Column("created_to", sa.Date(), nullable=True),
        sa.Column("include_cancelled", sa.Boolean(), nullable=True),
        sa.Column("in_utf8", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("export_state", sa.String(length=30), nullable=False),
        sa.Column("approval_state", sa.String(length=30), nullable=False),
        sa.Column("approver_unit_id", sa.Integer(), nullable=True),
        sa.Column("approver_unit_name", sa.String(length=100), nullable=True),
        sa.Column("approver", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.Column("exported_at", sa.DateTime(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("file_size", sa.BigInteger(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("owner_unit_id", sa.Integer(), nullable=False),
        sa.Column("owner_path", PATH, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_by_name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "export_state = 'not_exported' OR (approval_state = 'approved' AND exported_at IS NOT NULL)",
            name=op.f("ck_export_application_exported_was_approved"),
        ),
        sa.CheckConstraint(
            "(approval_state = 'approved') = (approved_at IS NOT NULL)",
            name=op.f("ck_export_application_approved_is_dated"),
        ),
        sa.ForeignKeyConstraint(
            ["export_unit_id"], ["unit.id"], name=op.f("fk_export_application_export_unit_id_unit")
        ),
        sa.ForeignKeyConstraint(
            ["approver_unit_id"], ["unit.id"], name=op.f("fk_export_application_approver_unit_id_unit")
        ),
        sa.ForeignKeyConstraint(
            ["owner_unit_id"], ["unit.id"], name=op.f("fk_export_application_owner_unit_id_unit")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_export_application_job_id_job"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["ab_user.id"], name=op.f("fk_export_application_created_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["ab_user.id"], name=op.f("fk_export_application_updated_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_application")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_export_application_owner", "export_application", ["owner_path", "id"])
    op.create_index(
        "ix_export_application_state", "export_application", ["approval_state", "export_state", "id"]
    )


def downgrade():
    op.drop_table("export_application")
