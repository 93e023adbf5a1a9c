"""Archive: pairs of files that may be of one household.

Before: only equal numbers were noticed. Now: ``likeness`` holds the pairs that a run of the finder told, with score,
reasons, and whether an administrator has put a pair aside; ``likeness_file`` says in which version a file's keys were
made, ``likeness_key`` holds the keys, some fifteen a file. Both are made anew from the files whenever they are missing,
so on PostgreSQL they are unlogged: half the time to fill, nothing in the log, empty after a crash of the server.

Downgrade: the pairs go, and with them what was put aside and why (the history of these steps stays).
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"
branch_labels = depends_on = None


def upgrade():
    on_postgres = op.get_bind().dialect.name == "postgresql"
    path = sa.String(200, collation="C") if on_postgres else sa.String(200)
    op.create_table(
        "likeness",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("left_id", sa.Integer(), nullable=False),
        sa.Column("right_id", sa.Integer(), nullable=False),
        sa.Column("left_path", path, nullable=False),
        sa.Column("right_path", path, nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.Column("grounds", sa.JSON(), nullable=False),
        sa.Column("basis", sa.String(40), nullable=False),
        sa.Column("is_dismissed", sa.Boolean(), nullable=False),
        sa.Column("dismiss_reason", sa.String(200), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_by_name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_likeness_is_written_once")),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_likeness_score")),
        sa.CheckConstraint(
            "is_dismissed = (dismiss_reason IS NOT NULL)", name=op.f("ck_likeness_dismissed_for_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["left_id"], ["archive.id"], name=op.f("fk_likeness_left_id_archive"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["right_id"], ["archive.id"], name=op.f("fk_likeness_right_id_archive"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["ab_user.id"], name=op.f("fk_likeness_created_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["ab_user.id"], name=op.f("fk_likeness_updated_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_likeness")),
        sa.UniqueConstraint("left_id", "right_id", name=op.f("uq_likeness_left_id_right_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_likeness_right", "likeness", ["right_id"])
    op.create_index("ix_likeness_left_path", "likeness", ["left_path"])
    op.create_index("ix_likeness_right_path", "likeness", ["right_path"])
    op.create_index("ix_expr_likeness_by_score", "likeness", [sa.text("coalesce(score, 0)"), "id"])
    unlogged = ["UNLOGGED"] if on_postgres else []
    op.create_table(
        "likeness_file",
        sa.Column("file_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("keyed_at", sa.DateTime(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["archive.id"], name=op.f("fk_likeness_file_file_id_archive"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_likeness_file")),
        prefixes=unlogged,
    )
    op.create_table(
        "likeness_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "file_id", name=op.f("pk_likeness_key")),
        prefixes=unlogged,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_likeness_key_file", "likeness_key", ["file_id"])


def downgrade():
    op.drop_table("likeness_key")
    op.drop_table("likeness_file")
    op.drop_table("likeness")
