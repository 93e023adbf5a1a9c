"""上报 and 退回: a record climbs the units above its owner and may be sent back down.

    owner ──report──▶ parent ──report──▶ … ──▶ root
          ◀─send_back─       ◀─send_back─

Held as ``owner_path`` and ``holder_depth``; what a unit sees is derived (spec SM-AID-01):

    holder above me 已上报 · holder is me 未上报 · holder is me, came back 退回
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _
from sqlalchemy import Boolean, ColumnElement, Integer, and_, false, literal_column, or_, select
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.kit import columns, sweep, tree
from app.kit.record import Record, check, session_of
from app.kit.reminders import remind
from app.kit.scope import Actor, door
from app.kit.workflow import Ask, Hop, Step
from app.workflows.reviewing import ANSWERS, Reviewed

MESSAGE = Ask("message", columns.LongTextField(_("提醒内容"), 500, required=True, wide=True))

#: the three states of CT-39
PENDING, REPORTED, RETURNED = "pending", "reported", "returned"


def holder_is_actor(record: Any, actor: Actor) -> Any:
    """Only the unit that now holds a record may move it (AID-R017, R021)."""
    if record.holder_depth != actor.depth or not actor.sees_unit(record.owner_path):
        return _(
            "「%(record)s」现由%(unit)s保管，请由该单位办理", record=record.title, unit=record.holder.name
        )
    return None


def has_superior(record: Any, actor: Actor) -> Any:
    """The root unit reports to nobody (AID-R035)."""
    return _("本单位没有上级，无需上报") if actor.depth == 1 else None


def is_not_owner(record: Any, actor: Actor) -> Any:
    """A unit's own data cannot be returned (AID-R027)."""
    return (
        _("「%(record)s」是本单位的数据，没有退回", record=record.title)
        if actor.path == record.owner_path
        else None
    )


def is_own(record: Any, actor: Actor) -> Any:
    """Only the owner edits and deletes (AID-R026)."""
    if not actor.everywhere and record.owner_path != actor.path:
        return _(
            "「%(record)s」属于%(unit)s，只有该单位可以修改或删除",
            record=record.title,
            unit=record.owner_unit.name,
        )
    return None


def is_not_reported(record: Any, actor: Actor) -> Any:
    """Reported data stays (AID-R024)."""
    if record.holder_depth < tree.depth_of(record.owner_path):
        return _("「%(record)s」已上报，已上报的数据不能删除", record=record.title)
    return None


def is_open_to_edit(record: Any, actor: Actor) -> Any:
    """Where the type says so, what has been reported stays as the superior saw it (AID-R128, unified U13)."""
    if record.lock_after_report and record.holder_depth < tree.depth_of(record.owner_path):
        return _("「%(record)s」已上报，不能修改；确需修改的，请上级单位退回", record=record.title)
    return None


def is_complete(record: Any, actor: Actor) -> Any:
    """What goes up passes every rule of a save, and the type's own rules for reporting (AID-R032)."""
    problems = [problem for problem in check(record) if not problem.warning]
    problems += [problem for rule in record.report_rules for problem in rule(record) if not problem.warning]
    if problems:
        told = "；".join(str(problem.words) for problem in problems[:3])
        return _(
            "「%(record)s」还有%(count)s处未填妥：%(told)s",
            record=record.title,
            count=len(problems),
            told=told,
        )
    return None


def has_chosen_below(unit: Any, actor: Actor) -> Any:
    """快速退回 is for a subordinate's data (AID-R027, R029)."""
    if unit is not None and unit.path == actor.path:
        return _("对本级单位的数据没有快速退回功能，请选择下级单位")
    return None


def one_up(record: Any, actor: Actor) -> dict[str, Any]:
    """上报: one level up; the version written beside it is what the superior saw (AID-R016)."""
    return {"holder_depth": record.holder_depth - 1, "returned": False, "last_reported_at": actor.at}


def one_down(record: Any, actor: Actor) -> dict[str, Any]:
    """退回: one level down towards the owner, marked as returned (AID-R022, Q41)."""
    return {
        "holder_depth": record.holder_depth + 1,
        "returned": True,
        "returned_from": record.returned_from | 1 << record.holder_depth,
        "last_returned_at": actor.at,
    }


def afresh(depth: Any) -> dict[str, Any]:
    """未上报: its owner at ``depth``, a number or an expression, holds it and has yet to report it (AID-R102, R212)."""
    return {"holder_depth": depth, "returned": False, "returned_from": 0}


def receiver(record: Any, new: Mapping[str, Any]) -> int:
    """The unit that a record comes to."""
    return tree.last_id(tree.ancestor(record.owner_path, new["holder_depth"]))


UP = Hop(
    one_up, receiver, lambda cls: _("%(type)s上报数据", type=cls.__label__), _("快速上报"), (has_superior,)
)
DOWN = Hop(
    one_down,
    receiver,
    lambda cls: _("%(type)s退回数据", type=cls.__label__),
    _("快速退回"),
    (has_chosen_below,),
)


