"""Archive: who cancelled a file, and for which unit; the lists of cancelled files.

Before: a cancelled file knew when and why. Now also by whom and for which unit (by number and by its name of that
day, so that the unit may go), and 注销职工档案库 of any unit is read by an index of its own, as the lists of standing
files are; how often an account has looked up others' files is counted by one too. Downgrade forgets who cancelled a file and for which unit; the history keeps both.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None

LEVELS = (2, 3, 4, 5)
CANCELLED = sa.text("is_cancelled IS true AND merged_into_id IS NULL")
ASKED = ["owner_path", "holder_depth", "returned", "hardship_category", "worker_identity"]


def upgrade():
    op.add_column("archive", sa.Column("cancelled_by", sa.String(length=64), nullable=True))
    op.add_column("archive", sa.Column("cancelled_unit_id", sa.Integer(), nullable=True))
    op.add_column("archive", sa.Column("cancelled_unit", sa.String(length=100), nullable=True))
    op.create_index(
        "ix_expr_step_log_looks",
        "step_log",
        ["account_id", "at"],
        postgresql_where=sa.text("step = 'look_up'"),
        sqlite_where=sa.text("step = 'look_up'"),
    )
    if (
        op.get_bind().dialect.name == "postgresql"
    ):  # on SQLite the indexes of the levels hold cancelled files too
        _cancelled()


def _cancelled():
    partly = {"postgresql_include": ASKED, "postgresql_where": CANCELLED}
    op.create_index("ix_expr_archive_cancelled_1", "archive", ["id"], **partly)
    for level in LEVELS:
        place = sa.text(f"substr(owner_path, 1, {4 * level})")
        op.create_index(f"ix_expr_archive_cancelled_{level}", "archive", [place, "id"], **partly)


def downgrade():
    op.drop_index("ix_expr_step_log_looks", "step_log")
    if op.get_bind().dialect.name == "postgresql":
        for level in (1, *LEVELS):
            op.drop_index(f"ix_expr_archive_cancelled_{level}", "archive")
    for column in ("cancelled_unit", "cancelled_unit_id", "cancelled_by"):
        op.drop_column("archive", column)
