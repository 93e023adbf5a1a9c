"""People of a new province: found by pinyin, and given their one-time passwords together.

Before: a person was found by the characters of his name or login name; a new one got his password on the screen, one by
one. Now: ``ab_user.search_key`` holds the pinyin of the name, filled here for the people that there are (the keys come from
``app.kit.names``, a pure function of the name); a login name is looked for by an index, whatever its capitals; ``password_issue`` and ``password_slip`` keep which people came by which
import, and no password. Downgrade loses both; who waits for a password gets one by 重置口令.
"""

import sqlalchemy as sa
from alembic import op

from app.kit import names
from app.migrations.tables import points_at

revision, down_revision = "0021", "0020"
branch_labels = depends_on = None

BATCH = 5_000


def upgrade():
    op.add_column("ab_user", sa.Column("search_key", sa.String(length=600), nullable=True))
    _fill()
    op.create_index("ix_expr_ab_user_login", "ab_user", [sa.text("lower(username)")])
    op.create_table(
        "password_issue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("making_id", sa.Integer(), nullable=True),
        sa.Column("secret", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_issue")),
        points_at("password_issue", "account_id", "ab_user", ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", name=op.f("uq_password_issue_job_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_password_issue_account_id", "password_issue", ["account_id"])
    op.create_table(
        "password_slip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_slip")),
        points_at("password_slip", "issue_id", "password_issue", ondelete="CASCADE"),
        points_at("password_slip", "account_id", "ab_user", ondelete="CASCADE"),
        sa.UniqueConstraint("issue_id", "account_id", name=op.f("uq_password_slip_issue_id_account_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_password_slip_account_id", "password_slip", ["account_id"])


def _fill():
    """Pinyin up to each syllable, and initials, each after a blank."""
    connection, last = op.get_bind(), 0
    table = sa.table("ab_user", sa.column("id"), sa.column("first_name"), sa.column("search_key"))
    change = sa.update(table).where(table.c.id == sa.bindparam("pk")).values(search_key=sa.bindparam("key"))
    while True:
        some = sa.select(table.c.id, table.c.first_name).where(table.c.id > last).order_by(table.c.id)
        batch = connection.execute(some.limit(BATCH)).all()
        if not batch:
            return
        keyed = [
            {
                "pk": pk,
                "key": "".join(f" {key}" for key in sorted(names.keys(name or "")) if key.isascii())[:600],
            }
            for pk, name in batch
        ]
        connection.execute(change, keyed)
        last = batch[-1].id


def downgrade():
    op.drop_table("password_slip")
    op.drop_table("password_issue")
    op.drop_index("ix_expr_ab_user_login", "ab_user")
    op.drop_column("ab_user", "search_key")
