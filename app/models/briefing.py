"""工作简报: what 全总 or a province has to tell of its work (§16)."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from app.kit.columns import day, rich_text, text
from app.kit.rules import not_in_future
from app.models.document import Bulletin


class Briefing(Bulletin):
    """One issue, read by everybody in the country.

    Source: spec/aid.md REC-32, AID-R196, R197, R200.
    """

    __tablename__ = "briefing"
    __label__ = _("工作简报")
    __table_args__ = (Index("ix_briefing_owner", "owner_path"),)

    title: Mapped[str] = text(_("简报名称"), 200, required=True, wide=True)  # type: ignore[assignment]
    issue_no: Mapped[str | None] = text(_("期号"), 30)
    published_on: Mapped[date] = day(_("发布日期"), required=True, rules=(not_in_future,))
    keywords: Mapped[str | None] = text(_("关键字"), 100, hint=_("几个词之间用空格隔开"))
    body: Mapped[str] = rich_text(_("简报内容"), required=True)

    ordered = ("published_on",)
