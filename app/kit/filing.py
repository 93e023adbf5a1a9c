"""Files of a record on the screen: add, fetch, remove; each goes through the record's own scope."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, send_file
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.kit import attachments, audit, history
from app.kit.attachments import Attachment
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.face import back_to
from app.kit.record import lock
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView


def _may_change(view: RecordView, record: Any, actor: Actor) -> None:
    if not view.has_attachments:
        raise Missing
    lock(record)  # nobody merges or reports it away while its files change
    if why := view.refusal(record, "edit", actor, wide=True):
        raise Refused(why)


def add(
    view: RecordView, session: Session, record: Any, upload: FileStorage | None, actor: Actor
) -> Attachment:
    """Store one uploaded file and note it. Raises Invalid or Refused; the caller commits."""
    _may_change(view, record, actor)
    if upload is None:
        raise Invalid([Problem("file", _("请选择文件"))])
    kind = view.attachment_kind or request.form.get("attachment_type")
    stored = attachments.attach(session, record, upload, kind, actor)
    history.write(record, "attach", actor, stored.filename, None, [])
    return stored


def remove(view: RecordView, session: Session, record: Any, file_id: int, actor: Actor) -> str:
    """Remove one file; the history keeps its name, which is returned. The caller commits."""
    _may_change(view, record, actor)
    stored = _file_of(session, view, record, file_id)
    name = stored.filename
    history.write(record, "detach", actor, name, None, [])
    attachments.discard(session, stored)
    return name


def attach(view: RecordView, session: Session, record: Any, actor: Actor) -> Response:
    """Store the uploaded files; one that is not accepted is told, the others are kept."""
    uploads = [upload for upload in request.files.getlist("file") if upload.filename]
    if not uploads:
        flash(gettext("请选择文件"), "warning")
    for upload in uploads[:20]:
        try:
            stored = add(view, session, record, upload, actor)
            flash(gettext("已上传「%(name)s」", name=stored.filename), "success")
        except Invalid as wrong:
            for problem in wrong.problems:
                flash(f"{upload.filename}：{problem.words}", "danger")
    session.commit()
    return redirect(back_to(view.url("show", pk=record.id)))


def _file_of(session: Session, view: RecordView, record: Any, file_id: int) -> Attachment:
    found = next(
        (file for file in attachments.of(session, view.resource, record.id) if file.id == file_id), None
    )
    if found is None:
        raise Missing
    return found


def download(view: RecordView, session: Session, record: Any, file_id: int, actor: Actor) -> Response:
    """The bytes, always as a download; who took them is noted."""
    stored = _file_of(session, view, record, file_id)
    if not stored.path.exists():
        raise Missing
    audit.note(session, actor, view.resource, record.id, "download", {"file": stored.filename})
    path, name, mime = stored.path, stored.filename, stored.mime
    session.commit()
    return send_file(path, mimetype=mime, as_attachment=True, download_name=name)


def hand_out(
    view: RecordView,
    session: Session,
    record: Any,
    path: Path,
    name: str,
    actor: Actor,
    facts: dict[str, Any],
) -> Response:
    """A file that was made for a record, always as a download; who took it is noted."""
    if not path.exists():
        raise Missing(_("文件不在服务器上，请联系系统管理员"))
    audit.note(session, actor, view.resource, record.id, "download", facts)
    session.commit()
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name=name)


def discard(view: RecordView, session: Session, record: Any, file_id: int, actor: Actor) -> Response:
    """Remove one file and go back to the record."""
    name = remove(view, session, record, file_id, actor)
    session.commit()
    flash(gettext("已删除「%(name)s」", name=name), "success")
    return redirect(back_to(view.url("show", pk=record.id)))
