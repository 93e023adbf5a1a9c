"""The worker: claims jobs one at a time, holds a lease on each, runs it, closes it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _
from sqlalchemy import Engine, and_, or_, select, update

from app.kit.clock import now
from app.kit.database import db, reading
from app.kit.errors import AppError
from app.kit.jobs import (
    MAX_ATTEMPTS,
    TASKS,
    Cancelled,
    Job,
    JobContext,
    LostLease,
    Released,
    books_of,
    change_own,
)
from app.kit.schedule import Calendar
from app.kit.scope import acting

log = logging.getLogger(__name__)


class Worker:
    """Runs jobs, one at a time, until it is stopped.

    ``lease`` is the time in seconds after which the jobs of a dead worker are taken over, ``poll`` the rest between
    two looks at an empty table, ``backoff`` the wait before the second and the third attempt. With a ``calendar``
    it also enqueues what is due every day.
    """

    def __init__(
        self,
        app: Flask,
        *,
        lease: float = 30,
        poll: float = 1,
        backoff: tuple[float, ...] = (10, 60),
        calendar: Calendar | None = None,
    ) -> None:
        self.app, self.poll, self.backoff, self.calendar = app, poll, backoff, calendar
        self.lease = timedelta(seconds=lease)
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._stopping = threading.Event()
        with app.app_context():
            self._engine: Engine = db.engine

    def stop(self) -> None:
        """End after the current chunk; its job waits for the next worker. May be called by a signal or a thread."""
        self._stopping.set()

    def start(self) -> threading.Thread:
        """The worker in a thread of this process."""
        thread = threading.Thread(target=self.run, name="worker", daemon=True)
        thread.start()
        return thread

    def run(self, *, once: bool = False) -> None:
        """Work until stopped; with ``once`` until nothing is due."""
        while not self._stopping.is_set():
            try:
                self._look_at_the_calendar()
                found = self.work_one()
            except Exception:
                if once:
                    raise
                log.exception("the worker could not keep its books; it tries again")
                found = False
            if not found:
                if once:
                    return
                self._stopping.wait(self.poll)

    def _look_at_the_calendar(self) -> None:
        """Enqueue what is done every day, once its hour has come."""
        if self.calendar is None:
            return
        with self.app.app_context():
            due = self.calendar.due(now())
            if due:
                with books_of(self._engine) as books:
                    self.calendar.enqueue(books, due)
                    books.commit()
                self.calendar.done(due)

    def work_one(self) -> bool:
        """Claim and run one job. False when none is due."""
        job = self._claim()
        if job is None:
            return False
        if job.attempts > MAX_ATTEMPTS:
            self._close(
                job, _("处理程序多次意外中断，任务未能完成。请联系系统管理员，任务编号%(id)s。", id=job.id)
            )
        else:
            with self.app.app_context(), acting(None):
                self._work(job)
        return True

    def _claim(self) -> Job | None:
        """Take the job that has been due longest: one that waits, or one whose worker let the lease run out."""
        moment = now()
        due = (
            select(Job.id)
            .where(
                Job.kind.in_(TASKS),
                or_(
                    and_(Job.state == "waiting", Job.run_at <= moment),
                    and_(Job.state == "running", Job.lease_until < moment),
                ),
            )
            .order_by(Job.run_at, Job.id)
            .limit(1)
        )
        with reading(), books_of(self._engine) as books:
            if books.scalar(due) is None:
                return None
        # `=`, not IN: the inner query runs once and locks one row; SQLite locks the whole table instead
        chosen = due.with_for_update(skip_locked=True).correlate(None).scalar_subquery()
        taken = {
            "state": "running",
            "worker": self.name,
            "lease_until": moment + self.lease,
            "attempts": Job.attempts + 1,
            "message": None,
        }
        with books_of(self._engine) as books:
            claim = update(Job).where(Job.id == chosen).values(taken).returning(Job.id)
            job_id = books.scalar(claim, execution_options={"synchronize_session": False})
            job = books.get(Job, job_id) if job_id is not None else None
            if job is not None and job.started_at is None:
                job.started_at = moment
            books.commit()
        return job

    def _work(self, job: Job) -> None:
        try:
            with self._beating(job.id):
                JobContext(self._engine, job.id, self.name, self.lease, self._stopping).run()
        except (Cancelled, LostLease) as why:
            log.info("job %s (%s) ended: %s", job.id, job.kind, type(why).__name__)
        except Released:
            self._change(job, state="waiting", worker=None, lease_until=None, attempts=job.attempts - 1)
        except AppError as why:
            db.session.rollback()
            self._close(job, why.words)
        except Exception:
            db.session.rollback()
            log.exception("job %s (%s) failed, attempt %s", job.id, job.kind, job.attempts)
            self._retry(job)

    def _retry(self, job: Job) -> None:
        if job.attempts >= MAX_ATTEMPTS:
            words = _(
                "处理时出错，已试%(times)s次。请联系系统管理员，任务编号%(id)s。",
                times=job.attempts,
                id=job.id,
            )
            self._close(job, words)
            return
        later = now() + timedelta(seconds=self.backoff[min(job.attempts, len(self.backoff)) - 1])
        words = _("处理时出错，将于%(when)s再试。", when=later.strftime("%H:%M:%S"))
        self._change(job, state="waiting", worker=None, lease_until=None, run_at=later, message=str(words))

    def _close(self, job: Job, words: Any) -> None:
        with self.app.app_context():  # the words are put into a language
            told = str(words)
        self._change(job, state="failed", finished_at=now(), lease_until=None, message=told)

    def _change(self, job: Job, **facts: Any) -> None:
        with books_of(self._engine) as books:
            change_own(books, job.id, self.name, facts)
            books.commit()

    @contextmanager
    def _beating(self, job_id: int) -> Iterator[None]:
        """Within it the lease is renewed by a thread beside the task."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self.lease.total_seconds() / 3):
                try:
                    with books_of(self._engine) as books:
                        change_own(books, job_id, self.name, {"lease_until": now() + self.lease})
                        books.commit()
                except Exception:
                    log.warning("the lease of job %s could not be renewed", job_id, exc_info=True)

        thread = threading.Thread(target=beat, name=f"lease-{job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
