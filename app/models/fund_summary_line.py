"""实名制职工: one worker's line of a summary table, with the money that he signs for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns
from app.kit.record import Record
from app.kit.scope import Child


def age_on(birth: date | None, day: date) -> int | None:
    """Completed years on a day (REC-30 #4)."""
    if birth is None:
        return None
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


class FundSummaryLine(Child, Record):
    """One amount of aid in one table, with its own copies of what is said of the worker.

    Source: spec/aid.md REC-30, AID-R188; docs/decisions/0036.
    """

    __tablename__ = "fund_summary_line"
    __label__ = _("实名制职工")
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_is_positive"),
        Index("ix_fund_summary_line_fund_summary_id", "fund_summary_id", "id"),
    )
    parent_key = "fund_summary_id"

    fund_summary_id: Mapped[int] = mapped_column(ForeignKey("fund_summary.id", ondelete="CASCADE"))
    #: one amount stands in one line of one table, whoever is quicker (AID-R188)
    measure_line_id: Mapped[int] = mapped_column(
        ForeignKey("aid_measure.id"),
        unique=True,
        info={"field": columns.CountField(_("帮扶措施行"), automatic=True), "system": True},
    )
    full_name: Mapped[str] = columns.text(_("姓名"), 50, automatic=True, nullable=False)
    gender: Mapped[str | None] = columns.code(_("性别"), "gender", automatic=True)
    birth_date: Mapped[date | None] = columns.day(_("出生日期"), automatic=True)
    id_card_no: Mapped[str] = columns.id_card(_("身份证号"), automatic=True, nullable=False)
    employer_or_address: Mapped[str | None] = columns.text(_("工作单位或家庭地址"), 200, automatic=True)
    amount: Mapped[Decimal] = columns.money(_("帮扶金额"), automatic=True, nullable=False)
    phone: Mapped[str | None] = columns.text(_("联系电话"), 30, automatic=True)
    #: what the measure said of its fund before it was summarised, and says again when it is free (AID-R190)
    fund_category_before: Mapped[str | None] = columns.code(
        _("原帮扶资金类别"), "aid_fund_category", automatic=True
    )
