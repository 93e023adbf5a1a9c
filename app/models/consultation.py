"""政策咨询: one question about rules and rights, and what the union has answered."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Mapped

from app.kit.columns import code, count, day, long_text, text, yes_no
from app.kit.rules import not_in_future
from app.models.visitor import Visitor
from app.workflows.reporting import Reportable


class Consultation(Visitor, Reportable):
    """One consultation, given by one unit and reported upwards.

    Source: spec/aid.md REC-15, AID-R137, R138.
    """

    __tablename__ = "consultation"
    __label__ = _("政策咨询信息")

    consulted_on: Mapped[date] = day(_("咨询日期"), required=True, rules=(not_in_future,))
    visitor_name: Mapped[str] = text(_("咨询人姓名"), 50, required=True, search="name")
    gender: Mapped[str | None] = code(_("性别"), "gender")
    channel: Mapped[str] = code(_("咨询形式"), "petition_channel", required=True)
    category: Mapped[str] = code(_("咨询类别"), "consultation_category", required=True)
    visitor_count: Mapped[int] = count(_("咨询人数"), required=True, least=1, unit=_("人"), default=1)
    content: Mapped[str] = long_text(_("咨询内容"), required=True)
    reply: Mapped[str | None] = long_text(_("答复内容"))
    is_satisfied: Mapped[bool | None] = yes_no(_("是否满意"), words=(_("满意"), _("不满意")))

    @property
    def title(self) -> str:
        """Who asked, and when."""
        return f"{self.visitor_name or ''} {self.consulted_on or ''}".strip()
