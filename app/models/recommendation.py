"""推荐信息: to whom a talent was recommended, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Integer, func, select, update
from sqlalchemy.orm import Mapped, Session, relationship

from app.kit.columns import ReferenceField, code, column, day, long_text, reference, text
from app.kit.errors import Problem
from app.kit.record import lock, session_of
from app.kit.rules import not_in_future, telephone
from app.kit.scope import Actor, door
from app.models.job_position import JobPosition
from app.workflows.under import Part

if TYPE_CHECKING:
    from app.models.job_seeker import JobSeeker

_LOOK = door("how many a position has taken, whoever recommended them")
#: the result that gets a talent work
SUCCESS = "success"


def position_has_room(one: Recommendation) -> Iterator[Problem]:
    """More who were taken than are looked for: told, and may be confirmed."""
    if one.result != SUCCESS or one.job_position_id is None or (position := one.chosen_position()) is None:
        return
    if position.taken >= position.openings:
        told = {"position": position.title, "n": position.openings, "taken": position.taken}
        words = _("「%(position)s」招聘%(n)s人，已推荐成功%(taken)s人", **told)
        yield Problem("job_position_id", words, warning=True)


class Recommendation(Part):
    """One recommendation of a talent; it is added and deleted, never changed.

    Source: spec/aid.md REC-21, SM-AID-12, AID-R151, R152.
    """

    __tablename__ = "recommendation"
    __label__ = _("推荐信息")
    parent_key = "job_seeker_id"

    job_seeker_id: Mapped[int] = reference(
        _("求职人才"), "job_seeker", required=True, nullable=False, index=True, own_unit_only=True
    )
    job_position_id: Mapped[int | None] = column(
        ReferenceField(_("招聘职位"), "job_position", hint=_("选定后，单位和电话可以不填")),
        Integer,
        ForeignKey("job_position.id", ondelete="SET NULL"),
        index=True,
    )
    recommended_on: Mapped[date] = day(_("推荐日期"), required=True, rules=(not_in_future,))
    recommended_to: Mapped[str] = text(_("推荐单位"), 100, required=True)
    result: Mapped[str] = code(_("推荐结果"), "recommendation_result", required=True, default=SUCCESS)
    contact_phone: Mapped[str] = text(_("联系电话"), 30, required=True, rules=(telephone,))
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    job_seeker: Mapped[JobSeeker | None] = relationship("JobSeeker", viewonly=True)
    job_position: Mapped[JobPosition | None] = relationship(JobPosition, viewonly=True)

    rules = (*Part.rules, position_has_room)

    @property
    def title(self) -> str:
        """To whom, and when."""
        return f"{self.recommended_to or ''} {self.recommended_on or ''}".strip()

    def chosen_position(self) -> JobPosition | None:
        """The position that he is recommended for, where the writer sees it."""
        mine = select(JobPosition).where(JobPosition.id == self.job_position_id)
        return session_of(self).scalar(mine)

    @classmethod
    def begins_for(cls, session: Session, position_id: int) -> dict[str, Any]:
        """What a recommendation for a position begins with; nothing where the reader does not see it."""
        position = session.scalar(select(JobPosition).where(JobPosition.id == position_id))
        return told_of(position) if position is not None else {}

    def derive(self, actor: Actor) -> None:
        """Of a chosen position, which is held, the employer and its telephone, where nothing was typed."""
        super().derive(actor)
        if self.id is None and self.job_position_id and (position := self.chosen_position()) is not None:
            lock(position)
            for name, value in told_of(position).items():
                if not getattr(self, name):
                    setattr(self, name, value)

    def settle(self, actor: Actor) -> None:
        """The position counts whom it has taken."""
        super().settle(actor)
        count_taken(session_of(self), self.job_position_id)

    def remove(self, actor: Actor) -> Any:
        """As `settle`."""
        session, position_id = session_of(self), self.job_position_id
        words = super().remove(actor)
        count_taken(session, position_id)
        return words


def count_taken(session: Session, position_id: int | None) -> None:
    """Keep the number of successful recommendations for a position, whatever units they are of."""
    if position_id is None:
        return
    mine = select(JobPosition.id).where(JobPosition.id == position_id).with_for_update()
    session.execute(mine.execution_options(**_LOOK))
    taken = select(func.count(Recommendation.id)).where(
        Recommendation.job_position_id == position_id, Recommendation.result == SUCCESS
    )
    number = session.scalar(taken.execution_options(**_LOOK))
    kept = update(JobPosition).where(JobPosition.id == position_id).values(taken=number)
    session.execute(kept.execution_options(synchronize_session=False, **_LOOK))


def told_of(position: JobPosition) -> dict[str, Any]:
    """What a recommendation for a position begins with."""
    employer = position.employer
    return {"recommended_to": employer.name, "contact_phone": employer.contact_phone} if employer else {}
