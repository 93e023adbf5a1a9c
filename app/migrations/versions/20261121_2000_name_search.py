"""Name search: a row per record and key (pairs of characters, pinyin, initials), read in the order of the records.

Before: a name was looked for with LIKE, in every row. Now: ``name_search`` is filled from the archives and family members
that there are, 5,000 at a time; from here on every flush of the session keeps it. The keys come from ``app.kit.names``, a
pure function of the name without tables or models: a copy of its pinyin here would drift from what the search asks for,
and whatever that function says tomorrow, ``flask house names`` brings the table up to it.

PostgreSQL is told how rare names are, and how large the subtrees are that they are sought in: the statistics of the
partial level indexes are not used for that, so that every province counted as one two-hundredth of the country.

Downgrade: the table goes; names are searched row by row again, nothing else is lost.
"""

import sqlalchemy as sa
from alembic import op

from app.kit import names

revision, down_revision = "0003", "0002"
branch_labels = depends_on = None

LEVELS = (2, 3, 4, 5)
SOURCES = ("archive", "family_member")
BATCH = 5_000


def upgrade():
    on_postgres = op.get_bind().dialect.name == "postgresql"

    def word(length):
        return sa.String(length, collation="C") if on_postgres else sa.String(length)

    table = op.create_table(
        "name_search",
        sa.Column("key", word(300), nullable=False),
        sa.Column("source", word(40), nullable=False),
        sa.Column("record_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "source", "record_id", name=op.f("pk_name_search")),
        sqlite_with_rowid=False,
    )
    for source in SOURCES:
        _fill(table, source)
    op.create_index("ix_name_search_record", "name_search", ["record_id", "source"])
    if on_postgres:
        # a sample takes rare names for more frequent than they are
        op.execute("ALTER TABLE name_search ALTER COLUMN key SET STATISTICS 1000")
        op.execute("ALTER TABLE name_search ALTER COLUMN key SET (n_distinct = -0.02)")
        for level in LEVELS:
            branch = f"substr(owner_path, 1, {4 * level})"
            op.execute(f"CREATE STATISTICS st_archive_level_{level} ON ({branch}) FROM archive")
        op.execute("ANALYZE name_search")
        op.execute("ANALYZE archive")


def _fill(table, source):
    connection, last = op.get_bind(), 0
    people = sa.table(source, sa.column("id", sa.Integer), sa.column("full_name", sa.String))
    while True:
        batch = connection.execute(
            sa.select(people.c.id, people.c.full_name)
            .where(people.c.id > last)
            .order_by(people.c.id)
            .limit(BATCH)
        ).all()
        if not batch:
            return
        if rows := names.rows(source, batch):
            connection.execute(sa.insert(table), rows)
        last = batch[-1].id


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        for level in LEVELS:
            op.execute(f"DROP STATISTICS st_archive_level_{level}")
    op.drop_index("ix_name_search_record", "name_search")
    op.drop_table("name_search")
