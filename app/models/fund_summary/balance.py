"""资金对账: the same money told three times – by the aid records, by the summary tables, by the ledger – side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.kit import tree
from app.kit.scope import class_of_table
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.fund_entry import EXPENSE, FundEntry, is_of
from app.models.fund_summary import FundSummary
from app.models.fund_summary.lines import of_year


@dataclass
class Sums:
    """One unit: itself alone, or a subordinate with all below it."""

    unit_id: int
    unit_name: str
    is_alone: bool
    aids: Decimal = Decimal(0)
    tables: Decimal = Decimal(0)
    ledger: Decimal = Decimal(0)

    @property
    def not_summarised(self) -> Decimal:
        """Aid of this fund that stands in no table (that the reader sees)."""
        return self.aids - self.tables

    @property
    def not_spent(self) -> Decimal:
        """What the tables say was given, and the ledger does not."""
        return self.tables - self.ledger

    @property
    def figures(self) -> tuple[Decimal, ...]:
        """In the order of the page."""
        return self.aids, self.tables, self.not_summarised, self.ledger, self.not_spent


def sums(session: Session, unit: Any, year: int, source: str) -> list[Sums]:
    """The unit alone, then each direct subordinate with its subtree. Four statements, whatever the rows."""
    units, depth = class_of_table("unit"), tree.depth_of(unit.path) + 1
    below = select(units.id, units.name, units.path).where(units.parent_id == unit.id)
    lines = {unit.path: Sums(unit.id, unit.name, is_alone=True)}
    for child in session.execute(below.order_by(units.sort_order, units.id)):
        lines[child.path] = Sums(child.id, child.name, is_alone=False)
    kinds = {
        "aids": _of_aids(unit.path, depth, year, source),
        "tables": _of_tables(unit.path, depth, year, source),
        "ledger": _of_ledger(unit.path, depth, year, source),
    }
    for name, statement in kinds.items():
        for row in session.execute(statement):
            setattr(lines[row.branch], name, row.total or Decimal(0))
    return list(lines.values())


def total(rows: Sequence[Sums], name: str = "") -> Sums:
    """合计."""
    made = Sums(0, name, is_alone=False)
    for kind in ("aids", "tables", "ledger"):
        setattr(made, kind, sum((getattr(row, kind) for row in rows), Decimal(0)))
    return made


def _grouped(amount: Any, owner_path: Any, path: str, depth: int) -> Select[Any]:
    """Sums by branch within a subtree."""
    branch = tree.branch(owner_path, depth).label("branch")
    return (
        select(branch, func.sum(amount).label("total")).where(tree.under(owner_path, path)).group_by("branch")
    )


def _of_aids(path: str, depth: int, year: int, source: str) -> Select[Any]:
    """(a) measures of this fund, by the year of the aid."""
    found = _grouped(AidMeasure.amount, Aid.owner_path, path, depth)
    found = found.select_from(AidMeasure).join(Aid, Aid.id == AidMeasure.aid_id)
    return found.where(AidMeasure.fund_category == source, of_year(year))


def _of_tables(path: str, depth: int, year: int, source: str) -> Select[Any]:
    """(b) the tables of this fund and year."""
    found = _grouped(FundSummary.total_amount, FundSummary.owner_path, path, depth)
    return found.where(FundSummary.source == source, FundSummary.year == year)


def _of_ledger(path: str, depth: int, year: int, source: str) -> Any:
    """(c) their sums."""
    branch = tree.branch(FundEntry.owner_path, depth).label("branch")
    spent = select(branch, func.sum(FundEntry.expense_amount).label("total"))
    mine = (
        tree.under(FundEntry.owner_path, path),
        FundEntry.entry_date.between(date(year, 1, 1), date(year, 12, 31)),
        FundEntry.direction == EXPENSE,
        is_of(source),
    )
    return spent.where(*mine).group_by("branch")
