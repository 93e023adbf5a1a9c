"""Background work: a table of jobs, the tasks that do them, and the worker that runs the tasks.

    enqueue(session, kind, actor, **args)     in the caller's transaction: no commit, no job
    @task(kind, label=…)  def run(ctx)        works in chunks; ``ctx.checkpoint()`` ends each one
    worker.Worker(app).run()                  claims a job, holds a lease on it, runs it, closes it

        waiting ──claim──▶ running ──▶ done · partly · failed
           ▲  ╰──cancel──▶ cancelled ◀──╯ │
           ╰──── error, SIGTERM ──────────╯      a worker that dies lets its lease run out; another one goes on

A chunk's rows and the count ``done`` are committed together, so that work taken up again after a crash begins
at ``ctx.done`` with nothing lost and nothing doubled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import current_app
from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    String,
    and_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit import columns
from app.kit.clock import now
from app.kit.columns import Field, TextField
from app.kit.database import db, reading
from app.kit.errors import Forbidden, NotDeclared
from app.kit.scope import SYSTEM, Actor, Personal, acting, door, enter
from app.kit.workflow import Stateful, Step

#: state → its word (DESIGN §8)
STATES: dict[str, Any] = {
    "waiting": _("等待"),
    "running": _("处理中"),
    "done": _("成功"),
    "partly": _("部分成功"),
    "failed": _("失败"),
    "cancelled": _("已取消"),
}
#: how often a job is begun before it is given up
MAX_ATTEMPTS = 3
#: problems kept word for word; the rest is counted
MAX_ERRORS = 1000


class Interrupted(Exception):
    """The task must end now; the worker knows what to do. A task lets it pass."""


class Cancelled(Interrupted):
    """Somebody has cancelled the job; the chunk that was not yet committed is undone."""


class LostLease(Interrupted):
    """Another worker has taken the job over; the chunk that was not yet committed is undone."""


class Released(Interrupted):
    """The worker is to stop; the chunk is committed and the job waits for the next worker."""


# --- the tasks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One kind of work.

    ``needs`` is the permission and record type asked of the actor before every chunk. A task that only ``reads``
    keeps one transaction over all its chunks: the same rows throughout, and on SQLite no lock against writers.
    """

    kind: str
    label: Any
    run: Callable[[JobContext], None]
    needs: tuple[str, str] | None = None
    reads: bool = False


TASKS: dict[str, Task] = {}


def task(
    kind: str, *, label: Any, needs: tuple[str, str] | None = None, reads: bool = False
) -> Callable[[Callable[[JobContext], None]], Callable[[JobContext], None]]:
    """Make a function the task of a kind of job."""

    def register(run: Callable[[JobContext], None]) -> Callable[[JobContext], None]:
        if kind in TASKS:
            raise NotDeclared(f"the task {kind} is declared twice")
        TASKS[kind] = Task(kind, label, run, needs, reads)
        return run

    return register


def _no_actors(session: Session, account_id: int | None, unit_id: int | None) -> Actor | None:
    raise NotDeclared("jobs.actor_loader is not set; the security layer sets it")


#: account and unit → the actor with the rights of this moment, None when the account may do nothing any more;
#: set by the security layer
actor_loader: Callable[[Session, int | None, int | None], Actor | None] = _no_actors


# --- the table ------------------------------------------------------------------------------------------------


class StateField(Field):
    """A job's state, shown in words."""

    kind = "code"

    def text(self, value: Any) -> str:
        return str(STATES.get(value, value or ""))

    def json(self, value: Any) -> Any:
        return self.text(value)


class KindField(TextField):
    """A job's kind, shown by the label of its task."""

    def text(self, value: Any) -> str:
        return str(TASKS[value].label) if value in TASKS else str(value or "")


def is_open(job: Job, actor: Actor) -> Any:
    """Only what is not finished can be cancelled."""
    if job.state in {"waiting", "running"}:
        return None
    return _("「%(job)s」%(state)s，不能再取消", job=job.title, state=STATES[job.state])


