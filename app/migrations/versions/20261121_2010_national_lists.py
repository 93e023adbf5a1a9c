"""Archive: what a list of 4.7 million files needs beyond an index per level.

Before: the root's list and its count read the table; a state that few files of a large unit stand in was looked for
file by file; an exact 身份证号, the first digits of a 职工编号, a part of a 工作单位 and every order but the number's
read everything.

Now: ``level_1`` and the level indexes hold all that scope, shelves and states ask (``worker_identity`` is new), so
that counts and searches by number never touch the table; ``held_k`` holds the few files that wait at level k, by
returned or not, in the order of a list; the orders that a clerk clicks have an index each; 身份证号 is indexed on files
and members; a file that goes is no longer looked for in every other's 合并去向; on PostgreSQL with the extension pg_trgm
(it is trusted: the owner of the database may create it) so is any part of a 工作单位 from three characters up. Without
the extension only that last one is missing.

Downgrade: slower lists; the extension stays.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"
branch_labels = depends_on = None

LEVELS = (2, 3, 4, 5)
STANDING = sa.text("is_cancelled IS false AND merged_into_id IS NULL")
ASKED = ["owner_path", "holder_depth", "returned", "hardship_category"]
#: list column → what an empty one sorts as, in the words of app/kit/listing.py
ORDERS = {
    "archive_no": "''",
    "full_name": "''",
    "birth_date": "'0001-01-01'",
    "created_at": "'0001-01-01 00:00:00.000000'",
}


def upgrade():
    op.drop_index("ix_expr_archive_returned", "archive")
    _levels([*ASKED, "worker_identity"])
    op.create_index(
        "ix_expr_archive_level_1",
        "archive",
        ["id"],
        postgresql_include=[*ASKED, "worker_identity"],
        postgresql_where=STANDING,
    )
    for level in LEVELS:
        op.create_index(
            f"ix_expr_archive_held_{level}",
            "archive",
            [sa.text(f"substr(owner_path, 1, {4 * level})"), "returned", "id"],
            postgresql_include=["owner_path", "holder_depth", "hardship_category", "worker_identity"],
            postgresql_where=sa.text(f"{STANDING.text} AND holder_depth = {level}"),
        )
    for column, least in ORDERS.items():
        op.create_index(
            f"ix_expr_archive_by_{column}",
            "archive",
            [sa.text(f"coalesce({column}, {least})"), "id"],
            postgresql_where=STANDING,
        )
    for table in ("archive", "family_member"):
        op.create_index(f"ix_{table}_id_card_no", table, ["id_card_no"])
    op.create_index(
        "ix_expr_archive_merged",
        "archive",
        ["merged_into_id"],
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_expr_archive_no_begins", "archive", [sa.text("archive_no text_pattern_ops")])
        _trigrams()


def _levels(included):
    for level in LEVELS:
        op.drop_index(f"ix_expr_archive_level_{level}", "archive")
        op.create_index(
            f"ix_expr_archive_level_{level}",
            "archive",
            [sa.text(f"substr(owner_path, 1, {4 * level})"), "id"],
            postgresql_include=included,
            postgresql_where=STANDING,
        )


def _trigrams():
    """Only where the server has the extension and this account may create it."""
    bind = op.get_bind()
    if not bind.scalar(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")):
        return
    try:
        with bind.begin_nested():
            bind.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError:
        return
    op.create_index(
        "ix_expr_archive_employer",
        "archive",
        [sa.text("employer_name gin_trgm_ops")],
        postgresql_using="gin",
    )


def downgrade():
    op.drop_index("ix_expr_archive_merged", "archive")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_expr_archive_employer")
        op.drop_index("ix_expr_archive_no_begins", "archive")
    for table in ("family_member", "archive"):
        op.drop_index(f"ix_{table}_id_card_no", table)
    for column in ORDERS:
        op.drop_index(f"ix_expr_archive_by_{column}", "archive")
    for level in LEVELS:
        op.drop_index(f"ix_expr_archive_held_{level}", "archive")
    op.drop_index("ix_expr_archive_level_1", "archive")
    _levels(ASKED)
    op.create_index(
        "ix_expr_archive_returned",
        "archive",
        ["holder_depth", "id"],
        postgresql_where=sa.text("returned IS true"),
    )
