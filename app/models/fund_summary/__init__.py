"""实名制汇总表: whom a unit has helped with which money in a year, as the list that the workers sign."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, Index, Integer
from sqlalchemy.orm import Mapped

from app.kit import columns, rules
from app.kit.clock import today
from app.kit.errors import Refused
from app.kit.record import session_of
from app.kit.scope import Actor
from app.kit.workflow import Ask, Move, Step
from app.models.fund_summary import lines
from app.models.fund_summary.checks import (
    FIRST_YEAR,
    category_is_of_source,
    has_lines,
    menu_stays,
    not_after_this_year,
)
from app.models.fund_summary.fields import IdsField, YearField
from app.models.fund_summary_line import FundSummaryLine
from app.workflows.reporting import Reportable, is_open_to_edit, is_own

#: fund → what it is called in the head of a table
FUNDS = {"central": _("中央财政资金"), "local": _("地方帮扶资金")}
#: refused amounts told in one answer
MOST_TOLD = 5


def _on_its_page(record: Any, actor: Actor) -> bool:
    """Lines are put in and taken out on the table's own page, not by a dialog."""
    return False


class FundSummary(Reportable):
    """One table of one unit: a fund, a category, a year; its lines are money of aid records.

    Source: spec/aid.md REC-29, SM-AID-15, AID-R185 – R192.
    """

    __tablename__ = "fund_summary"
    __label__ = _("实名制汇总表")
    __table_args__ = (
        CheckConstraint("holder_depth >= 1", name="holder_depth_is_positive"),
        CheckConstraint(
            "(line_count = 0) = (total_amount = 0) AND line_count >= 0 AND total_amount >= 0",
            name="total_is_of_lines",
        ),
        Index("ix_fund_summary_owner", "owner_path", "holder_depth", "id"),
        Index("ix_fund_summary_author", "created_by_id", "id"),
    )
    echoed = frozenset({"lines"})
    lock_after_report = True

    source: Mapped[str] = columns.code(_("资金来源"), "aid_fund_category", required=True, nullable=False)
    category: Mapped[str] = columns.code(_("帮扶项目"), "summary_category", required=True, nullable=False)
    year: Mapped[int] = columns.column(
        YearField(_("年份"), required=True, least=FIRST_YEAR, rules=(not_after_this_year,)),
        Integer,
        nullable=False,
    )
    filled_by: Mapped[str] = columns.text(_("填报人"), 50, required=True, nullable=False)
    phone: Mapped[str] = columns.text(
        _("联系电话"), 30, required=True, rules=(rules.telephone,), nullable=False
    )
    filled_on: Mapped[date] = columns.day(
        _("填报日期"), required=True, rules=(rules.not_in_future,), nullable=False
    )
    #: always the sum and the number of the lines; what is typed is never obeyed (AID-R187)
    total_amount: Mapped[Decimal] = columns.money(
        _("帮扶资金总额"), automatic=True, default=Decimal(0), nullable=False
    )
    line_count: Mapped[int] = columns.count(
        _("职工数"), automatic=True, default=0, unit=_("人"), nullable=False
    )

    rules = (category_is_of_source, menu_stays)
    report_rules = (has_lines,)
    steps = (
        Step(
            "insert_lines",
            _("增加新的职工"),
            asks=(Ask("measure_line_ids", IdsField(_("帮扶资金"), required=True)),),
            guards=(is_own, is_open_to_edit),
            icon="user-plus",
            success=_("插入成功"),
            listed=False,
            applies=_on_its_page,
        ),
        Step(
            "remove_line",
            _("删除职工"),
            asks=(Ask("line_id", columns.CountField(_("实名制职工"), required=True)),),
            guards=(is_own, is_open_to_edit),
            icon="trash",
            success=_("删除成功"),
            danger=True,
            listed=False,
            applies=_on_its_page,
        ),
    )

    #: what the last `insert_lines` of this request did
    inserted = lines.Inserted()

    @property
    def title(self) -> str:
        """Year, fund and category, as the head of the paper says them, and the day."""
        if self.year is None or not self.source or not self.category:
            return ""
        head = gettext("%(year)s年%(fund)s%(category)s", year=self.year, **self.names)
        return f"{head} {self.filled_on or ''}".strip()

    @property
    def names(self) -> dict[str, str]:
        """What fund and category are called."""
        return {"fund": str(FUNDS.get(self.source, self.source)), "category": self.text("category")}

    def derive(self, actor: Actor) -> None:
        """A new table is filled in by the actor, today, unless he says otherwise (REC-29 #5, #7)."""
        super().derive(actor)
        if self.id is None:
            self.filled_by = self.filled_by or actor.name
            self.filled_on = self.filled_on or today()
            self.line_count, self.total_amount = 0, Decimal(0)

    def settle(self, actor: Actor) -> None:
        """Its owner's save takes anew what the archives say of the workers (docs/decisions/0036)."""
        super().settle(actor)
        lines.repeat_workers(self)

    def on_insert_lines(self, actor: Actor, *, measure_line_ids: list[int]) -> Move:
        """Put in what may go in and name the rest; nothing at all is a refusal (SM-AID-15 #2)."""
        self.inserted = lines.insert(self, measure_line_ids, actor)
        if not self.inserted.lines:
            told = [str(words) for _pk, words in self.inserted.refused]
            more = [gettext("等%(n)s笔", n=len(told))] if len(told) > MOST_TOLD else []
            raise Refused("；".join([*told[:MOST_TOLD], *more]))
        return Move(message=str(self.inserted.words))

    def on_remove_line(self, actor: Actor, *, line_id: int) -> Move:
        """Take one worker out; his money is free again (SM-AID-15 #3, AID-R190)."""
        mine = FundSummaryLine.id == line_id, FundSummaryLine.fund_summary_id == self.id
        line = session_of(self).execute(lines.told(*mine)).first()
        if line is None:
            raise Refused(_("「%(table)s」中没有这一行，可能刚刚已被删除，请刷新后再看", table=self.title))
        lines.release(self, actor, *mine)
        return Move(
            message=gettext("删除%(name)s %(amount)s元", name=line.full_name, amount=f"{line.amount:,.2f}")
        )

    def remove(self, actor: Actor) -> Any:
        """With the table all its money is free (SM-AID-15 #4, AID-R190)."""
        lines.release(self, actor, FundSummaryLine.fund_summary_id == self.id)
        return super().remove(actor)


__all__ = ["FUNDS", "FundSummary"]
