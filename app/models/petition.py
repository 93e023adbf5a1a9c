"""信访接待: one visit, letter or call in which a worker asks the union for help."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial

from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.kit.columns import code, count, day, long_text, text, yes_no
from app.kit.errors import Problem
from app.kit.rules import not_in_future
from app.kit.scope import Actor
from app.models.numbering import next_number
from app.models.visitor import Visitor, ends_after
from app.workflows.reporting import Reportable

MANY = 5


def many_come_together(petition: Petition) -> Iterator[Problem]:
    """集体访 are five people or more (REC-14 #15)."""
    if petition.is_collective and (petition.visitor_count or 0) < MANY:
        yield Problem("visitor_count", _("集体访的来访人数应在%(n)s人以上", n=MANY))


class Petition(Visitor, Reportable):
    """One petition, received by one unit and reported upwards.

    Source: spec/aid.md REC-14, AID-R137 – R141.
    """

    __tablename__ = "petition"
    __label__ = _("信访接待信息")
    __table_args__ = (UniqueConstraint("owner_unit_id", "petition_no"),)

    petition_no: Mapped[str] = text(_("信访编号"), 30, automatic=True, nullable=False)
    visited_on: Mapped[date] = day(_("来访日期"), required=True, rules=(not_in_future,))
    visitor_name: Mapped[str] = text(_("来访人姓名"), 50, required=True, search="name")
    gender: Mapped[str] = code(_("性别"), "gender", required=True)
    home_address: Mapped[str | None] = text(_("家庭住址"), 200, wide=True)
    industry: Mapped[str | None] = code(_("所属行业"), "aid_industry")
    channel: Mapped[str] = code(_("信访形式"), "petition_channel", required=True)
    category: Mapped[str] = code(_("信访类别"), "petition_category", required=True)
    is_collective: Mapped[bool | None] = yes_no(_("是否集体访"))
    visitor_count: Mapped[int] = count(_("来访人数"), required=True, least=1, unit=_("人"), default=1)
    content: Mapped[str] = long_text(_("信访内容"), required=True)
    handling: Mapped[str | None] = long_text(_("处理情况"))
    result: Mapped[str | None] = code(_("处理结果"), "petition_result")
    closed_on: Mapped[date | None] = day(_("办结日期"))

    rules = (*Visitor.rules, many_come_together, partial(ends_after, begins="visited_on", ends="closed_on"))

    @property
    def title(self) -> str:
        """信访编号 and the visitor."""
        return f"{self.petition_no or ''} {self.visitor_name or ''}".strip()

    def derive(self, actor: Actor) -> None:
        """A new petition gets the next number of its unit and year."""
        super().derive(actor)
        if not self.petition_no and self.visited_on:
            self.petition_no = next_number(self, "petition_no", self.visited_on.year)
