"""Archive: an index per level of the tree, so that a unit's list is read in its order.

Before: a list below the root walked the newest files of the whole country. Now: ``(branch at level k, id)`` gives a
subtree's files newest first, whatever its size; returned files have a small index of their own. Downgrade: slower lists.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None

LEVELS = (2, 3, 4, 5)
STANDING = sa.text("is_cancelled IS false AND merged_into_id IS NULL")


def upgrade():
    for level in LEVELS:
        op.create_index(
            f"ix_expr_archive_level_{level}",
            "archive",
            [sa.text(f"substr(owner_path, 1, {4 * level})"), "id"],
            postgresql_include=["owner_path", "holder_depth", "returned", "hardship_category"],
            postgresql_where=STANDING,
        )
    op.create_index(
        "ix_expr_archive_returned",
        "archive",
        ["holder_depth", "id"],
        postgresql_where=sa.text("returned IS true"),
    )


def downgrade():
    op.drop_index("ix_expr_archive_returned", "archive")
    for level in LEVELS:
        op.drop_index(f"ix_expr_archive_level_{level}", "archive")
