"""帮扶疑点: aids that a reviewer should look at, found by a check of everything that his unit sees."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    and_,
    exists,
    false,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from app.kit import columns
from app.kit.oneof import OneOfField
from app.kit.record import Record, session_of
from app.kit.scope import Actor, Child
from app.kit.workflow import Ask, Stateful, Step
from app.models.aid import Aid

TWO_UNITS, AFTER_CANCELLATION, ONE_PHONE = "two_units", "after_cancellation", "one_phone"
KINDS: dict[str, Any] = {
    TWO_UNITS: _("同一人在多个单位受帮扶"),
    AFTER_CANCELLATION: _("注销之后的帮扶"),
    ONE_PHONE: _("多户登记同一电话"),
}
#: so many of its aids are kept with a doubt; its number and sum count all of them
MOST_ITEMS = 200


def not_put_aside(doubt: AidDoubt, actor: Actor) -> Any:
    """Only what has not been put aside can be."""
    return _("这一疑点已经排除，原因：%(why)s", why=doubt.dismiss_reason) if doubt.is_dismissed else None


def was_put_aside(doubt: AidDoubt, actor: Actor) -> Any:
    """Only what was put aside can be taken up again."""
    return None if doubt.is_dismissed else _("这一疑点没有排除，不必恢复核对")


REASON = Ask(
    "dismiss_reason",
    columns.TextField(_("原因"), 200, required=True, hint=_("如：两单位各给一项，均已核实；社区代留电话")),
)


class AidDoubt(Stateful, Record):
    """One thing to look at: it belongs to the unit that has checked, and is seen while all its aids are.

    Source: docs/decisions/0037; nothing of it is in the manual.
    """

    __tablename__ = "aid_doubt"
    __label__ = _("帮扶疑点")
    __table_args__ = (
        UniqueConstraint("unit_id", "year", "kind", "key", name="uq_aid_doubt_unit_year_kind_key"),
        CheckConstraint("is_dismissed = (dismiss_reason IS NOT NULL)", name="dismissed_for_a_reason"),
        Index("ix_aid_doubt_list", "unit_id", "kind", "is_dismissed", "id"),
    )

    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id", ondelete="CASCADE"), info={"system": True})
    year: Mapped[int] = columns.count(_("年度"), automatic=True, nullable=False)
    kind: Mapped[str] = columns.column(
        OneOfField(_("疑点"), KINDS, automatic=True), String(20), nullable=False
    )
    #: what the aids have in common: a keyed hash, for the numbers themselves stand in the aids
    key: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = columns.text(_("涉及"), 100, automatic=True, nullable=False)
    aid_count: Mapped[int] = columns.count(_("帮扶次数"), automatic=True, nullable=False)
    total_amount: Mapped[Decimal] = columns.money(_("帮扶金额合计"), automatic=True, nullable=False)
    first_date: Mapped[date] = columns.day(_("最早日期"), automatic=True, nullable=False)
    last_date: Mapped[date] = columns.day(_("最晚日期"), automatic=True, nullable=False)
    is_dismissed: Mapped[bool] = columns.yes_no(_("已排除"), automatic=True, default=False, nullable=False)
    dismiss_reason: Mapped[str | None] = columns.text(_("排除原因"), 200, automatic=True)
    #: fingerprint of the aids as the check saw them: one that has changed is looked at anew
    basis: Mapped[str] = mapped_column(String(64))
    #: the job that saw it last
    seen_by: Mapped[int] = mapped_column(Integer)

    items: Mapped[list[AidDoubtItem]] = relationship(
        "AidDoubtItem", cascade="all, delete-orphan", passive_deletes=True, order_by="AidDoubtItem.aid_id"
    )

    steps = (
        Step(
            "dismiss",
            _("排除疑点"),
            asks=(REASON,),
            guards=(not_put_aside,),
            icon="x",
            success=_("已排除。有关的帮扶信息变动后，再次核查时会重新列出"),
            applies=lambda doubt, _actor: not doubt.is_dismissed,
        ),
        Step(
            "recall",
            _("恢复核对"),
            guards=(was_put_aside,),
            icon="arrow-back-up",
            success=_("已恢复到待核对"),
            listed=False,
            applies=lambda doubt, _actor: doubt.is_dismissed,
        ),
    )

    reach = _("本单位要核对的，所涉及的帮扶都看得到的")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """The work list of one's own unit, but for what tells of an aid that the unit does not see any more."""
        if not who.path:
            return false()
        item = AidDoubtItem.__table__.alias(
            "hidden"
        )  # the table: an item is in the scope of its doubt, which is this
        seen = exists(select(Aid.id).where(Aid.id == item.c.aid_id, Aid.scope(who)).correlate(item))
        hidden = select(item.c.id).where(item.c.doubt_id == cls.id, ~seen).correlate(cls)
        return and_(cls.unit_id == who.unit_id, ~exists(hidden))

    def in_scope(self, who: Actor) -> bool:
        """The unit's own work list."""
        return self.unit_id == who.unit_id

    @property
    def title(self) -> str:
        """What is doubtful, and about whom."""
        return f"{self.text('kind')}：{self.subject}"

    def aids(self) -> list[Aid]:
        """The aids that it is about, the earliest first, with what a page shows of them."""
        mine = (
            select(Aid)
            .join(AidDoubtItem, AidDoubtItem.aid_id == Aid.id)
            .where(AidDoubtItem.doubt_id == self.id)
        )
        shown = mine.options(selectinload(Aid.measures)).order_by(Aid.aid_date, Aid.id)
        return list(session_of(self).scalars(shown))

    def on_dismiss(self, _actor: Actor, dismiss_reason: str) -> None:
        """Put aside until one of its aids changes."""
        self.is_dismissed, self.dismiss_reason = True, dismiss_reason

    def on_recall(self, _actor: Actor) -> None:
        """Back among those to look at."""
        self.is_dismissed, self.dismiss_reason = False, None


class AidDoubtItem(Child, Record):
    """One of the aids that a doubt is about."""

    __tablename__ = "aid_doubt_item"
    __label__ = _("涉及的帮扶信息")
    parent_key = "doubt_id"

    doubt_id: Mapped[int] = mapped_column(ForeignKey("aid_doubt.id", ondelete="CASCADE"), index=True)
    aid_id: Mapped[int] = mapped_column(
        ForeignKey("aid.id", ondelete="CASCADE"), index=True, info={"system": True}
    )
