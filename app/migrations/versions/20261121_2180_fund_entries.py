"""Fund ledger entries, and what keeps a ledger: its heads, and triggers that let nothing be changed.

Before: nothing. Now: ``fund_entry`` (REC-27), numbered and sealed per unit and fund; ``ledger_head``, the last number
and seal of each chain of any ledger. The database itself refuses DELETE, TRUNCATE and every UPDATE of an entry but
that of ``owner_path`` (a unit may be moved), and lets a head go on by one number at a time only. On SQLite INSERT OR
REPLACE would delete past the triggers of DELETE, so an INSERT over an entry is refused too.

Whoever rebuilds ``fund_entry`` on SQLite (``batch_alter_table``) loses the triggers and makes them again: ``protect``.
Downgrade loses the ledger; the history of its entries stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, points_at

revision, down_revision = "0012", "0011"
branch_labels = depends_on = None

#: the day as app/kit/listing.py sorts by it
DAY = sa.text("coalesce(entry_date, '0001-01-01')")
SEALED = "账目一经登记不得修改或删除；登记有误的，请用负数冲账，再登记正确的一笔。"
ONWARD = "账本的末号与印记由系统续写，不得另行修改或删除。"


def upgrade():
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book", sa.String(length=40), nullable=False),
        sa.Column("chain", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_head")),
        sa.UniqueConstraint("book", "chain", name=op.f("uq_ledger_head_book_chain")),
        sqlite_autoincrement=True,
    )
    create_records(
        "fund_entry",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("entry_date", sa.Date(), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("income_type", sa.String(length=30), nullable=False),
        sa.Column("expense_type", sa.String(length=30), nullable=True),
        sa.Column("income_amount", sa.BigInteger(), nullable=False),
        sa.Column("expense_amount", sa.BigInteger(), nullable=False),
        sa.Column("is_fiscal_budget", sa.Boolean(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("offsets_entry_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_fund_entry_seq_is_positive")),
        sa.CheckConstraint(
            "(direction = 'income' AND income_amount <> 0 AND expense_amount = 0 AND expense_type IS NULL)"
            " OR (direction = 'expense' AND expense_amount <> 0 AND income_amount = 0"
            " AND expense_type IS NOT NULL)",
            name=op.f("ck_fund_entry_one_amount"),
        ),
        sa.CheckConstraint(
            "income_amount + expense_amount > 0 OR remarks IS NOT NULL",
            name=op.f("ck_fund_entry_offset_says_why"),
        ),
        points_at("fund_entry", "offsets_entry_id", "fund_entry"),
        sa.UniqueConstraint(
            "owner_unit_id", "income_type", "seq", name=op.f("uq_fund_entry_owner_unit_id_income_type_seq")
        ),
        owned=True,
    )
    op.create_index(
        "ix_fund_entry_running",
        "fund_entry",
        ["owner_unit_id", "income_type", "entry_date", "seq"],
        postgresql_include=["income_amount", "expense_amount"],
    )
    op.create_index("ix_fund_entry_offsets_entry_id", "fund_entry", ["offsets_entry_id"])
    op.create_index("ix_expr_fund_entry_page", "fund_entry", ["owner_path", "income_type", DAY, "id"])
    op.create_index("ix_expr_fund_entry_by_day", "fund_entry", [DAY, "id"])
    protect()


def protect():
    """Let the database itself keep the ledger."""
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()


def _on_postgresql():
    op.execute(
        """
        CREATE FUNCTION ledger_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF to_jsonb(NEW) - 'owner_path' = to_jsonb(OLD) - 'owner_path' THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION ledger_head_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NEW.seq = OLD.seq + 1 AND NEW.id = OLD.id AND NEW.book = OLD.book AND NEW.chain = OLD.chain THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table, function, words in (
        ("fund_entry", "ledger_entry_stays", SEALED),
        ("ledger_head", "ledger_head_goes_on", ONWARD),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}('{words}')"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stays_whole BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}('{words}')"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_stays")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_stays_whole")


def _on_sqlite():
    columns = [one["name"] for one in sa.inspect(op.get_bind()).get_columns("fund_entry")]
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns if name != "owner_path")
    same = "NEW.id IS OLD.id AND NEW.book IS OLD.book AND NEW.chain IS OLD.chain"
    taken = (
        "EXISTS (SELECT 1 FROM fund_entry WHERE id = NEW.id OR (owner_unit_id = NEW.owner_unit_id"
        " AND income_type = NEW.income_type AND seq = NEW.seq))"
    )
    head_taken = (
        "EXISTS (SELECT 1 FROM ledger_head WHERE id = NEW.id OR (book = NEW.book AND chain = NEW.chain))"
    )
    for name, event, when, words in (
        ("fund_entry_stays", "UPDATE ON fund_entry", changed, SEALED),
        ("fund_entry_is_not_deleted", "DELETE ON fund_entry", "1", SEALED),
        ("fund_entry_is_not_replaced", "INSERT ON fund_entry", taken, SEALED),
        ("ledger_head_stays", "UPDATE ON ledger_head", f"NOT (NEW.seq = OLD.seq + 1 AND {same})", ONWARD),
        ("ledger_head_is_not_deleted", "DELETE ON ledger_head", "1", ONWARD),
        ("ledger_head_is_not_replaced", "INSERT ON ledger_head", head_taken, ONWARD),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )


def downgrade():
    op.drop_table("fund_entry")
    op.drop_table("ledger_head")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_entry_stays()")
        op.execute("DROP FUNCTION ledger_head_goes_on()")
