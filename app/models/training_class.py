"""培训班: one class of a training institution, with its days, its subject and those who were trained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.orm import Mapped, relationship

from app.kit.columns import code, count, day, long_text, reference, text
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import door
from app.models.trainee import Trainee
from app.models.training_institution import TrainingInstitution
from app.models.visitor import ends_after
from app.workflows.under import Above, Under


def as_many_as_named(one: TrainingClass) -> Iterator[Problem]:
    """培训人数 is typed; another number of names in the register is told and may be confirmed (REC-23 #2)."""
    named = one.named
    if named and (words := one.miscounted(named)):
        yield Problem("trainee_count", words, warning=True)


class TrainingClass(Above, Under):
    """One class, reported by itself after its institution; its trainees go up with it.

    Source: spec/aid.md REC-23, SM-AID-11, AID-R154 – R161.
    """

    __tablename__ = "training_class"
    __label__ = _("培训班")
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),)
    parent_key = "institution_id"

    institution_id: Mapped[int] = reference(
        _("培训机构"), "training_institution", required=True, nullable=False, index=True, own_unit_only=True
    )
    trainee_count: Mapped[int] = count(_("培训人数"), required=True, least=1, unit=_("人"), nullable=False)
    session: Mapped[str] = text(_("培训班次"), 30, required=True, nullable=False)
    training_type: Mapped[str] = code(_("培训类型"), "training_type", required=True, nullable=False)
    starts_on: Mapped[date] = day(_("开课日期"), required=True, nullable=False)
    ends_on: Mapped[date] = day(_("结课日期"), required=True, nullable=False)
    topic: Mapped[str] = text(_("培训主题"), 100, required=True, nullable=False)
    description: Mapped[str | None] = long_text(_("课程描述"))

    institution: Mapped[TrainingInstitution] = relationship(TrainingInstitution, viewonly=True)
    trainees: Mapped[list[Trainee]] = relationship(Trainee, viewonly=True)

    rules = (*Under.rules, partial(ends_after, begins="starts_on", ends="ends_on"), as_many_as_named)

    @property
    def title(self) -> str:
        """培训主题 and 培训班次."""
        return f"{self.topic or ''} {self.session or ''}".strip()

    @property
    def days(self) -> str:
        """培训日期: from the first day to the last (REC-23 #9)."""
        return f"{self.starts_on}~{self.ends_on}"

    @property
    def named(self) -> int:
        """How many trainees have been entered."""
        if self.id is None:
            return 0
        mine = select(func.count(Trainee.id)).where(Trainee.class_id == self.id)
        return session_of(self).scalar(mine.execution_options(**door("the register of a class"))) or 0

    def miscounted(self, named: int) -> Any:
        """That another number of trainees was typed than was entered, in words; None when it was not."""
        if self.trainee_count in (None, named):
            return None
        return _(
            "培训人数填的是%(typed)s人，已登记学员%(named)s人，请核对",
            typed=self.trainee_count,
            named=named,
        )
