"""帮扶救助: what a unit has done for a worker on one day, and whether that has ended the hardship."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, Session, aliased, relationship

from app.kit import batch, columns, rules
from app.kit.clock import today
from app.kit.errors import Invalid
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Ask, Step
from app.models.aid.checks import (
    aided_says_how,
    exit_is_whole,
    has_no_summarised_money,
    measures_are_few,
    summarised_money_stays,
)
from app.models.aid_measure import AidMeasure
from app.models.archive.linked import Linked
from app.workflows.reporting import Reportable, is_own

_OUT = (_("已脱困"), _("未脱困"))
EXIT = (
    Ask("is_out_of_hardship", columns.YesNoField(_("是否脱困"), words=_OUT, default=True)),
    Ask("exit_method", columns.CodeField(_("脱困方式"), "exit_method")),
    Ask("exit_date", columns.DayField(_("脱困日期"), rules=(rules.not_in_future,))),
)


class Aid(Linked, Reportable):
    """One aid to one worker, by the unit that gave it; the archive may be another unit's.

    Source: spec/aid.md REC-12, SM-AID-09, AID-R118 – R136.
    """

    __tablename__ = "aid"
    __label__ = _("帮扶救助信息")
    __table_args__ = (
        CheckConstraint("holder_depth >= 1", name="holder_depth_is_positive"),
        CheckConstraint("total_amount >= 0", name="total_is_not_negative"),
        CheckConstraint(
            "is_out_of_hardship = (exit_method IS NOT NULL AND exit_date IS NOT NULL)", name="exit_is_whole"
        ),
        UniqueConstraint("batch_id", "archive_id", name="uq_aid_batch_archive"),
        Index("ix_aid_owner", "owner_path", "holder_depth", "id"),
        Index("ix_aid_archive", "archive_id", "aid_date", "id"),
        Index("ix_aid_author", "created_by_id", "id"),
    )
    children = ("measures",)
    echoed = frozenset({"archive_no"})
    lock_after_report = True

    aid_category: Mapped[str] = columns.code(_("帮扶类别"), "aid_category", required=True, nullable=False)
    aid_date: Mapped[date] = columns.day(
        _("帮扶日期"), required=True, rules=(rules.not_in_future,), nullable=False
    )
    is_aided: Mapped[bool] = columns.yes_no(
        _("是否帮扶"), words=(_("已帮扶"), _("未帮扶")), required=True, default=True, nullable=False
    )
    aid_form: Mapped[str | None] = columns.code(_("帮扶形式"), "aid_form")
    measure_detail: Mapped[str | None] = columns.long_text(_("具体措施"), 1000)
    total_amount: Mapped[Decimal] = columns.money(
        _("帮扶金额"), automatic=True, nullable=False, with_ends=True
    )
    not_aided_reason: Mapped[str | None] = columns.long_text(_("未帮原因"), 500)
    is_out_of_hardship: Mapped[bool] = columns.yes_no(
        _("是否脱困"), words=_OUT, required=True, default=False, nullable=False
    )
    exit_method: Mapped[str | None] = columns.code(_("脱困方式"), "exit_method")
    exit_date: Mapped[date | None] = columns.day(_("脱困日期"), rules=(rules.not_in_future,))
    remarks: Mapped[str | None] = columns.long_text(_("备注"), 2000)
    aid_sequence: Mapped[int | None] = columns.count(_("第几次帮扶"), automatic=True)
    batch_id: Mapped[str | None] = columns.column(
        batch.NumberField(_("批量帮扶批号"), 40, automatic=True), String(40)
    )

    measures: Mapped[list[AidMeasure]] = relationship(
        AidMeasure, cascade="all, delete-orphan", order_by=(AidMeasure.line_no, AidMeasure.id)
    )

    rules = (*Linked.rules, measures_are_few, aided_says_how, exit_is_whole, summarised_money_stays)
    delete_guards = (has_no_summarised_money,)
    steps = (
        Step(
            "record_exit",
            _("填写脱困信息"),
            asks=EXIT,
            guards=(is_own,),
            icon="circle-check",
            success=_("保存成功"),
            listed=False,
            is_single=True,
        ),
    )

    @property
    def title(self) -> str:
        """Who was aided, and when."""
        return f"{self.full_name or ''} {self.aid_date or ''}".strip()

    def derive(self, actor: Actor) -> None:
        """The sum of the measures (AID-R120); who has not said otherwise was aided and is in hardship still."""
        super().derive(actor)
        self.is_aided = True if self.is_aided is None else self.is_aided
        self.is_out_of_hardship = bool(self.is_out_of_hardship)
        self.total_amount = sum((line.amount or Decimal(0) for line in self.measures), Decimal(0))
        for line in self.measures:
            line.derive(actor)
            line.stamp(actor)

    def suggested(self, step: str, who: Actor) -> dict[str, Any]:
        """填写脱困信息 begins with 已脱困, today, or with what has been filled in before."""
        if step != "record_exit":
            return super().suggested(step, who)
        fields = type(self).fields()
        known = {ask.name: fields[ask.name].typed(getattr(self, ask.name)) for ask in EXIT}
        return known if self.is_out_of_hardship else {"is_out_of_hardship": "1", "exit_date": str(today())}

    def on_record_exit(
        self,
        actor: Actor,
        *,
        is_out_of_hardship: bool | None = None,
        exit_method: str | None = None,
        exit_date: date | None = None,
    ) -> None:
        """填写脱困信息 changes these three fields and no other, even of a reported record (AID-R130, Q09)."""
        self.is_out_of_hardship = is_out_of_hardship is not False
        self.exit_method, self.exit_date = exit_method, exit_date
        if problems := list(exit_is_whole(self)):
            raise Invalid(problems)

    @classmethod
    def merge_moved(cls, session: Session, archive_id: int) -> None:
        """The aids of merged files are counted together, and apart again once they are parted."""
        super().merge_moved(session, archive_id)
        number_anew(session, archive_id)

    @classmethod
    def follow_up(cls, session: Session, before: Mapping[str, Any], now: Any, actor: Actor) -> None:
        """The aids of a worker are numbered by their dates (REC-12 #17)."""
        super().follow_up(session, before, now, actor)
        number_anew(session, now.archive_id if now is not None else before["archive_id"])


def number_anew(session: Session, archive_id: int) -> None:
    """第几次帮扶 of every aid of a worker, whoever gave it; his file is held meanwhile, so that none is counted twice."""
    file, one = class_of_table("archive"), aliased(Aid)
    look = door("the aids of one worker are counted over all units")
    session.execute(
        select(file.id).where(file.id == archive_id).with_for_update(key_share=True).execution_options(**look)
    )
    nth = func.row_number().over(order_by=(one.aid_date, one.id)).label("nth")
    counted = select(one.id, nth).where(one.archive_id == archive_id).subquery()
    moved = (Aid.id == counted.c.id) & (func.coalesce(Aid.aid_sequence, 0) != counted.c.nth)
    mine = update(Aid).where(moved).values(aid_sequence=counted.c.nth)
    session.execute(mine.execution_options(synchronize_session=False, **look))
