"""职介机构: who finds work for others, under the eyes of the union."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.kit.columns import count, day, text, yes_no
from app.kit.rules import not_in_future
from app.workflows.under import Above


class JobAgency(Above):
    """One agency, registered by one unit and reported upwards; employers stand under it.

    Source: spec/aid.md REC-17, SM-AID-10, AID-R143, R144, R147, R153.
    """

    __tablename__ = "job_agency"
    __label__ = _("职介机构")
    __table_args__ = (UniqueConstraint("owner_unit_id", "name"),)

    registered_on: Mapped[date] = day(_("登记日期"), required=True, rules=(not_in_future,))
    staff_count: Mapped[int | None] = count(_("工作人数"), unit=_("人"))
    name: Mapped[str] = text(_("机构名称"), 100, required=True, search="name")
    qualification: Mapped[str | None] = text(_("培训资质"), 200, wide=True)
    has_subsidy: Mapped[bool] = yes_no(_("取得补贴"), default=False)

    constraint_words = {
        "uq_job_agency_owner_unit_id_name": ("name", _("本单位已登记过同名的职介机构，请核对"))
    }

    @property
    def title(self) -> str:
        """Its name."""
        return self.name or ""