class Job(Personal, Stateful, Model):
    """后台任务: one piece of work asked for by an account, done by a worker (unified §3 ``job``)."""

    __tablename__ = "job"
    __label__ = _("后台任务")
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done', 'partly', 'failed', 'cancelled')", "state"),
        CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", "running_has_lease"),
        CheckConstraint("(state IN ('waiting', 'running')) = (finished_at IS NULL)", "closed_is_dated"),
        Index("ix_job_state", "state", "run_at"),
        Index("ix_job_account", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = columns.column(KindField(_("任务"), 40, automatic=True), String(40), nullable=False)
    unit_id: Mapped[int | None] = mapped_column()
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}
    )
    account_name: Mapped[str] = columns.text(_("发起人"), 64, automatic=True, nullable=False)
    state: Mapped[str] = columns.column(
        StateField(_("状态"), automatic=True, default="waiting"), String(10), nullable=False
    )
    done: Mapped[int] = columns.count(_("已处理"), automatic=True, default=0, nullable=False)
    total: Mapped[int] = columns.count(_("总数"), automatic=True, default=0, nullable=False)
    failed: Mapped[int] = columns.count(_("未成功"), automatic=True, default=0, nullable=False)
    message: Mapped[str | None] = columns.long_text(_("说明"), automatic=True)
    errors: Mapped[list[dict[str, Any]]] = columns.column(
        Field(_("问题"), automatic=True), JSON, default=list, nullable=False
    )
    result: Mapped[dict[str, Any] | None] = columns.column(
        Field(_("结果"), automatic=True), JSON(none_as_null=True)
    )
    created_at: Mapped[datetime] = columns.moment(_("提交时间"), nullable=False)
    started_at: Mapped[datetime | None] = columns.moment(_("开始时间"))
    finished_at: Mapped[datetime | None] = columns.moment(_("完成时间"))

    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    run_at: Mapped[datetime] = mapped_column(DateTime)
    lease_until: Mapped[datetime | None] = mapped_column(DateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(default=0)

    steps = (
        Step("cancel", _("取消"), guards=(is_open,), icon="x", confirm=_("确定取消这项任务？"), danger=True),
    )

    @property
    def title(self) -> str:
        """What the job does."""
        return self.text("kind")

    @property
    def percent(self) -> int:
        """How far it is, 0 to 100."""
        if self.state in {"done", "partly"}:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0

    @property
    def time_left(self) -> Any:
        """About how long it will still take, in words; None when nobody can say."""
        if self.state != "running" or not self.done or self.total <= self.done or self.started_at is None:
            return None
        took = max((now() - self.started_at).total_seconds(), 1)
        left = took * (self.total - self.done) / self.done
        return _("%(n)s秒", n=round(left) or 1) if left < 90 else _("%(n)s分钟", n=round(left / 60))

    def cancel(self, actor: Actor) -> None:
        """Cancel the job in the caller's transaction; one that runs ends at its next checkpoint.

        Raises Refused when it is finished.
        """
        self.perform("cancel", actor)

    def on_cancel(self, actor: Actor) -> None:
        self.state, self.finished_at, self.lease_until = "cancelled", now(), None


def result_file(job_id: int) -> Path:
    """Where the file of a job's result is kept, inside the data folder."""
    folder = Path(current_app.config["UNIONDESK_HOME"]) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{job_id}.xlsx"


def enqueue(
    session: Session,
    kind: str,
    actor: Actor,
    /,
    *,
    key: str | None = None,
    run_at: datetime | None = None,
    **args: Any,
) -> Job:
    """A job in the caller's transaction, which commits; ``args`` are JSON values.

    With a ``key`` that has been used before nothing is added and that job is returned. Raises Forbidden when
    the actor has no account.
    """
    if kind not in TASKS:
        raise NotDeclared(f"no task is registered for {kind}")
    if actor.account_id is None and not actor.everywhere:
        raise Forbidden(_("请先登录，再提交任务"))
    if key is not None and (known := _job_of(session, key)) is not None:
        return known
    moment = now()
    job = Job(
        kind=kind,
        unit_id=actor.unit_id,
        account_id=actor.account_id,
        account_name=actor.name,
        state="waiting",
        args=args,
        key=key,
        created_at=moment,
        run_at=run_at or moment,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError:
        known = _job_of(session, key) if key is not None else None
        if known is None:
            raise
        return known
    return job


def _job_of(session: Session, key: str) -> Job | None:
    return session.scalar(
        select(Job).where(Job.key == key).execution_options(**door("a key stands for one job, whoever asked"))
    )


@contextmanager
def books_of(engine: Engine) -> Iterator[Session]:
    """A short transaction of the worker's own, beside the task's."""
    with acting(SYSTEM), Session(engine, expire_on_commit=False) as session:
        yield session


# --- what a task holds in its hands ---------------------------------------------------------------------------


class JobContext:
    """What a task works with: its job, its actor, a session, and the way to tell how far it is.

    A chunk should take a second or so: on SQLite its first statement keeps other writers waiting.
    """

    job: Job
    actor: Actor

    def __init__(
        self, engine: Engine, job_id: int, worker: str, lease: timedelta, stopping: threading.Event
    ) -> None:
        self.session: Session = db.session()
        self._engine, self._id, self._worker, self._lease = engine, job_id, worker, lease
        self._stopping = stopping
        with reading(), books_of(engine) as books:
            self.job = books.get_one(Job, job_id)
        self.task = TASKS[self.job.kind]
        self.args: dict[str, Any] = dict(self.job.args)
        #: rows done so far; after a crash the place to go on from
        self.done, self.total = self.job.done, self.job.total
        #: what the job leaves behind, e.g. ``{"url": …}``, and words for the clerk; stored at each checkpoint
        self.result, self.message = self.job.result, self.job.message
        #: what is written in the very transaction that closes the job, and only then; it acts as SYSTEM
        self.at_end: Callable[[Session], None] | None = None
        self._failed, self._errors = self.job.failed, list(self.job.errors)
        self._since = time.monotonic()

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is; stored and shown at the next checkpoint."""
        self.done = done
        self.total = self.total if total is None else total

    def fail_row(
        self, words: Any, *, row: int | None = None, id: int | None = None, column: str | None = None
    ) -> None:
        """Note that one row could not be done, and why; the job goes on and ends 部分成功."""
        self._failed += 1
        if len(self._errors) < MAX_ERRORS:
            place = {"row": row, "id": id, "column": column}
            told = {key: value for key, value in place.items() if value is not None}
            self._errors.append(told | {"words": str(words)})

    def checkpoint(self) -> None:
        """Commit the chunk's rows together with the progress, then begin the next chunk.

        The actor is loaded anew, so that a right taken away meanwhile stops the job. Raises Cancelled or
        LostLease when the chunk is undone; Released, or Forbidden, when it is kept and the task ends here.
        """
        self._store(lease_until=now() + self._lease)
        if self._engine.dialect.name == "sqlite" and not self.task.reads:
            self._stopping.wait(
                min(0.1, (time.monotonic() - self._since) / 4)
            )  # let a clerk's write in between
        if self._stopping.is_set():
            raise Released
        self._begin()

    def run(self) -> None:
        """Run the task from where it stands and close the job."""
        with reading() if self.task.reads else nullcontext():
            self._begin()
            self.task.run(self)
            if self.task.reads:
                self.session.rollback()  # all is read: nothing is held open while the job is closed
            none_left = self._failed >= max(self.done, self.total, 1)
            state = "done" if not self._failed else "failed" if none_left else "partly"
            self._store(state=state, finished_at=now(), lease_until=None)

    def _begin(self) -> None:
        self._since = time.monotonic()
        with reading(), books_of(self._engine) as books:
            self.job = books.get_one(Job, self._id)
            self.actor = _actor_of(books, self.job)
        enter(self.actor)
        if self.task.needs and not self.actor.may(*self.task.needs):
            raise Forbidden(_("您没有办理「%(job)s」的权限", job=self.task.label))

    def _store(self, **facts: Any) -> None:
        facts |= {"done": self.done, "total": self.total, "result": self.result, "message": self.message}
        if self._failed != self.job.failed:
            facts |= {"failed": self._failed, "errors": list(self._errors)}
        if self.task.reads:
            with books_of(self._engine) as books:
                kept = change_own(books, self._id, self._worker, facts)
                if kept and self.at_end and "finished_at" in facts:
                    self.at_end(books)
                books.commit()
        else:
            self.session.flush()  # as the actor; the scope judges the rows before the books are opened
            with acting(SYSTEM):
                kept = change_own(self.session, self._id, self._worker, facts)
                if kept and self.at_end and "finished_at" in facts:
                    self.at_end(self.session)
            if kept:
                self.session.commit()
        if not kept:
            self.session.rollback()
            raise self._why_lost()

    def _why_lost(self) -> Interrupted:
        with reading(), books_of(self._engine) as books:
            job = books.get(Job, self._id)
        return Cancelled() if job is None or job.state == "cancelled" else LostLease()


def change_own(session: Session, job_id: int, worker: str, facts: dict[str, Any]) -> bool:
    """Write to a job that this worker still holds; False when it does not."""
    mine = and_(Job.id == job_id, Job.worker == worker, Job.state == "running")
    statement = update(Job).where(mine).values(**facts).returning(Job.id)
    return session.scalar(statement, execution_options={"synchronize_session": False}) is not None


def _actor_of(session: Session, job: Job) -> Actor:
    """The actor of a job, with the rights of this moment. Raises Forbidden when there is none any more."""
    if job.account_id is None:
        return replace(SYSTEM, at=now())
    who = actor_loader(session, job.account_id, job.unit_id)
    if who is None or who.account_id != job.account_id:
        raise Forbidden(_("发起任务的账号已停用，或已不属于原单位，任务不再办理"))
    return who
