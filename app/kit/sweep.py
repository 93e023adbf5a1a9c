"""快速上报, 快速退回: one step on everything that a unit holds, as a job (SM-AID-02).

    ask(view, session, name, actor, unit, answers)      the door: judges what can be judged at once, enqueues
    the task                                            chunk after chunk in the order of ids

A chunk is locked, judged record by record by the very guards of the single step, and written by a handful of
statements: the effect is the step's `Hop`, which ``perform`` uses too. Rows, history, logs and the job's own place
are committed together, so that nothing is lost or doubled whatever dies. One reminder for each receiving unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, selectinload

from app.kit import bulk, history, jobs, listing
from app.kit.access import require
from app.kit.errors import BadRequest, Forbidden, Invalid, Missing, Problem, Refused
from app.kit.history import RecordVersion
from app.kit.jobs import Job, JobContext
from app.kit.record import put
from app.kit.reminders import remind, remind_more
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Hop, Move, Step, StepLog

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: records locked, judged and written at a time
CHUNK = 500


def offer(step: Step) -> None:
    """Make the sweep of a step a kind of job."""
    if step.hop is not None:
        jobs.task(_kind(step), label=step.hop.sweep)(run)


def _kind(step: Step) -> str:
    return f"sweep_{step.name}"


# --- the door -------------------------------------------------------------------------------------------------


def step_of(view: RecordView, name: str, actor: Actor) -> tuple[Step, Hop]:
    """The step and its move, if it has a sweep and the actor the right. Raises BadRequest or Forbidden."""
    step = view.steps().get(name)
    if step is None or step.hop is None or not view.model.has_sweeps:
        raise BadRequest(_("没有「%(step)s」这个快速操作", step=name[:30]))
    require(actor, name, view.resource)
    return step, step.hop


def unit_of(session: Session, raw: Any) -> Any:
    """The chosen unit. Raises Invalid when it is no id, Missing when the actor does not see it."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise Invalid([Problem("unit", _("请选择单位"))])
    units = class_of_table("unit")
    found = session.scalar(select(units).where(units.id == raw)) if 0 < raw < 2**31 else None
    if found is None:
        raise Missing
    return found


def selection(view: RecordView, actor: Actor, path: str, until: Any) -> Select[Any]:
    """The records that a sweep would go through: what ``actor`` holds of the unit at ``path``."""
    held = view.model.held(actor, path, until)
    return select(view.model).where(held, *view.base_clauses())


def nothing_left(step: Step, unit: Any) -> Any:
    """Why there is nothing to do."""
    return _("「%(unit)s」没有可以%(step)s的记录", unit=unit.name, step=step.label)


def ask(
    view: RecordView, session: Session, name: str, actor: Actor, raw_unit: Any, answers: Mapping[str, Any]
) -> Job:
    """The job, new or the one that is at it already, in the caller's transaction.

    Raises Forbidden, Missing, Invalid or Refused, in this order, as the single step does.
    """
    own = view.steps()[name].many if name in view.steps() else None
    if own is not None:
        asked: Job = own(view, session, actor, raw_unit, answers)
        return asked
    step, hop = step_of(view, name, actor)
    unit = unit_of(session, raw_unit)
    values = step.read(answers)
    if single := next((ask for ask in step.asks if ask.each and values.get(ask.name)), None):
        raise Invalid([Problem(single.name, _("逐条的答复只能在办理一条记录时填写"))])
    if (why := hop.refusal(unit, actor)) is not None:
        raise Refused(why)
    key = f"{_kind(step)}/{view.resource}/{actor.unit_id}/{unit.id}"
    release(session, key)
    all_of_it = selection(view, actor, unit.path, actor.at)
    some = session.scalar(all_of_it.with_only_columns(view.model.id).limit(1))
    if some is None and not is_running(session, key):
        raise Refused(nothing_left(step, unit))
    mend = "edit" if unit.path == actor.path else "show"
    about = {"resource": view.resource, "step": name, "unit": unit.id, "mend": mend, "answers": values}
    job = jobs.enqueue(session, _kind(step), actor, key=key, **about)
    if job.account_id != actor.account_id:
        raise Refused(
            _(
                "%(who)s已于%(when)s对「%(unit)s」提交%(sweep)s，正在办理，请等它完成",
                who=job.account_name,
                when=job.created_at.strftime("%H:%M"),
                unit=unit.name,
                sweep=hop.sweep,
            )
        )
    session.flush()  # its id is the answer
    return job


_SAME = door("one sweep at a time for a unit, whoever asked")


def release(session: Session, key: str) -> None:
    """A job that has ended, e.g. a sweep, gives its key to the next."""
    ended = Job.state.not_in(("waiting", "running"))
    session.execute(
        update(Job)
        .where(Job.key == key, ended)
        .values(key=None)
        .execution_options(synchronize_session=False, **_SAME)
    )


def is_running(session: Session, key: str) -> bool:
    """Whether a job has the key."""
    return session.scalar(select(Job.id).where(Job.key == key).execution_options(**_SAME)) is not None


# --- the work -------------------------------------------------------------------------------------------------


