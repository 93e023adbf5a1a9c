"""帮扶措施行: what was done for a worker in one aid, and the money of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns
from app.kit.record import Record
from app.kit.scope import Child


def positive(amount: Decimal) -> Any:
    """An amount of aid is more than nothing; goods count what they are worth."""
    return None if amount > 0 else _("金额应大于0")


class AidMeasure(Child, Record):
    """One of at most three measures of an aid record.

    Source: spec/aid.md REC-13.
    """

    __tablename__ = "aid_measure"
    __label__ = _("帮扶措施")
    __table_args__ = (CheckConstraint("amount > 0", name="amount_is_positive"),)
    parent_key = "aid_id"

    aid_id: Mapped[int] = mapped_column(ForeignKey("aid.id", ondelete="CASCADE"), index=True)
    measure: Mapped[str] = columns.code(_("帮扶措施"), "aid_measure", required=True, nullable=False)
    amount: Mapped[Decimal] = columns.money(_("金额"), required=True, rules=(positive,), nullable=False)
    fund_category: Mapped[str | None] = columns.code(_("帮扶资金类别"), "aid_fund_category")
    #: the line of a 实名制汇总表 in which this money stands; it is then read-only (AID-R129, R189)
    summarised_line_id: Mapped[int | None] = columns.column(
        columns.CountField(_("已汇总"), automatic=True), Integer, unique=True
    )
    line_no: Mapped[int] = mapped_column(Integer, default=0)

    @property
    def is_summarised(self) -> bool:
        """已汇总: the money stands in a summary table."""
        return self.summarised_line_id is not None

    @property
    def title(self) -> str:
        """The measure, with the fund in brackets as the list prints it: 医疗救助(中央财政)."""
        fund = f"({self.text('fund_category')})" if self.fund_category else ""
        return f"{self.text('measure')}{fund}"
