"""Lists: display options and saved queries.

Before: every list showed its built-in columns to everybody, and a query lived no longer than its page. Now
``list_preference`` keeps what one account wants to see of one list (columns, order, rows a page), and ``saved_query``
the questions that a person named, for himself or for his unit. A unit that goes leaves its people's queries unshared.

Downgrade: both are lost; every list shows its built-in columns again.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"
branch_labels = depends_on = None


def _record(table):
    """The columns and keys that every record has."""
    return (
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_by_name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ab_user.id"], name=op.f(f"fk_{table}_account_id_ab_user"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["ab_user.id"], name=op.f(f"fk_{table}_created_by_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["ab_user.id"], name=op.f(f"fk_{table}_updated_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def upgrade():
    op.create_table(
        "list_preference",
        *_record("list_preference"),
        sa.Column("list_key", sa.String(length=80), nullable=False),
        sa.Column("columns", sa.Text(), nullable=True),
        sa.Column("sort_column", sa.String(length=60), nullable=True),
        sa.Column("sort_direction", sa.String(length=4), nullable=True),
        sa.Column("page_size", sa.Integer(), nullable=True),
        sa.UniqueConstraint("account_id", "list_key", name="uq_list_preference_account_list"),
        sa.CheckConstraint("page_size BETWEEN 1 AND 200", name=op.f("ck_list_preference_page_size")),
        sa.CheckConstraint(
            "sort_direction IN ('asc', 'desc')", name=op.f("ck_list_preference_sort_direction")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "saved_query",
        *_record("saved_query"),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("author_name", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=50), nullable=True),
        sa.Column("list_key", sa.String(length=80), nullable=True),
        sa.Column("record_type", sa.String(length=40), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["unit.id"], name=op.f("fk_saved_query_unit_id_unit"), ondelete="SET NULL"
        ),
        sa.UniqueConstraint("account_id", "list_key", "name", name="uq_saved_query_account_list_name"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("saved_query", schema=None) as table:
        table.create_index("ix_saved_query_unit", ["unit_id", "list_key", "is_shared"], unique=False)


def downgrade():
    op.drop_table("saved_query")
    op.drop_table("list_preference")
