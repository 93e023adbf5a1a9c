"""A unit that moves to another superior takes its subtree along (SM-AID-18 #5, U04).

Everything that the subtree owns, in every module, stands with its owner again and is 未上报 (AID-R212): the units
that had received it are no longer its superiors. Set by set, in one transaction: what anybody reads is the tree
before or the tree after (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask_appbuilder import Model
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Table,
    case,
    cast,
    distinct,
    func,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from app.kit import columns, jobs, sweep, transplant, tree
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.history import RecordVersion
from app.kit.jobs import Job, JobContext
from app.kit.record import last_change, session_of
from app.kit.reminders import Reminder, in_chinese
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Ask, Move, Stateful, Step, StepLog
from app.workflows.reporting import Reportable, afresh

#: the step of the logs and versions: 重置未上报 (REC-02)
RESET = "reset_report"


def reportables() -> Iterator[type[Reportable]]:
    """Every record type with an envelope."""
    for mapper in Model.registry.mappers:
        if issubclass(mapper.class_, Reportable):
            yield mapper.class_


def move_subtree(session: Session, old: str, new: str, actor: Actor, message: str) -> int:
    """Hang the units below ``old`` at ``new``, with all that is theirs. Returns the number of records reset."""
    transplant.hold(session, old)
    number, with_envelope = 0, set()
    for cls in reportables():
        table: Any = cls.__table__
        with_envelope.add(table)
        number += _lock(session, table, old)
        _close_reports(session, cls, old, actor)
        _note(session, cls, old, new, actor, message)

    def also(table: Table) -> dict[str, Any]:
        if table not in with_envelope:
            return {}
        depth = _depth(table) + tree.depth_of(new) - tree.depth_of(old)
        return afresh(depth) | last_change(actor) | {"version": table.c.version + 1}

    transplant.transplant(session, Model.metadata, old, new, also)
    return number


def _depth(table: Table) -> ColumnElement[int]:
    return func.length(table.c.owner_path) // tree.WIDTH


def _lock(session: Session, table: Table, path: str) -> int:
    """Hold the records, so that none is reported between its note and its change."""
    rows = select(table.c.id).where(tree.under(table.c.owner_path, path)).with_for_update().subquery()
    return session.connection().execute(select(func.count()).select_from(rows)).scalar_one()


def _close_reports(session: Session, cls: type[Reportable], path: str, actor: Actor) -> None:
    """Nobody waits any more for what has gone back: the open reminders of its reports are done.

    One that tells of other records too stays open.
    """
    table: Any = cls.__table__
    log, reminder = StepLog.__table__, Reminder.__table__
    ours = (
        select(log.c.reminder_id, func.count(distinct(log.c.record_id)).label("number"))
        .join(table, table.c.id == log.c.record_id)
        .where(log.c.record_type == cls.resource(), log.c.step == "report", log.c.reminder_id.is_not(None))
        .where(tree.under(table.c.owner_path, path))
        .group_by(log.c.reminder_id)
        .subquery()
    )
    wholly = (
        select(reminder.c.id)
        .join(ours, ours.c.reminder_id == reminder.c.id)
        .where(reminder.c.state == "open", reminder.c.record_count <= ours.c.number)
    )
    done = {"state": "done", "handled_by_name": actor.name, "handled_at": actor.at}
    changes = done | last_change(actor) | {"version": reminder.c.version + 1}
    session.connection().execute(update(reminder).where(reminder.c.id.in_(wholly)).values(changes))


def _note(session: Session, cls: type[Reportable], old: str, new: str, actor: Actor, message: str) -> None:
    """A log and a version for each record: where it was held, and what changes of it; its content does not."""
    table: Any = cls.__table__
    units: Any = class_of_table("unit").__table__
    mine = tree.under(table.c.owner_path, old)
    holder = units.c.path == func.substr(table.c.owner_path, 1, table.c.holder_depth * tree.WIDTH)
    who = {
        "record_type": literal(cls.resource()),
        "record_id": table.c.id,
        "at": literal(actor.at, DateTime),
        "account_id": literal(actor.account_id, table.c.id.type),
        "account_name": literal(actor.name),
        "step": literal(RESET),
        "message": literal(message),
    }
    log = who | {
        "from_unit_id": units.c.id,
        "to_unit_id": table.c.owner_unit_id,
        "answers": literal({}, JSON),
    }
    rows = select(*log.values()).select_from(table.outerjoin(units, holder)).where(mine)
    session.connection().execute(insert(StepLog).from_select(list(log), rows))
    diff = _difference(table, old, new)
    version = who | {
        "unit_id": literal(actor.unit_id, table.c.id.type),
        "unit_name": literal(actor.unit_name),
        "snapshot": null(),
        "diff": diff if session.get_bind().dialect.name == "sqlite" else cast(diff, JSON),
    }
    rows = select(*version.values()).select_from(table).where(mine)
    session.connection().execute(insert(RecordVersion).from_select(list(version), rows))


def _difference(table: Table, old: str, new: str) -> ColumnElement[str]:
    """What `history.difference` would say, put together by the database; paths and depths need no escapes."""
    path, held = table.c.owner_path, table.c.holder_depth
    depth = _depth(table) + tree.depth_of(new) - tree.depth_of(old)
    told = literal('[["owner_path","') + path + literal('","') + transplant.moved(path, old, new)
    told += literal('"]')
    deeper = literal(',["holder_depth",') + cast(held, SqlText) + "," + cast(depth, SqlText) + "]"
    told += case((held != depth, deeper), else_="")
    told += case((table.c.returned, literal(',["returned",true,false]')), else_="")
    return told + literal("]")


# --- the step -------------------------------------------------------------------------------------------------

SUPERIOR = Ask("parent_id", columns.ReferenceField(_("上级单位"), "unit", required=True))
#: rows that are moved while the clerk waits; more of them are a job
AT_ONCE = 2000


def is_below_actor(unit: Any, actor: Actor) -> Any:
    """An administrator moves the units below his own (SM-AID-18 #4)."""
    if actor.everywhere or (unit.path != actor.path and tree.contains(actor.path, unit.path)):
        return None
    return _("「%(unit)s」不是您的下级单位，不能剪切", unit=unit.name)


class Movable(Stateful):
    """Adds 剪切单位, 粘贴单位 to the units: a mixin of the only tree."""

    id: Any
    name: Any
    path: Any
    parent_id: Any
    #: set by the job, which may take its time
    is_alone = False

    steps = (
        Step(
            "move",
            _("粘贴单位"),
            asks=(SUPERIOR,),
            guards=(is_below_actor,),
            icon="sitemap",
            success=_("移动完成"),
            listed=False,
            applies=lambda _unit, _actor: False,  # 剪切 and 粘贴 stand in the tree
        ),
    )

    def misfit(self, above: Any) -> Any:
        """Why the unit cannot hang below another one, for reasons of its own, in words; None when it can."""

    def settle_below(self, above: Any) -> None:
        """Take the last place below a unit."""

    def target(self, parent_id: int, *, hold: bool = False) -> Any:
        """The unit to hang below, held where it is. Raises Invalid for one that the actor does not see (AID-R214)."""
        statement = select(type(self)).where(type(self).id == parent_id)
        if hold:
            statement = statement.with_for_update(read=True, key_share=True)
        options = {"populate_existing": True} if hold else {}
        above = session_of(self).scalar(statement.execution_options(**options))
        if above is None:
            raise Invalid([Problem("parent_id", _("没有找到所选的上级单位，或它不在您单位的范围内"))])
        return above

    def misplaced(self, above: Any) -> Any:
        """Why the unit may not hang below ``above``, in words; None when it may."""
        if tree.contains(self.path, above.path):  # AID-R213
            return _("不能将「%(unit)s」粘贴到其自身或其下级单位，请选择其他单位", unit=self.name)
        if above.id == self.parent_id:
            return _("「%(unit)s」已经是「%(above)s」的下级单位，不用移动", unit=self.name, above=above.name)
        cls, session = type(self), session_of(self)
        namesake = select(cls.id).where(cls.parent_id == above.id, cls.name == self.name).limit(1)
        if session.scalar(namesake) is not None:
            return _(
                "「%(above)s」已有名称同为「%(unit)s」的下级单位，请先修改其中一个的名称",
                above=above.name,
                unit=self.name,
            )
        deepest = select(func.max(func.length(cls.path))).where(tree.under(cls.path, self.path))
        levels = (session.scalar(deepest) or 0) // tree.WIDTH - tree.depth_of(self.path) + 1
        if tree.depth_of(above.path) + levels > tree.MOST_LEVELS:
            return _("移动后单位超过%(most)s级，请选择级别更高的单位", most=tree.MOST_LEVELS)
        return self.misfit(above)

    def on_move(self, actor: Actor, parent_id: int) -> Move:
        """The unit and its subtree hang below another one; what they own is 未上报 (AID-R212)."""
        above, before = self.target(parent_id, hold=True), self.parent_id
        if (why := self.misplaced(above)) is not None:
            raise Refused(why)
        session, old = session_of(self), self.path
        if not self.is_alone and sum(along(session, old).values()) > AT_ONCE:
            raise Refused(_("「%(unit)s」的单位和数据较多，请单独移动，由后台任务办理", unit=self.name))
        names = dict(session.execute(_names((before, above.id))).all())
        message = in_chinese(
            _("「%(unit)s」由%(old)s移到%(new)s", unit=self.name, old=names[before], new=names[above.id])
        )
        self.parent_id = above.id
        self.settle_below(above)
        session.flush()
        move_subtree(session, old, above.path + tree.segment(self.id), actor, message)
        session.expire_all()  # what was read before says the old paths
        return Move(before, above.id, message=message)


def _names(ids: tuple[int, int]) -> Any:
    units = class_of_table("unit")
    named = select(units.id, units.name).where(units.id.in_(ids))
    return named.execution_options(**door("names of superior units"))


def along(session: Session, path: str) -> dict[str, int]:
    """What goes along with a unit: table → number of rows that stand in its subtree."""
    counted = dict[str, int]()
    for column in transplant.carriers(Model.metadata):
        number = select(func.count()).select_from(column.table).where(tree.under(column, path))
        counted[column.table.name] = (
            session.scalar(number.execution_options(**door("size of a subtree"))) or 0
        )
    return counted


# --- a large subtree ------------------------------------------------------------------------------------------


def hand_over(session: Session, unit: Movable, actor: Actor, answers: Mapping[str, Any]) -> Job | None:
    """The job that moves a large subtree; None where it is small. Raises whatever the step would raise."""
    parent_id = unit.step_table()["move"].read(answers)["parent_id"]
    if (why := unit.refusal("move", actor)) is not None:
        raise Refused(why)
    if (why := unit.misplaced(unit.target(parent_id))) is not None:
        raise Refused(why)
    size = sum(along(session, unit.path).values())
    if size <= AT_ONCE:
        return None
    key = f"move_unit/{unit.id}"
    sweep.release(session, key)
    job = jobs.enqueue(session, "move_unit", actor, key=key, unit=unit.id, parent_id=parent_id, size=size)
    if job.account_id != actor.account_id or job.args["parent_id"] != parent_id:
        raise Refused(
            _(
                "%(who)s已于%(when)s提交移动「%(unit)s」，正在办理，请等它完成",
                who=job.account_name,
                when=job.created_at.strftime("%H:%M"),
                unit=unit.name,
            )
        )
    session.flush()  # its id is the answer
    return job


@jobs.task("move_unit", label=_("移动单位"), needs=("move", "unit"))
def run(ctx: JobContext) -> None:
    """All of it in one transaction, the one that closes the job: whoever dies, it has happened or it has not."""
    size = ctx.args["size"]
    if not ctx.total:
        ctx.progress(0, size)
        ctx.checkpoint()
    units = class_of_table("unit")
    unit = ctx.session.scalar(select(units).where(units.id == ctx.args["unit"]))
    if unit is None:
        raise Missing
    name, unit.is_alone = unit.name, True
    unit.perform("move", ctx.actor, parent_id=ctx.args["parent_id"])
    ctx.message = gettext("「%(unit)s」移动完成，它和下级单位的数据都已恢复为未上报", unit=name)
    ctx.progress(size, size)
