"""The night's work: approved applications become files, old files go (SM-AID-08 #5).

    export_night     every day: a job for each approved application that has no file yet
    export_archives  one application: with the rights and the scope of its unit's administrator, of that moment
    export_purge     every day: files that have been kept long enough

A file is written beside its place and put there in the transaction that makes the application 已导出: whatever dies,
there is a whole file with its state, or neither. A worker that takes over begins anew.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import audit, clock, exchange, history, jobs, schedule
from app.kit.errors import Refused
from app.kit.jobs import Job, JobContext
from app.kit.reminders import remind
from app.kit.scope import SYSTEM, Actor, acting, class_of_table, door
from app.models.export_application.contents import Contents

if TYPE_CHECKING:
    from app.models.export_application import ExportApplication

#: rows between two checkpoints
CHUNK = 2000
#: a file that nobody has finished is left by a worker that died
ABANDONED = timedelta(days=1)
_JOBS = door("whether an application is being exported, whoever asks")


def folder() -> Path:
    """Where the files lie; nobody but the application reads there."""
    place = Path(current_app.config["UNIONDESK_HOME"]) / "exports"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def file_of(pk: int) -> Path:
    """The file of an application."""
    return folder() / f"{pk}.zip"


def open_job(session: Session, application: ExportApplication) -> Job | None:
    """The job that is at it now."""
    return session.scalar(
        select(Job)
        .where(Job.id == application.job_id, Job.state.in_(("waiting", "running")))
        .execution_options(**_JOBS)
    )


def _administrator(session: Session, application: ExportApplication) -> Actor | None:
    """Who the export is for: the administrator that the unit has now, whoever applied."""
    assignments: Any = class_of_table("assignment")
    holders = select(assignments.account_id).where(
        assignments.unit_id == application.owner_unit_id, assignments.admin_slot.is_not(None)
    )
    found = (
        jobs.actor_loader(session, holder, application.owner_unit_id)
        for holder in session.scalars(holders.order_by(assignments.id)).all()
    )
    return next((who for who in found if who is not None), None)


def begin(session: Session, application: ExportApplication) -> Job:
    """A job for a locked, approved application. Raises Refused when the unit has no administrator; no commit."""
    with acting(SYSTEM):
        who = _administrator(session, application)
        if who is None:
            raise Refused(
                _(
                    "「%(record)s」：申请单位现在没有可用的用户管理员账号，请先为它设置用户管理员",
                    record=application.title,
                )
            )
        job = jobs.enqueue(session, "export_archives", who, application=application.id)
        session.flush()  # its id
        application.job_id = job.id
        session.flush()
    return job


def begin_all(session: Session) -> tuple[int, list[Any]]:
    """Begin what has been approved and is not at it yet. Returns how many, and why others were not; no commit."""
    model: Any = class_of_table("export_application")
    ready = select(model).where(model.approval_state == "approved", model.export_state == "not_exported")
    begun, refused = 0, []
    for application in session.scalars(ready.order_by(model.approved_at, model.id).with_for_update(of=model)):
        if open_job(session, application) is None:
            try:
                begin(session, application)
                begun += 1
            except Refused as why:
                refused.append(why.words)
    return begun, refused


@jobs.task("export_night", label=_("夜间导出"))
def export_night(ctx: JobContext) -> None:
    """A job for each application that waits for the night (AID-R108)."""
    begun, refused = begin_all(ctx.session)
    for words in refused:
        ctx.fail_row(words)
    ctx.progress(begun + len(refused), begun + len(refused))
    ctx.message = gettext("安排导出%(n)s份", n=begun)


@jobs.task("export_archives", label=_("导出档案"), needs=("read", "export_application"), reads=True)
def export_archives(ctx: JobContext) -> None:
    """One application's file."""
    model: Any = class_of_table("export_application")
    application = ctx.session.scalar(select(model).where(model.id == ctx.args["application"]))
    if (
        application is None
        or application.approval_state != "approved"
        or application.export_state == "exported"
    ):
        ctx.message = gettext("申请已不在或已导出，无需再办")
        return
    if application.export_unit is None:
        raise Refused(_("「%(record)s」的导出单位已不在本单位范围内，请另提申请", record=application.title))
    contents = Contents(ctx.session, application, ctx.actor, ctx.job.created_at)
    ctx.progress(0, contents.expected)

    def tick() -> None:
        ctx.progress(ctx.done + 1)
        if ctx.done % CHUNK == 0:
            ctx.checkpoint()

    with _parcel() as (part, file):
        exchange.zip_file(file, contents.files(tick))
    number = sum(contents.counts.values())
    ctx.progress(number, number)
    ctx.message = contents.words()
    ctx.at_end = partial(_finish, pk=application.id, part=part, number=number, words=contents.words())


@contextmanager
def _parcel() -> Iterator[tuple[Path, Any]]:
    """A file beside the others, safely on the disk afterwards; gone when its making breaks off."""
    with tempfile.NamedTemporaryFile(dir=folder(), suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            yield part, file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _finish(session: Session, *, pk: int, part: Path, number: int, words: str) -> None:
    """已导出: file, state, history and reminder together. The caller commits."""
    try:
        _settle(session, pk, part, number, words)
    finally:
        part.unlink(missing_ok=True)  # when all went well it has its place by now


def _settle(session: Session, pk: int, part: Path, number: int, words: str) -> None:
    model: Any = class_of_table("export_application")
    application = session.scalar(select(model).where(model.id == pk).with_for_update(of=model))
    if application is None or application.export_state == "exported":
        return  # deleted, or made by another job, while this one was at it
    system = replace(SYSTEM, at=clock.now(), unit_name=gettext("系统"))
    with history.recorded(application, "export", system):
        application.export_state, application.exported_at = "exported", system.at
        application.row_count, application.file_size = number, part.stat().st_size
        application.expires_on = system.at.date() + timedelta(days=current_app.config["EXPORT_DAYS"])
    audit.note(
        session, system, application.resource(), pk, "export", {"rows": number, "size": application.file_size}
    )
    message = gettext(
        "%(title)s：%(words)s。文件保留至%(day)s，请在「下载数据」中下载。",
        title=application.title,
        words=words,
        day=application.expires_on,
    )
    remind(session, application.owner_unit_id, [application], _("申请的数据已导出"), message, system)
    session.flush()  # whatever the database refuses, it refuses before the file is there
    part.replace(file_of(pk))


@jobs.task("export_purge", label=_("清除过期的导出文件"))
def export_purge(ctx: JobContext) -> None:
    """Files whose time is over, and what dead workers left; who applies again gets a new one."""
    model: Any = class_of_table("export_application")
    gone, system = 0, replace(SYSTEM, at=clock.now())
    for file in sorted(folder().glob("*.zip")):
        application = ctx.session.get(model, int(file.stem)) if file.stem.isdigit() else None
        if application is None or application.is_expired:
            if application is not None:
                audit.note(ctx.session, system, model.resource(), application.id, "expire")
            file.unlink(missing_ok=True)
            gone += 1
    for file in folder().glob("*.part"):
        if time.time() - file.stat().st_mtime > ABANDONED.total_seconds():
            file.unlink(missing_ok=True)
    ctx.progress(gone, gone)
    ctx.message = gettext("清除%(n)s个文件", n=gone)


schedule.daily("export_night", "EXPORT_HOUR")
schedule.daily("export_purge", "EXPORT_HOUR")
