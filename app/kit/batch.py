"""One form for many: a new record on each of many others, each through the very door of a single save (AID-R132).

    carry_out(...)      few in the caller's request, many by a job
    preview(...)        what it would come to; nothing is stored
    the task            some records a checkpoint, in the order of ids

The record type has ``batch_id``, unique together with the column by which it hangs: whatever dies, is clicked twice or
is sent again, a batch gives nobody a second record. Who may not be given one any more is told by name, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.kit import jobs, saving
from app.kit.columns import TextField
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.jobs import JobContext
from app.kit.question import Question
from app.kit.scope import Actor, class_of_table

#: more than these are done by a job
AT_ONCE = 50
#: one batch is for at most so many
MOST = 10_000
#: records a checkpoint
CHUNK = 20

Typed = dict[str, Any]
#: one who may be chosen: id, and what he is called when he has gone
Chosen = tuple[int, str]


class NumberField(TextField):
    """The number of a batch; nobody knows a part of it."""

    asked_by = "equals"

    def text(self, value: Any) -> str:
        return str(value or "")[:8]


@dataclass(frozen=True)
class Batch:
    """What a record type says of its batches.

    ``key`` is the column by which its records hang on the table ``target``. ``may`` are the rows that may be chosen,
    ``why_not`` tells of one at hand why it may not, ``typed_for`` what of the form is typed for it, ``shown`` are the
    columns of which ``called`` makes a name, ``told`` says what so many records like this one come to.
    """

    kind: str
    label: Any
    table: str
    key: str
    target: str
    may: Callable[[], ColumnElement[bool]]
    why_not: Callable[[Any], Any]
    typed_for: Callable[[Any, Typed], Typed]
    shown: tuple[str, ...]
    called: Callable[[Any], str]
    told: Callable[[Any, int], Any]
    #: fields that come with whom it hangs on: what is wrong with them is his, not the form's
    given: tuple[str, ...] = ()

    @property
    def model(self) -> Any:
        """The class of the new records."""
        return class_of_table(self.table)

    @property
    def parent(self) -> Any:
        """The class of what they hang on."""
        return class_of_table(self.target)

    def of(self, number: str) -> Any:
        """The records of one batch, the latest last."""
        model = self.model
        return select(model).where(model.batch_id == number).order_by(model.id)


@dataclass
class Outcome:
    """What became of one who was chosen: a record, or words."""

    chosen: Chosen
    record_id: int = 0
    words: Any = ""
    is_new: bool = True


@dataclass
class Result:
    """What became of a batch: the outcomes, or the job that it was given to."""

    number: str
    outcomes: list[Outcome] = field(default_factory=list)
    job_id: int = 0

    @property
    def done(self) -> list[Outcome]:
        """Who got a record."""
        return [one for one in self.outcomes if one.record_id]

    @property
    def refused(self) -> list[Outcome]:
        """Who did not."""
        return [one for one in self.outcomes if not one.record_id]


def offer(batch: Batch) -> Batch:
    """Make a batch a kind of job."""
    jobs.task(batch.kind, label=batch.label, needs=("write", batch.table))(lambda ctx: _run(batch, ctx))
    return batch


def number_of(token: str, actor: Actor) -> str:
    """The number of the batch that a form, by its token, makes for an account; nobody meets another's."""
    return hashlib.sha256(f"{actor.account_id}/{token}".encode()).hexdigest()[:40]


# --- who is chosen --------------------------------------------------------------------------------------------------


def everybody(session: Session, asked: Question) -> list[int]:
    """The ids of all that a list shows. Raises Refused when they are too many for one batch."""
    key = asked.view.model.id
    ids = list(session.scalars(asked.statement(session).with_only_columns(key).order_by(key).limit(MOST + 1)))
    if len(ids) > MOST:
        raise Refused(_("符合条件的超过%(most)s条，请缩小条件，分批办理", most=MOST))
    return ids


def _named(session: Session, batch: Batch, ids: Sequence[int]) -> dict[int, str]:
    """Of these ids those that the actor sees, with what they are called."""
    cls = batch.parent
    columns = [getattr(cls, name) for name in batch.shown]
    rows = session.execute(select(cls.id, *columns).where(cls.id.in_(ids)))
    return {row.id: batch.called(row) for row in rows}


def _chosen(session: Session, batch: Batch, ids: Sequence[int]) -> list[Chosen]:
    """Everybody once, in the order of ids, as everybody locks; whom the actor does not see has no name."""
    named = _named(session, batch, ids)
    return [(pk, named.get(pk, "")) for pk in sorted(set(ids))]


# --- before it is done ----------------------------------------------------------------------------------------------


def preview(session: Session, batch: Batch, ids: Sequence[int], typed: Typed, actor: Actor) -> Any:
    """What it would come to, in words. Raises Invalid with what is wrong with the form, Refused when nobody is left."""
    cls = batch.parent
    able = list(session.scalars(select(cls.id).where(cls.id.in_(ids), batch.may()).order_by(cls.id)))
    if not able:
        raise Refused(_("选中的记录现在都不能办理，请回到列表重新选择"))
    return _tried(session, batch, able[:AT_ONCE], typed, actor, lambda record: batch.told(record, len(able)))


def _tried(
    session: Session,
    batch: Batch,
    ids: Sequence[int],
    typed: Typed,
    actor: Actor,
    look: Callable[[Any], Any],
) -> Any:
    """Save for the first whom nothing of his own stands against, look at the record, and take it back."""
    for pk in ids:
        attempt = session.begin_nested()
        try:
            parent = _held(session, batch, pk)
            if parent is None or batch.why_not(parent) is not None:
                continue
            mine = batch.typed_for(parent, typed)
            record = batch.model()
            saving.save(session, record, mine, actor)
            return look(record)
        except Invalid as wrong:
            if problems := [one for one in wrong.problems if _is_of_the_form(one, batch, typed, mine)]:
                raise Invalid(problems) from wrong
        finally:
            attempt.rollback()
    return None