class Reportable(Reviewed, Record):
    """Adds the envelope (上报信封) and its two steps."""

    __abstract__ = True
    reach = _("本单位的；下级单位已上报到本单位（或更高）的")

    #: what must hold before a record goes up, beyond the rules of every save
    report_rules: ClassVar[tuple[Any, ...]] = ()
    #: whether a record is not edited any more once it has gone up (unified U13)
    lock_after_report: ClassVar[bool] = False

    owner_unit_id: Mapped[int] = columns.reference(_("所属单位"), "unit", automatic=True, nullable=False)
    owner_path: Mapped[str] = mapped_column(tree.PathType, nullable=False)
    holder_depth: Mapped[int] = mapped_column(Integer, nullable=False)
    returned: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)
    #: the bit of every depth that has returned the record, e.g. 8 for a unit at depth 3
    returned_from: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default="0")
    last_reported_at: Mapped[datetime | None] = columns.moment(_("上报日期"))
    last_returned_at: Mapped[datetime | None] = columns.moment(_("退回日期"))

    @declared_attr
    def owner_unit(cls) -> Mapped[Any]:  # noqa: N805 - a class method to SQLAlchemy
        """The unit that the record belongs to."""
        return relationship("Unit", foreign_keys=f"{cls.__name__}.owner_unit_id")  # type: ignore[attr-defined]

    steps = (
        Step(
            "report",
            _("上报"),
            asks=(MESSAGE, ANSWERS),
            guards=(holder_is_actor, has_superior),
            wide_guards=(is_complete,),
            icon="send",
            success=_("上报成功"),
            hop=UP,
        ),
        Step(
            "send_back",
            _("退回"),
            asks=(MESSAGE,),
            guards=(is_not_owner, holder_is_actor),
            icon="arrow-back-up",
            asked_first=_("确定退回选中的记录吗？"),
            success=_("退回成功"),
            danger=True,
            hop=DOWN,
        ),
    )
    edit_guards = (is_own, is_open_to_edit)
    delete_guards = (is_own, is_not_reported)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Records of the actor's subtree that have come up to it (AID-R014)."""
        within = tree.under if who.depth <= 1 else tree.at_level  # the root's rows are all of them
        return and_(within(cls.owner_path, who.path), cls.holder_depth <= who.depth)

    def is_seen_by(self, who: Actor) -> bool:
        """The scope's predicate for a record at hand."""
        return tree.contains(who.path, self.owner_path) and self.holder_depth <= who.depth

    def in_scope(self, who: Actor) -> bool:
        """The owner lies in the actor's subtree; a returned record may leave his sight."""
        return tree.contains(who.path, self.owner_path or "")

    @classmethod
    def state_is(cls, state: str, who: Actor) -> ColumnElement[bool]:
        """The records that ``who`` sees in one state of CT-39, as a predicate."""
        if who.depth == 1 and state != PENDING:
            return false()  # nobody is above the root: nothing of it is reported or comes back
        if state == REPORTED:
            return cls.holder_depth < who.depth
        return and_(cls.holder_depth == who.depth, cls.returned.is_(state == RETURNED))

    @classmethod
    def came_again(cls, who: Actor) -> ColumnElement[bool]:
        """退回后再报: ``who`` holds it, has returned it before, and it was reported to him again.

        The numbers stand in the SQL itself, so that the small index of just these records is recognised.
        """
        bit, none = literal_column(str(1 << who.depth)), literal_column("0")
        here = cls.holder_depth == literal_column(str(who.depth))
        return and_(here, cls.returned.is_(False), cls.returned_from.op("&")(bit) != none)

    def report_state(self, who: Actor) -> str:
        """The state that ``who`` sees."""
        if self.holder_depth < who.depth:
            return REPORTED
        return RETURNED if self.returned else PENDING

    @property
    def reminder_category(self) -> str:
        """The value of CT-43 under which reminders about this type are filed."""
        return type(self).resource()

    @property
    def holder(self) -> Any:
        """The unit that the record has reached."""
        return self._unit_at(self.holder_depth)

    def _unit_at(self, depth: int) -> Any:
        unit = type(self).owner_unit.property.mapper.class_
        path = tree.ancestor(self.owner_path, depth)
        statement = (
            select(unit).where(unit.path == path).execution_options(**door("name of the holding unit"))
        )
        return session_of(self).scalar(statement)

    def own(self, actor: Actor) -> None:
        """Make the actor's unit the owner of a new record (AID-R013)."""
        if actor.unit_id is not None:
            self.rehome(actor.unit_id, actor.path)

    def rehome(self, unit_id: int, path: str) -> None:
        """Make another unit the owner, which reports the record itself (AID Q06)."""
        self.owner_unit_id, self.owner_path = unit_id, path
        for name, value in afresh(tree.depth_of(path)).items():
            setattr(self, name, value)

    def derive(self, actor: Actor) -> None:
        """A new record belongs to the actor's unit."""
        super().derive(actor)
        if self.owner_unit_id is None:
            self.own(actor)

    @classmethod
    def held(cls, who: Actor, path: str, until: datetime) -> ColumnElement[bool]:
        """What ``who`` holds of a unit's records since ``until`` at the latest.

        Of his own unit its own records, of a subordinate also those from below it (AID-R028). What comes in later
        has been looked at by nobody yet and waits for the next time.
        """
        of_unit = cls.owner_path == path if path == who.path else tree.at_level(cls.owner_path, path)
        moments = (cls.last_reported_at, cls.last_returned_at)
        since = [or_(moment.is_(None), moment <= until) for moment in moments]
        return and_(of_unit, cls.holder_depth == who.depth, cls.created_at <= until, *since)

    def tell(self, receiver: int, hop: Hop, actor: Actor, message: str) -> int | None:
        """A reminder to the unit that receives the record (AID-R018)."""
        session = session_of(self)
        reminder = remind(session, receiver, [self], hop.subject(type(self)), message, actor)
        session.flush()  # its id goes into the log
        return reminder.id


for _step in Reportable.steps:
    sweep.offer(_step)
