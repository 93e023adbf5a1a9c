"""Archive: what came up again after a 退回, what is wrong with it, and which records a reminder is about.

Before: a file told when it was last returned, not by which level; the files with problems of one unit could only be
found by reading the unit; a reminder of more than 200 records did not lead to them.

Now: ``returned_from`` has the bit of every depth that has returned the file (bit 3 for a unit at depth 3), filled in from
the log; ``again_k`` holds the files that wait at level k after level k had returned them; ``faulty`` the files with
problems, by owner; the log is found by its reminder. Each index is as small as what it holds.

Downgrade loses nothing that the log does not tell.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"
branch_labels = depends_on = None

LEVELS = (1, 2, 3, 4, 5)
STANDING = "is_cancelled IS false AND merged_into_id IS NULL"
#: the bits of the units that have returned a file, from the log
RETURNED_FROM = """
UPDATE archive SET returned_from = coalesce((
    SELECT sum(DISTINCT 1 << (length(unit.path) / 4))
    FROM step_log JOIN unit ON unit.id = step_log.from_unit_id
    WHERE step_log.record_type = 'archive' AND step_log.record_id = archive.id AND step_log.step = 'send_back'
), 0)
WHERE last_returned_at IS NOT NULL
"""


def upgrade():
    # no batch: SQLite adds a column in place, and a copied table would lose its indexes over expressions
    op.add_column("archive", sa.Column("returned_from", sa.Integer(), nullable=False, server_default="0"))
    op.execute(RETURNED_FROM)
    for level in LEVELS:
        _index(
            f"ix_expr_archive_again_{level}",
            ([] if level == 1 else [sa.text(f"substr(owner_path, 1, {4 * level})")]) + ["id"],
            f"{STANDING} AND holder_depth = {level} AND returned IS false AND (returned_from & {1 << level}) <> 0",
        )
    _index(
        "ix_expr_archive_faulty",
        ["owner_path", "id"],
        f"{STANDING} AND json_array_length(problem_flags) > 0",
    )
    op.create_index("ix_step_log_reminder", "step_log", ["reminder_id", "record_id"])


def _index(name, expressions, where):
    op.create_index(
        name, "archive", expressions, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def downgrade():
    op.drop_index("ix_step_log_reminder", "step_log")
    op.drop_index("ix_expr_archive_faulty", "archive")
    for level in LEVELS:
        op.drop_index(f"ix_expr_archive_again_{level}", "archive")
    op.drop_column("archive", "returned_from")