def run(ctx: JobContext) -> None:
    """The task: everything that was held when it was asked for, from where the job stands."""
    _Sweep(ctx).run()


class _Sweep:
    """One job at its work. ``ctx.result`` is its place: the last id, the numbers, the reminders by unit."""

    def __init__(self, ctx: JobContext) -> None:
        self.ctx, self.session = ctx, ctx.session
        self.view: RecordView = current_app.extensions["views"][ctx.args["resource"]]
        self.model = self.view.model
        self.step, self.hop = self._judged()
        self.unit_path: str = unit_of(self.session, ctx.args["unit"]).path
        self.json = history.remembering()
        self.answers: dict[str, Any] = ctx.args["answers"]
        self.place: dict[str, Any] = dict(
            ctx.result or {"after": 0, "moved": 0, "skipped": 0, "reminders": {}}
        )

    def _judged(self) -> tuple[Step, Hop]:
        """The step, while the actor may do it: asked anew for every chunk. Raises Forbidden."""
        step, hop = step_of(self.view, self.ctx.args["step"], self.ctx.actor)
        if why := self.view.closed(self.ctx.actor, step.name):
            raise Forbidden(why)
        return step, hop

    def run(self) -> None:
        if self.ctx.result is None:
            self.ctx.progress(0, listing.count(self.session, self._all(), exact=True))
        while records := self._locked():
            self._judged()
            self._do(records)
            self.ctx.checkpoint()
        self.ctx.progress(self.ctx.done, self.ctx.done)  # what has gone elsewhere meanwhile is not waited for

    def _all(self) -> Select[Any]:
        return selection(self.view, self.ctx.actor, self.unit_path, self.ctx.job.created_at)

    def _locked(self) -> list[Any]:
        """The next records, held until the checkpoint. Locked in the order of ids, as everybody does: no deadlock."""
        statement = (
            self._all().where(self.model.id > self.place["after"]).order_by(self.model.id).limit(CHUNK)
        )
        children = [selectinload(getattr(self.model, name)) for name in self.model.children]
        return list(self.session.scalars(statement.with_for_update(of=self.model).options(*children)))

    def _do(self, records: list[Any]) -> None:
        moved = []
        ahead = self.model.looked_up(self.session, records) if self.step.wide_guards else nullcontext()
        with ahead:
            for record in records:
                why = record.refusal(self.step.name, self.ctx.actor)
                if why is None:
                    moved.append(record)
                else:
                    self.ctx.fail_row(why, id=record.id)
        if moved:
            self._move(moved)
        self.session.expunge_all()  # a million records pass through here
        self.place |= {
            "after": records[-1].id,
            "moved": self.place["moved"] + len(moved),
            "skipped": self.place["skipped"] + len(records) - len(moved),
        }
        self.ctx.result = dict(self.place)
        self.ctx.message = gettext(
            "%(step)s%(moved)s条，跳过%(skipped)s条",
            step=str(self.step.label),
            moved=self.place["moved"],
            skipped=self.place["skipped"],
        )
        self.ctx.progress(self.ctx.done + len(records), max(self.ctx.total, self.ctx.done + len(records)))

    def _move(self, records: list[Any]) -> None:
        """The effect of the step on records that may go: rows, versions, logs."""
        actor, name = self.ctx.actor, self.step.name
        news = [self.hop.sets(record, actor) for record in records]
        receivers = [self.hop.receiver(record, new) for record, new in zip(records, news, strict=True)]
        reminders = self._told(records, receivers)
        versions, logs, alike = [], [], defaultdict[tuple[Any, ...], list[Any]](list)
        for record, new, receiver in zip(records, news, receivers, strict=True):
            before = history.snapshot(record, self.json)
            diff = history.changed(self.model, before, new)
            versions.append(history.line(record, name, actor, self.answers.get("message"), before, diff))
            move = Move(actor.unit_id, receiver, reminders[receiver])
            logs.append(StepLog.line(record, name, actor, move, self.answers, job=self.ctx.job.id))
            alike[tuple(new.items())].append(record)
        for new_values, some in alike.items():
            put(self.session, some, dict(new_values), actor)
        bulk.insert_values(self.session, RecordVersion, versions)
        bulk.insert_values(self.session, StepLog, logs)

    def _told(self, records: list[Any], receivers: list[int]) -> dict[int, int]:
        """Receiver → its reminder: made with the first record that it gets, counted on with the others (AID Q27)."""
        reminders: dict[str, int] = dict(self.place["reminders"])
        for unit_id in sorted(set(receivers)):
            mine = [
                record for record, receiver in zip(records, receivers, strict=True) if receiver == unit_id
            ]
            if str(unit_id) in reminders:
                remind_more(self.session, reminders[str(unit_id)], mine)
            else:
                subject, message = self.hop.subject(self.model), self.answers.get("message") or ""
                made = remind(self.session, unit_id, mine, subject, message, self.ctx.actor)
                self.session.flush()  # its id goes into the logs
                reminders[str(unit_id)] = made.id
        self.place["reminders"] = reminders
        return {int(unit_id): reminder for unit_id, reminder in reminders.items()}
