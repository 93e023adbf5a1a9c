"""招聘单位: who looks for workers, and through which agency."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, relationship

from app.kit.columns import code, count, day, long_text, reference, text
from app.kit.record import session_of
from app.kit.rules import not_in_future, telephone
from app.kit.scope import door
from app.models.job_agency import JobAgency
from app.models.job_position import JobPosition
from app.workflows.under import Above, Under

#: names that a form can offer; others are typed
MOST_NAMES = 200


class Employer(Above, Under):
    """One employer, reported after its agency; its positions go up with it.

    Source: spec/aid.md REC-18, SM-AID-10, AID-R142, R145 – R148.
    """

    __tablename__ = "employer"
    __label__ = _("招聘单位信息")
    parent_key = "agency_id"

    agency_id: Mapped[int] = reference(
        _("所属职介机构"), "job_agency", required=True, nullable=False, index=True, own_unit_only=True
    )
    registered_on: Mapped[date] = day(_("登记日期"), required=True, rules=(not_in_future,))
    name: Mapped[str] = text(_("单位名称"), 100, required=True, search="name")
    employer_nature: Mapped[str | None] = code(_("单位性质"), "employer_nature")
    industry: Mapped[str | None] = code(_("所属行业"), "aid_industry")
    address: Mapped[str | None] = text(_("单位地址"), 200, wide=True)
    contact_name: Mapped[str] = text(_("联系人"), 50, required=True)
    contact_phone: Mapped[str] = text(_("联系电话"), 30, required=True, rules=(telephone,))
    openings_total: Mapped[int] = count(
        _("招聘人数"), automatic=True, default=0, unit=_("人"), nullable=False, server_default="0"
    )
    remarks: Mapped[str | None] = long_text(_("单位简介/备注"), 2000)

    agency: Mapped[JobAgency | None] = relationship(JobAgency, viewonly=True)

    @property
    def title(self) -> str:
        """Its name."""
        return self.name or ""

    def sum_up(self) -> None:
        """招聘人数 is the sum of the positions (REC-18 #9)."""
        mine = select(func.coalesce(func.sum(JobPosition.openings), 0)).where(
            JobPosition.employer_id == self.id
        )
        found = session_of(self).scalar(mine.execution_options(**door("the positions of an employer")))
        self.keep(openings_total=found)

    @classmethod
    def names(cls, session: Session) -> list[str]:
        """The latest employers that the reader sees, to choose from."""
        latest = session.scalars(select(cls.name).order_by(cls.id.desc()).limit(MOST_NAMES))
        return list(dict.fromkeys(latest))
