"""转移: a record goes over to another unit of the administrator's subtree, which reports it itself (SM-AID-07).

    transfer(target_unit_id)                 the ticked ones, each judged alone (AID-R100)
    steps/transfer {"unit", "target_unit_id"}  all of one unit, as a job (AID-R101)

Both come to the same values (`moved_to`). What is linked to a record stays with it; its owners stay the same. The job
moves chunks in the order of ids: rows, versions and logs are committed with the number of them, so that nothing is
lost or doubled whatever dies; what it has moved has left the unit, and it goes on with what is still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session, selectinload

from app.kit import bulk, columns, history, jobs, sweep, tree
from app.kit.access import require
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.history import RecordVersion
from app.kit.jobs import Job, JobContext
from app.kit.record import last_change, session_of
from app.kit.reminders import in_chinese
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Ask, Move, Stateful, Step, StepLog
from app.workflows.reporting import afresh

if TYPE_CHECKING:
    from app.kit.view import RecordView

TARGET = Ask("target_unit_id", columns.ReferenceField(_("目的单位"), "unit", required=True))
#: records locked and written at a time
CHUNK = 500
#: renumbered records that the job names one by one
MOST_TOLD = 200
_ALL = door("all records of a unit go over, those too that it has not reported yet")


def owner_is_below(record: Any, actor: Actor) -> Any:
    """An administrator moves what belongs to his unit or to those below (AID-R100)."""
    if actor.sees_unit(record.owner_path):
        return None
    return _("「%(record)s」不属于您的单位或下级单位，不能转移", record=record.title)


def start(view: RecordView, session: Session, actor: Actor, raw_unit: Any, answers: Mapping[str, Any]) -> Job:
    """批量转移: the job, new or the one that is at it already, in the caller's transaction."""
    require(actor, "transfer", view.resource)
    source = sweep.unit_of(session, raw_unit)
    target = unit_of(session, view.steps()["transfer"].read(answers)["target_unit_id"])
    if source.id == target.id:
        raise Invalid([Problem("target_unit_id", _("目的单位与源单位相同，请选择另一个单位"))])
    key = f"transfer/{view.resource}/{source.id}"
    sweep.release(session, key)
    some = session.scalar(_of(view.model, source.id).with_only_columns(view.model.id).limit(1))
    if some is None and not sweep.is_running(session, key):
        raise Refused(_("「%(unit)s」没有可以转移的档案", unit=source.name))
    about = {"resource": view.resource, "unit": source.id, "target": target.id}
    job = jobs.enqueue(session, "transfer_unit", actor, key=key, **about)
    if job.account_id != actor.account_id or job.args["target"] != target.id:
        raise Refused(
            _(
                "%(who)s已于%(when)s对「%(unit)s」提交批量转移，正在办理，请等它完成",
                who=job.account_name,
                when=job.created_at.strftime("%H:%M"),
                unit=source.name,
            )
        )
    session.flush()  # its id is the answer
    return job


def unit_of(session: Session, unit_id: int, *, hold: bool = False) -> Any:
    """The receiving unit, with ``hold`` where it is until the transaction ends. Raises Invalid when it is not seen.

    It is held as the giving of numbers holds it, so that nobody who holds it less asks for more later.
    """
    units = class_of_table("unit")
    statement = select(units).where(units.id == unit_id)
    if hold:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise Invalid([Problem("target_unit_id", _("没有找到所选的目的单位，或它不在您单位的范围内"))])
    return found


class Transferable(Stateful):
    """Adds 转移 to records with an envelope."""

    id: Any
    owner_unit_id: Any
    owner_unit: Any
    #: what of it gave way to another record of the new unit, in words; told once, beside the step
    gave_way: Any = ""

    steps = (
        Step(
            "transfer",
            _("转移"),
            asks=(TARGET,),
            guards=(owner_is_below,),
            icon="arrows-exchange",
            confirm=_("转移后归目的单位所有，在那里为未上报。"),
            success=_("移动完成"),
            right="用户管理",
            listed=False,
            applies=lambda record, _actor: getattr(record, "merged_into_id", None) is None,
            many=start,
        ),
    )

    @classmethod
    def giving_way(cls, session: Session, records: Sequence[Any], unit_id: int) -> dict[int, dict[str, Any]]:
        """Record id → what of it must change to belong to the unit, e.g. a number that is taken there."""
        return {}

    def on_transfer(self, actor: Actor, target_unit_id: int) -> Move:
        """Another unit is the owner and reports the record itself (AID-R102)."""
        session, former = session_of(self), self.owner_unit
        target = unit_of(session, target_unit_id, hold=True)
        if target.id == former.id:
            raise Refused(_("「%(record)s」已经属于%(unit)s，不用转移", record=self.title, unit=target.name))
        new = moved_to(session, [self], target)[self.id]
        words = told(self, former, target, new)
        for name, value in new.items():
            setattr(self, name, value)
        return Move(former.id, target.id, message=words)


