"""法律援助: legal help for a worker who has a file, and what came of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Mapped

from app.kit.columns import code, count, day, long_text, money, text
from app.kit.rules import not_in_future
from app.models.archive.linked import Linked
from app.models.visitor import ends_after
from app.workflows.reporting import Reportable


class LegalAid(Linked, Reportable):
    """One case, taken by one unit and reported upwards; the worker's file may be another unit's.

    Source: spec/aid.md REC-16, AID-R137 – R141.
    """

    __tablename__ = "legal_aid"
    __label__ = _("法律援助信息")

    aided_on: Mapped[date] = day(_("援助日期"), required=True, rules=(not_in_future,))
    legal_aid_form: Mapped[str] = code(_("援助形式"), "legal_aid_form", required=True)
    cause: Mapped[str] = code(_("案由"), "legal_cause", required=True)
    opposing_party: Mapped[str | None] = text(_("对方单位/当事人"), 100)
    claim_amount: Mapped[Decimal | None] = money(_("涉及金额"))
    case_summary: Mapped[str] = long_text(_("案情简介"), required=True)
    agency: Mapped[str | None] = text(_("援助机构"), 100)
    handler: Mapped[str] = text(_("承办人"), 50, required=True, hint=_("承办律师或承办人"))
    result: Mapped[str | None] = code(_("援助结果"), "legal_result")
    closed_on: Mapped[date | None] = day(_("结案日期"))
    recovered_amount: Mapped[Decimal | None] = money(_("挽回经济损失"))
    cost_amount: Mapped[Decimal | None] = money(_("援助费用"))
    beneficiary_count: Mapped[int] = count(_("受援人数"), required=True, least=1, unit=_("人"), default=1)
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    rules = (*Linked.rules, partial(ends_after, begins="aided_on", ends="closed_on"))

    @property
    def title(self) -> str:
        """Who was helped, and when."""
        return f"{self.full_name or ''} {self.aided_on or ''}".strip()