def _is_of_the_form(problem: Problem, batch: Batch, typed: Typed, mine: Typed) -> bool:
    """Whether everybody has the problem, not just one because of what was filled in for him."""
    name = problem.field.partition(".")[0]
    if name in typed:
        return bool(typed[name] == mine.get(name))
    return name not in (*mine, batch.key, "", *batch.given)


# --- the deed -------------------------------------------------------------------------------------------------------


def carry_out(
    session: Session, batch: Batch, ids: Sequence[int], typed: Typed, actor: Actor, token: str
) -> Result:
    """A record for each, and commit; more than a few become a job.

    Raises Invalid when the form itself is wrong: then nobody gets one.
    """
    if not ids or len(ids) > MOST:
        raise Invalid([Problem(f"{batch.key}s", _("请选择1至%(most)s条记录", most=MOST))])
    number, chosen = number_of(token, actor), _chosen(session, batch, ids)
    _tried(session, batch, [pk for pk, name in chosen if name][:AT_ONCE], typed, actor, lambda _record: None)
    made = Result(number)
    if len(chosen) > AT_ONCE:
        about: Any = {"resource": batch.table, "batch": number, "typed": typed, "chosen": chosen}
        job = jobs.enqueue(session, batch.kind, actor, key=f"{batch.kind}/{number}", **about)
        session.flush()  # its id is the answer
        made.job_id = job.id
    else:
        made.outcomes = [_one(session, batch, number, one, typed, actor) for one in chosen]
    session.commit()
    return made


def _held(session: Session, batch: Batch, pk: int) -> Any:
    """One who was chosen, as he now is, until the transaction ends; None when the actor does not see him."""
    cls = batch.parent
    mine = select(cls).where(cls.id == pk).with_for_update(of=cls)
    return session.scalar(mine.execution_options(populate_existing=True))


def _one(session: Session, batch: Batch, number: str, chosen: Chosen, typed: Typed, actor: Actor) -> Outcome:
    """The record of one, new or made by this batch before, or why he gets none."""
    model, pk, made = batch.model, chosen[0], Outcome(chosen)
    parent = _held(session, batch, pk)
    if parent is None:
        made.words = _("没有找到这条记录，或它已不在您单位的范围内")
        return made
    before = session.scalar(
        batch.of(number).where(getattr(model, batch.key) == pk).with_only_columns(model.id)
    )
    if before is not None:
        made.record_id, made.is_new = before, False
        return made
    made.words = batch.why_not(parent)
    if made.words is not None:
        return made
    try:
        with session.begin_nested():
            record = model(batch_id=number)
            saving.save(session, record, batch.typed_for(parent, typed), actor)
            made.record_id = record.id
    except Invalid as wrong:
        made.words = "；".join(dict.fromkeys(str(problem.words) for problem in wrong.problems))
    except (Refused, Missing) as why:
        made.words = why.words
    return made


def _run(batch: Batch, ctx: JobContext) -> None:
    """The task: from where the job stands, some at a time."""
    chosen, typed, number = ctx.args["chosen"], ctx.args["typed"], ctx.args["batch"]
    so_far: dict[str, Any] = dict(ctx.result or {"batch": number, "made": 0})
    ctx.progress(ctx.done, len(chosen))
    while some := chosen[ctx.done : ctx.done + CHUNK]:
        for pk, name in some:
            outcome = _one(ctx.session, batch, number, (pk, name), dict(typed), ctx.actor)
            so_far["made"] += bool(outcome.record_id)
            if not outcome.record_id:
                ctx.fail_row(refusal_words(outcome), id=pk)
        ctx.result = dict(so_far)
        ctx.message = gettext(
            "已增加%(made)s条，%(refused)s条未办理",
            made=so_far["made"],
            refused=ctx.done + len(some) - so_far["made"],
        )
        ctx.progress(ctx.done + len(some))
        ctx.session.flush()
        ctx.session.expunge_all()  # ten thousand pass through here
        ctx.checkpoint()


def refusal_words(outcome: Outcome) -> str:
    """Who got none, and why."""
    pk, name = outcome.chosen
    name = name or gettext("编号%(pk)s", pk=pk)
    return f"{name}：{outcome.words}"


def made_by(session: Session, batch: Batch, number: str, most: int) -> list[Any]:
    """Some of the records of a batch that the actor sees."""
    return list(session.scalars(batch.of(number).limit(most)))


def read_ids(raw: Any, name: str) -> list[int]:
    """Ids from a program. Raises Invalid."""
    is_list = isinstance(raw, list) and 0 < len(raw) <= MOST
    if not is_list or not all(isinstance(pk, int) and not isinstance(pk, bool) for pk in raw):
        words = _("%(name)s 应为编号的列表，最多%(most)s个", name=name, most=MOST)
        raise Invalid([Problem(name, words)])
    return [pk for pk in raw if 0 < pk < 2**31] or [0]


def as_json(batch: Batch, made: Result) -> Mapping[str, Any]:
    """A result for a program: ids of the new records, who got which, who got none and why."""
    if made.job_id:
        return {"job": made.job_id, "batch_id": made.number}
    return {
        "done": [one.record_id for one in made.done],
        "records": [{"id": one.record_id, batch.key: one.chosen[0]} for one in made.done],
        "refused": [
            {"id": one.chosen[0], batch.key: one.chosen[0], "message": refusal_words(one)}
            for one in made.refused
        ],
        "batch_id": made.number,
    }