def moved_to(session: Session, records: Sequence[Any], unit: Any) -> dict[int, dict[str, Any]]:
    """Record id → its new values at the unit. ``records`` are locked, in the order of their ids."""
    own = {"owner_unit_id": unit.id, "owner_path": unit.path} | afresh(tree.depth_of(unit.path))
    changes = type(records[0]).giving_way(session, records, unit.id)
    return {record.id: own | changes.get(record.id, {}) for record in records}


def told(record: Any, former: Any, unit: Any, new: Mapping[str, Any]) -> str:
    """What happened, as log and history keep it; what gave way is put on the record beside."""
    words = in_chinese(_("由%(old)s转移到%(new)s", old=former.name, new=unit.name))
    fields = type(record).fields()
    changes = [
        in_chinese(
            _(
                "%(label)s「%(old)s」在%(unit)s已被使用，改为「%(new)s」",
                label=fields[name].label,
                old=getattr(record, name),
                unit=unit.name,
                new=value,
            )
        )
        for name, value in new.items()
        if name in fields and not fields[name].automatic and getattr(record, name) != value
    ]
    record.gave_way = "；".join(changes)
    return "；".join([words, *changes])


# --- all of a unit --------------------------------------------------------------------------------------------


def _of(model: Any, unit_id: int) -> Any:
    """Every record of a unit, whichever list it stands in (AID-R101)."""
    return select(model).where(model.owner_unit_id == unit_id).execution_options(**_ALL)


@jobs.task("transfer_unit", label=_("批量转移档案"))
def run(ctx: JobContext) -> None:
    """Move what the source unit owned when it was asked for, until nothing of it is left there."""
    session, args = ctx.session, ctx.args
    model = current_app.extensions["views"][args["resource"]].model
    all_of_it = _of(model, args["unit"]).where(model.created_at <= ctx.job.created_at)
    if ctx.result is None:
        number = session.scalar(all_of_it.with_only_columns(func.count(), maintain_column_froms=True))
        ctx.progress(0, number)
        ctx.result = {"moved": 0, "renumbered": []}
    children = [selectinload(getattr(model, name)) for name in model.children]
    chunk = all_of_it.order_by(model.id).limit(CHUNK).with_for_update(of=model).options(*children)
    while records := list(session.scalars(chunk)):
        _move(ctx, records)
        session.expunge_all()  # a million records pass through here
        ctx.checkpoint()
    ctx.progress(ctx.done, ctx.done)  # what has gone elsewhere meanwhile is not waited for


def _move(ctx: JobContext, records: Sequence[Any]) -> None:
    """One chunk: rows, versions, logs, and how far it is."""
    session, actor, args = ctx.session, ctx.actor, ctx.args
    require(actor, "transfer", args["resource"])  # asked anew for every chunk, as is the subtree
    target, units = unit_of(session, args["target"], hold=True), class_of_table("unit")
    source = session.scalar(select(units).where(units.id == args["unit"]))
    if source is None:
        raise Missing
    news, json = moved_to(session, records, target), history.remembering()
    versions, logs, renumbered = [], [], []
    for record in records:
        new = news[record.id]
        words = told(record, source, target, new)
        if record.gave_way:
            renumbered.append({"id": record.id, "message": words})
        before = history.snapshot(record, json)
        diff = history.changed(type(record), before, new)
        versions.append(history.line(record, "transfer", actor, words, before, diff))
        move = Move(source.id, target.id, message=words)
        answers = {"target_unit_id": target.id}
        logs.append(StepLog.line(record, "transfer", actor, move, answers, job=ctx.job.id))
    _write(session, type(records[0]), news, source.id, actor)
    bulk.insert_values(session, RecordVersion, versions)
    bulk.insert_values(session, StepLog, logs)
    so_far = ctx.result or {}
    moved, told_of = so_far["moved"] + len(records), [*so_far["renumbered"], *renumbered]
    ctx.result = {"moved": moved, "renumbered": told_of[:MOST_TOLD]}
    ctx.message = _words(moved, told_of)
    ctx.progress(ctx.done + len(records), max(ctx.total, ctx.done + len(records)))


def _write(
    session: Session, model: Any, news: Mapping[int, Mapping[str, Any]], source: int, actor: Actor
) -> None:
    """Set the new values in locked rows of the source unit. Raises Missing when one of them is not there."""
    table = model.__table__
    alike = defaultdict[tuple[str, ...], list[dict[str, Any]]](list)
    for pk, new in news.items():
        alike[tuple(new)].append({"pk": pk} | {f"new_{name}": value for name, value in new.items()})
    for names, rows in alike.items():  # those whose number changes have one value more
        changes = {name: bindparam(f"new_{name}") for name in names}
        changes |= last_change(actor) | {"version": table.c.version + 1}
        mine = (table.c.id == bindparam("pk"), table.c.owner_unit_id == source)
        result = session.connection().execute(update(table).where(*mine).values(changes), rows)
        if result.supports_sane_multi_rowcount() and result.rowcount != len(rows):
            raise Missing


def _words(moved: int, renumbered: Sequence[Mapping[str, Any]]) -> str:
    words = gettext("移动完成：%(n)s份档案", n=moved)
    if renumbered:
        some = "；".join(str(one["message"]) for one in renumbered[:5])
        words += gettext("。编号有重复而重新编号的：%(some)s", some=some)
    return words
