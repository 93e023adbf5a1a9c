"""通知: what 全总 tells everybody, and a province those of the province (§17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Index, and_, or_
from sqlalchemy.orm import Mapped

from app.kit import tree
from app.kit.columns import day, rich_text, text, yes_no
from app.kit.errors import Problem
from app.kit.scope import Actor
from app.models.document import Bulletin, publishes


def period_is_in_order(notice: Notice) -> Iterator[Problem]:
    """The last day is not before the first."""
    if notice.shown_from and notice.shown_to and notice.shown_to < notice.shown_from:
        yield Problem("shown_to", _("截止日期不能早于开始日期"))


class Notice(Bulletin):
    """One notice. It is read while 是否显示 says so and from its first day on; the home page has it until its last.

    Source: spec/aid.md REC-33, AID-R198 – R200, SM-AID-16.
    """

    __tablename__ = "notice"
    __label__ = _("通知")
    __table_args__ = (Index("ix_notice_owner", "owner_path"),)

    title: Mapped[str] = text(_("通知标题"), 200, required=True, wide=True)  # type: ignore[assignment]
    is_visible: Mapped[bool] = yes_no(_("是否显示"), required=True, default=True)
    shown_from: Mapped[date | None] = day(_("显示开始日期"), hint=_("不填：保存后即显示"))
    shown_to: Mapped[date | None] = day(_("显示截止日期"), hint=_("不填：一直显示"))
    published_on: Mapped[date] = day(_("发布日期"), automatic=True)
    body: Mapped[str] = rich_text(_("通知内容"), required=True)

    ordered = ("published_on",)
    search_in = ("title", "body")
    rules = (period_is_in_order,)

    reach = _("全国总工会和本省的，显示以后；发布人还能看到本单位没有显示的")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """What 全总 and the reader's own province tell now; who publishes sees all that his unit ever wrote (R198, R199)."""
        tellers = cls.owner_path.in_([tree.ancestor(who.path, 1), tree.ancestor(who.path, 2)])
        has_begun = or_(cls.shown_from.is_(None), cls.shown_from <= who.at.date())
        read = and_(tellers, cls.is_visible.is_(True), has_begun)
        return or_(read, cls.owner_path == who.path) if publishes(who) else read

    @classmethod
    def is_current(cls, who: Actor) -> ColumnElement[bool]:
        """Of those that are read at all, which stand on the home page, the publisher's too (AID-R199)."""
        not_over = or_(cls.shown_to.is_(None), cls.shown_to >= who.at.date())
        has_begun = or_(cls.shown_from.is_(None), cls.shown_from <= who.at.date())
        return and_(cls.is_visible.is_(True), has_begun, not_over)

    def derive(self, actor: Actor) -> None:
        """The day of a notice is that on which it was first saved."""
        super().derive(actor)
        if self.published_on is None:
            self.published_on = actor.at.date()
