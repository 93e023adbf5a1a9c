"""Policy documents, briefings and notices (REC-31 – REC-33), and what they are found by.

Before: nothing. Now: ``policy_document``, ``briefing`` and ``notice``; ``full_text`` has the words of each and every pair
of characters in them. PostgreSQL looks pairs up in an inverted index over the latter, SQLite in ``full_text_pair``, which
stays empty on PostgreSQL. Downgrade loses the documents; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records

revision, down_revision = "0019", "0018"
branch_labels = depends_on = None

#: the day as app/kit/listing.py sorts by it
DAY = sa.text("coalesce(published_on, '0001-01-01')")
TABLES = ("policy_document", "briefing", "notice")
#: what it costs is said aloud: PostgreSQL would rather take apart every text there is than read the index
PAIRS = """
CREATE FUNCTION text_pairs(pairs text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000
AS $$ BEGIN RETURN string_to_array(pairs, ' '); END $$
"""


def document(*more):
    """What the three have in common, beside what all records have."""
    return (
        sa.Column("owner_unit_name", sa.String(length=100), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        *more,
    )


def upgrade():
    create_records(
        "policy_document",
        *document(
            sa.Column("category", sa.String(length=30), nullable=True),
            sa.Column("document_no", sa.String(length=60), nullable=True),
            sa.Column("issuing_body", sa.String(length=100), nullable=True),
            sa.Column("keywords", sa.String(length=100), nullable=True),
            sa.Column("region", sa.String(length=30), nullable=True),
        ),
        owned=True,
    )
    create_records(
        "briefing",
        *document(
            sa.Column("issue_no", sa.String(length=30), nullable=True),
            sa.Column("keywords", sa.String(length=100), nullable=True),
        ),
        owned=True,
    )
    create_records(
        "notice",
        *document(
            sa.Column("is_visible", sa.Boolean(), nullable=True),
            sa.Column("shown_from", sa.Date(), nullable=True),
            sa.Column("shown_to", sa.Date(), nullable=True),
        ),
        owned=True,
    )
    for table in TABLES:
        op.create_index(f"ix_{table}_owner", table, ["owner_path"])
        op.create_index(f"ix_expr_{table}_by_day", table, [DAY, "id"])
    op.create_index("ix_expr_policy_document_kind", "policy_document", ["category", DAY, "id"])
    _words()


def _words():
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "full_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("pairs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_full_text")),
        sa.UniqueConstraint("source", "record_id", name=op.f("uq_full_text_source_record_id")),
        sqlite_autoincrement=True,
    )
    if on_postgresql:
        op.execute(PAIRS)
        op.create_index(
            "ix_expr_full_text_pairs", "full_text", [sa.text("text_pairs(pairs)")], postgresql_using="gin"
        )
    op.create_table(
        "full_text_pair",
        sa.Column("pair", sa.String(length=2), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("pair", "source", "record_id", name=op.f("pk_full_text_pair")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_full_text_pair_record", "full_text_pair", ["record_id", "source"])


def downgrade():
    for table in ("full_text_pair", "full_text", *reversed(TABLES)):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION text_pairs(text)")
