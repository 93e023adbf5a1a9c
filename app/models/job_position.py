"""招聘职位: what an employer looks for, and whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _
from sqlalchemy import String
from sqlalchemy.orm import Mapped, relationship

from app.kit.columns import code, column, count, day, long_text, money, reference, text
from app.kit.errors import Problem
from app.kit.oneof import OneOfField
from app.models.visitor import ends_after
from app.workflows.under import Part

if TYPE_CHECKING:
    from app.models.employer import Employer

ANY = "any"
GENDERS = {"male": _("男"), "female": _("女"), ANY: _("不限")}
OLDEST = 120
#: of one position: the sum over an employer must fit its column
MOST_WANTED = 99_999


def is_a_range(position: JobPosition, least: str, most: str) -> Iterator[Problem]:
    """A lower end is not above the upper one (AID-R231)."""
    low, high = getattr(position, least), getattr(position, most)
    if low is not None and high is not None and low > high:
        fields = type(position).fields()
        words = _("%(most)s不能小于%(least)s", most=fields[most].label, least=fields[least].label)
        yield Problem(most, words)


class JobPosition(Part):
    """One position of an employer. It goes up with the employer and is changed until that is reported.

    Source: spec/aid.md REC-19, SM-AID-10, AID-R146, R148.
    """

    __tablename__ = "job_position"
    __label__ = _("招聘职位")
    parent_key = "employer_id"

    employer_id: Mapped[int] = reference(
        _("招聘单位"), "employer", required=True, nullable=False, index=True, own_unit_only=True
    )
    title: Mapped[str] = text(_("职位名称"), 100, required=True, search="name")  # type: ignore[assignment]
    openings: Mapped[int] = count(
        _("招聘人数"), required=True, least=1, most=MOST_WANTED, unit=_("人"), default=1
    )
    taken: Mapped[int] = count(
        _("已推荐成功"), automatic=True, default=0, unit=_("人"), nullable=False, server_default="0"
    )
    gender_required: Mapped[str | None] = column(OneOfField(_("性别要求"), GENDERS, default=ANY), String(10))
    age_min: Mapped[int | None] = count(_("年龄下限"), most=OLDEST, unit=_("岁"))
    age_max: Mapped[int | None] = count(_("年龄上限"), most=OLDEST, unit=_("岁"))
    education_required: Mapped[str | None] = code(_("学历要求"), "education")
    skill_level_required: Mapped[str | None] = code(_("技术等级要求"), "skill_level")
    work_location: Mapped[str | None] = text(_("工作地点"), 100)
    salary_min: Mapped[Decimal | None] = money(_("月薪下限"))
    salary_max: Mapped[Decimal | None] = money(_("月薪上限"))
    published_on: Mapped[date] = day(_("发布日期"), required=True)
    valid_until: Mapped[date | None] = day(_("有效期至"))
    requirements: Mapped[str | None] = long_text(_("职位要求"), 2000)
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    employer: Mapped[Employer | None] = relationship("Employer", viewonly=True)

    rules = (
        *Part.rules,
        partial(is_a_range, least="age_min", most="age_max"),
        partial(is_a_range, least="salary_min", most="salary_max"),
        partial(ends_after, begins="published_on", ends="valid_until"),
    )

    @property
    def salary(self) -> str:
        """月薪: from, to, or both."""
        low, high = (f"{one:,.0f}" if one is not None else "" for one in (self.salary_min, self.salary_max))
        if low and high:
            return low if low == high else f"{low}–{high}"
        return str(_("%(n)s以上", n=low) if low else _("%(n)s以下", n=high) if high else "")
