"""培训机构: who trains workers for the union, and with which qualification."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.kit.columns import count, day, long_text, text, yes_no
from app.kit.rules import not_in_future, telephone
from app.workflows.under import Above


class TrainingInstitution(Above):
    """One institution, registered by one unit and reported upwards; its classes stand under it.

    Source: spec/aid.md REC-22, SM-AID-11, AID-R154 – R157.
    """

    __tablename__ = "training_institution"
    __label__ = _("培训机构")
    __table_args__ = (
        UniqueConstraint("owner_unit_id", "name", name="uq_training_institution_owner_unit_id_name"),
    )

    registered_on: Mapped[date] = day(_("登记日期"), required=True, nullable=False, rules=(not_in_future,))
    name: Mapped[str] = text(_("机构名称"), 100, required=True, nullable=False)
    staff_count: Mapped[int | None] = count(_("工作人数"), unit=_("人"))
    qualification: Mapped[str | None] = text(_("培训资质"), 200, wide=True)
    is_accredited: Mapped[bool | None] = yes_no(_("是否获得资质认证"))
    has_subsidy: Mapped[bool] = yes_no(_("取得补贴"), default=False)
    contact_name: Mapped[str | None] = text(_("联系人"), 50)
    contact_phone: Mapped[str | None] = text(_("联系电话"), 30, rules=(telephone,))
    address: Mapped[str | None] = text(_("地址"), 200, wide=True)
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    constraint_words = {
        "uq_training_institution_owner_unit_id_name": ("name", _("本单位已登记过这个培训机构"))
    }

    @property
    def title(self) -> str:
        """Its name."""
        return self.name or ""
