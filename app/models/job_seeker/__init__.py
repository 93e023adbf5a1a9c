"""求职人才信息: a worker who has a file and looks for work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Index, exists, false, or_, select
from sqlalchemy.orm import Mapped

from app.kit import identity, saving
from app.kit.clock import today
from app.kit.columns import code, day, long_text, money, text, yes_no
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.rules import not_in_future, telephone
from app.kit.scope import Actor, class_of_table, door
from app.models.archive.linked import Linked
from app.models.recommendation import SUCCESS, Recommendation
from app.models.visitor import ends_after
from app.workflows.owned import Owned
from app.workflows.under import Whole


def looks_once(seeker: JobSeeker) -> Iterator[Problem]:
    """A worker who looks for work already is told, and may be entered again."""
    if seeker.id is not None or seeker.archive_id is None:
        return
    mine = (JobSeeker.archive_id == seeker.archive_id, JobSeeker.owner_path == seeker.owner_path)
    found = select(JobSeeker.registered_on).where(*mine, JobSeeker.is_employed.is_(False)).limit(1)
    if (day_of := session_of(seeker).scalar(found)) is not None:
        words = _("本单位已于%(day)s登记过该职工的求职信息，请核对是否重复", day=day_of)
        yield Problem("id_card_no", words, warning=True)


class JobSeeker(Whole, Linked, Owned):
    """One talent record: of the unit that keeps it, never reported; his recommendations are parts of it.

    Source: spec/aid.md REC-20, SM-AID-12, AID-R149, R150.
    """

    __tablename__ = "job_seeker"
    __label__ = _("求职人才信息")
    __table_args__ = (Index("ix_job_seeker_owner", "owner_path", "id"),)

    registered_on: Mapped[date] = day(_("登记日期"), required=True, rules=(not_in_future,))
    education: Mapped[str] = code(_("学历"), "education", required=True)
    major: Mapped[str | None] = text(_("所学专业"), 50)
    skill_level: Mapped[str | None] = code(_("技术等级"), "skill_level")
    skills: Mapped[str | None] = text(_("特长/技能"), 200, wide=True)
    experience: Mapped[str | None] = long_text(_("工作经历"), 2000)
    desired_position: Mapped[str] = text(_("求职意向"), 100, required=True, hint=_("想做的职位"))
    desired_salary: Mapped[Decimal | None] = money(_("期望月薪"))
    desired_location: Mapped[str | None] = text(_("期望工作地点"), 100)
    phone: Mapped[str] = text(_("联系电话"), 30, required=True, rules=(telephone,))
    valid_until: Mapped[date | None] = day(_("有效期至"))
    is_employed: Mapped[bool] = yes_no(
        _("就业状态"),
        words=(_("已就业"), _("未就业")),
        automatic=True,
        default=False,
        nullable=False,
        server_default=false(),
    )
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    rules = (*Linked.rules, looks_once, partial(ends_after, begins="registered_on", ends="valid_until"))

    @property
    def title(self) -> str:
        """Who he is."""
        return self.full_name or ""

    @property
    def gender(self) -> str | None:
        """As his number says."""
        return identity.gender(self.id_card_no or "")

    @property
    def age(self) -> int | None:
        """In full years, as his number says."""
        born, now = identity.birth_date(self.id_card_no or ""), today()
        return now.year - born.year - ((now.month, now.day) < (born.month, born.day)) if born else None

    reach = _("本单位的；其他单位的，看得到职工档案的，随档案看到")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """One's own unit's; another's with the worker's file, for whoever sees that (1.3)."""
        files = class_of_table("archive")
        with_the_file = exists().where(files.id == cls.archive_id, files.scope(who)).correlate_except(files)
        return or_(
            cls.owner_path == who.path, with_the_file
        )  # looked at file by file: never all that he sees

    def in_scope(self, who: Actor) -> bool:
        """Written by its own unit alone."""
        return bool(self.owner_path == who.path)

    def is_seen_by(self, who: Actor) -> bool:
        """The scope's predicate for a record at hand."""
        files = class_of_table("archive")
        file = select(files.id).where(files.id == self.archive_id, files.scope(who))
        return self.in_scope(who) or session_of(self).scalar(file) is not None

    def derive(self, actor: Actor) -> None:
        """A new record takes the worker's telephone from his file, where the writer sees it."""
        super().derive(actor)
        if self.id is None and not self.phone and self.archive_id:
            files = class_of_table("archive")
            self.phone = session_of(self).scalar(select(files.phone).where(files.id == self.archive_id)) or ""

    def sum_up(self) -> None:
        """就业状态: whether one of the recommendations was a success (REC-20 #14)."""
        mine = exists().where(Recommendation.job_seeker_id == self.id, Recommendation.result == SUCCESS)
        found = session_of(self).scalar(
            select(mine).execution_options(**door("what came of his recommendations"))
        )
        self.keep(is_employed=bool(found))

    def recommendations(self) -> Iterator[Recommendation]:
        """All of them, the first one first."""
        mine = select(Recommendation).where(Recommendation.job_seeker_id == self.id)
        yield from session_of(self).scalars(mine.order_by(Recommendation.id)).all()

    def remove(self, actor: Actor) -> Any:
        """Go with the recommendations (SM-AID-12)."""
        for one in self.recommendations():
            saving.delete(session_of(self), one, actor)
        return super().remove(actor)
