"""What tests of the summary tables hold in their hands: money of aid records, tables, and their books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.archive import Archive
from app.models.fund_summary import FundSummary
from app.models.fund_summary_line import FundSummaryLine

HEAD = {
    "source": "central",
    "category": "living",
    "year": "2026",
    "filled_by": "李会计",
    "phone": "010-66001234",
    "filled_on": "2026-06-30",
}


class Money:
    """Aid records of the demo country, one worker each, and tables over them."""

    def __init__(self, country: Any, people: Any) -> None:
        self.country, self.people = country, people

    def worker(self, owner: str = "dewai", **facts: Any) -> Any:
        """A household whose head can be aided."""
        facts.setdefault("hardship_category", "low_income")
        return self.country.make(Archive, self.people.household(**facts), owner)

    def aid(
        self, owner: str = "dewai", *, worker: Any = None, day: str = "2026-03-02", **amounts: str
    ) -> Any:
        """An aid record with an amount a measure: ``aid(living="300", goods="50")``."""
        typed = {
            "id_card_no": (worker or self.worker(owner)).id_card_no,
            "aid_category": "own_serious_illness",
            "aid_date": day,
            "measures": [
                {"measure": name, "amount": amount} for name, amount in (amounts or {"living": "300"}).items()
            ],
        }
        return self.country.make(Aid, typed, owner)

    def amount(self, owner: str = "dewai", **more: Any) -> int:
        """The id of the only measure of a new aid."""
        return int(self.aid(owner, **more).measures[0].id)

    def table(self, owner: str = "dewai", *measures: int, **head: str) -> Any:
        """A stored table with these amounts in it."""
        table = self.country.make(FundSummary, HEAD | head, owner)
        return self.insert(table, *measures) if measures else table

    def insert(self, table: Any, *measures: int, by: str = "dewai_clerk") -> Any:
        """The step, committed."""
        return self.country.step(table, "insert_lines", by, measure_line_ids=list(measures))

    def lines(self, table: Any) -> list[Any]:
        """The lines of a table, past every scope."""
        return list(self.country.all(FundSummaryLine, FundSummaryLine.fund_summary_id == table.id))

    def measure(self, pk: int) -> Any:
        """A measure as it now stands."""
        return self.country.read(AidMeasure, pk)

    def check_books(self) -> None:
        """Every locked measure has exactly one line, every line its measure; sums are sums; nothing is in two tables."""
        with self.country.acting() as session:
            lines = session.execute(
                select(
                    FundSummaryLine.id,
                    FundSummaryLine.measure_line_id,
                    FundSummaryLine.fund_summary_id,
                    FundSummaryLine.amount,
                )
            ).all()
            locked = session.execute(
                select(
                    AidMeasure.id, AidMeasure.summarised_line_id, AidMeasure.amount, AidMeasure.fund_category
                ).where(AidMeasure.summarised_line_id.is_not(None))
            ).all()
            tables = {
                row.id: row
                for row in session.execute(
                    select(
                        FundSummary.id, FundSummary.source, FundSummary.total_amount, FundSummary.line_count
                    )
                )
            }
        assert {(m.id, m.summarised_line_id, m.amount) for m in locked} == {
            (line.measure_line_id, line.id, line.amount) for line in lines
        }
        assert len({line.measure_line_id for line in lines}) == len(lines)
        source = {line.id: tables[line.fund_summary_id].source for line in lines}
        assert all(m.fund_category == source[m.summarised_line_id] for m in locked)
        for table in tables.values():
            mine = [line.amount for line in lines if line.fund_summary_id == table.id]
            assert (table.line_count, table.total_amount) == (len(mine), sum(mine, Decimal(0)))
