"""What tables of records have in common, in the words of migrations.

A migration is never changed, so nothing here is either: what a later edition needs gets another name.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

#: compared byte by byte, whatever the database's locale
PATH = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
#: depths below the root that have lists of their own
LEVELS = (2, 3, 4, 5)
#: what scope and states ask of a row, so that a list is counted in its index
ASKED = ["owner_path", "holder_depth", "returned"]


def create_records(table: str, *more: Any, reportable: bool = False, owned: bool = False) -> None:
    """A table of records: its own columns and constraints, then author, date and version, owner and envelope."""
    columns: list[Any] = [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_by_name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        points_at(table, "created_by_id", "ab_user"),
        points_at(table, "updated_by_id", "ab_user"),
    ]
    if owned or reportable:
        columns += [
            sa.Column("owner_unit_id", sa.Integer(), nullable=False),
            sa.Column("owner_path", PATH, nullable=False),
            points_at(table, "owner_unit_id", "unit"),
        ]
    if reportable:
        columns += [
            sa.Column("holder_depth", sa.Integer(), nullable=False),
            sa.Column("returned", sa.Boolean(), nullable=False),
            sa.Column("returned_from", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("last_reported_at", sa.DateTime(), nullable=True),
            sa.Column("last_returned_at", sa.DateTime(), nullable=True),
        ]
    op.create_table(table, *more, *columns, sqlite_autoincrement=True)
    if reportable:
        _index_lists(table)


def points_at(table: str, column: str, target: str, **more: Any) -> Any:
    """A foreign key to the id of another table."""
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), **more
    )


def _index_lists(table: str) -> None:
    """The records of a unit, and an index per level of the tree for the lists of large subtrees (DESIGN §5)."""
    op.create_index(f"ix_{table}_owner", table, ["owner_path", "holder_depth", "id"])
    op.create_index(f"ix_expr_{table}_level_1", table, ["id"], postgresql_include=ASKED)
    for level in LEVELS:
        branch, held = sa.text(f"substr(owner_path, 1, {4 * level})"), sa.text(f"holder_depth = {level}")
        op.create_index(f"ix_expr_{table}_level_{level}", table, [branch, "id"], postgresql_include=ASKED)
        op.create_index(
            f"ix_expr_{table}_held_{level}",
            table,
            [branch, "returned", "id"],
            postgresql_where=held,
            sqlite_where=held,
        )


def drop_records(table: str) -> None:
    """The table and the names by which its records were found."""
    op.drop_table(table)
    op.execute(sa.text("DELETE FROM name_search WHERE source = :table").bindparams(table=table))
