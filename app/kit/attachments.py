"""Files of a record: stored under random names, judged by their first bytes, served through the record's scope."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import filetype
from flask import current_app
from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, DateTime, Index, String, delete, event, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column
from werkzeug.datastructures import FileStorage

from app.kit import codes
from app.kit.columns import Wrong, clean
from app.kit.errors import Invalid, Problem
from app.kit.scope import Actor, Scoped, door

MAX_BYTES = 10 * 1024 * 1024
#: extension → the first bytes that such a file begins with (REC-08: jpg/png/pdf/doc/docx/xls/xlsx)
KINDS: dict[str, tuple[str, ...]] = {
    "jpg": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "png": ("image/png",),
    "pdf": ("application/pdf",),
    "doc": ("application/msword", "application/x-ole-storage"),
    "xls": ("application/vnd.ms-excel", "application/x-ole-storage"),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip"),
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Attachment(Scoped, Model):
    """One file of one record (REC-08)."""

    __tablename__ = "attachment"
    __table_args__ = (Index("ix_attachment_record", "record_type", "record_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column()
    attachment_type: Mapped[str] = mapped_column(String(30))
    filename: Mapped[str] = mapped_column(String(255))
    stored_as: Mapped[str] = mapped_column(String(80), unique=True)
    size: Mapped[int] = mapped_column()
    sha256: Mapped[str] = mapped_column(String(64))
    mime: Mapped[str] = mapped_column(String(100))
    uploaded_by_id: Mapped[int | None] = mapped_column()
    uploaded_by_name: Mapped[str] = mapped_column(String(64))
    uploaded_at: Mapped[datetime] = mapped_column(DateTime)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Reached only through a record that the reader has been shown."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return folder() / self.stored_as


def folder() -> Path:
    """The folder of all files, inside the data folder."""
    found = Path(current_app.config["UNIONDESK_HOME"]) / "attachments"
    found.mkdir(parents=True, exist_ok=True)
    return found


def of(session: Session, record_type: str, record_id: int) -> list[Attachment]:
    """The files of a record, oldest first."""
    statement = select(Attachment).where(
        Attachment.record_type == record_type, Attachment.record_id == record_id
    )
    return list(session.scalars(statement.order_by(Attachment.id)))


def attach(session: Session, record: Any, upload: FileStorage, kind: Any, actor: Actor) -> Attachment:
    """Store one uploaded file for a record. Raises Invalid when type, size or content are not accepted."""
    problems = []
    found = codes.find("attachment_type", _text(kind))
    if found is None:
        problems.append(Problem("attachment_type", _("请选择附件类型")))
    name = _text((upload.filename or "").replace("\\", "/").rsplit("/", 1)[-1])[-255:]
    content = upload.stream.read(MAX_BYTES + 1)
    if words := _fault(name, content):
        problems.append(Problem("file", words))
    if problems or found is None:
        raise Invalid(problems)
    extension = name.rsplit(".", 1)[-1].lower()
    stored = Attachment(
        record_type=type(record).resource(),
        record_id=record.id,
        attachment_type=found.code,
        filename=name,
        stored_as=f"{uuid.uuid4().hex}.{extension}",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mime=KINDS[extension][0],
        uploaded_by_id=actor.account_id,
        uploaded_by_name=actor.name,
        uploaded_at=actor.at,
    )
    stored.path.write_bytes(content)
    session.info.setdefault("stored", []).append(stored.path)
    session.add(stored)
    session.flush()  # the caller shows its id
    return stored


def _text(raw: Any) -> str:
    try:
        return clean(raw if raw is not None else "")
    except Wrong:
        return ""


def _fault(name: str, content: bytes) -> Any:
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if not content:
        return _("请选择文件；空文件不能上传")
    if extension not in KINDS:
        return _("只能上传 jpg、png、pdf、doc、docx、xls、xlsx 文件")
    if len(content) > MAX_BYTES:
        return _("文件不能超过10MB")
    guess = filetype.guess_mime(content)
    mime = "application/x-ole-storage" if guess is None and content.startswith(_OLE) else guess
    if mime not in KINDS[extension]:
        return _("文件内容与扩展名「%(extension)s」不符", extension=extension)
    return None


def discard(session: Session, stored: Attachment) -> None:
    """Remove one file; its bytes go when the transaction is kept."""
    session.info.setdefault("discarded", []).append(stored.path)
    session.delete(stored)


def discard_all(session: Session, record_type: str, record_id: int) -> None:
    """Remove every file of a record that is being deleted."""
    paths = [stored.path for stored in of(session, record_type, record_id)]
    if paths:
        session.execute(
            delete(Attachment)
            .where(Attachment.record_type == record_type, Attachment.record_id == record_id)
            .execution_options(**door("a deleted record's own files"))
        )
        session.info.setdefault("discarded", []).extend(paths)


@event.listens_for(Session, "after_commit")
def _kept(session: Session) -> None:
    """The transaction stands: discarded files go."""
    session.info.pop("stored", None)
    for path in session.info.pop("discarded", ()):
        path.unlink(missing_ok=True)


@event.listens_for(Session, "after_rollback")
def _undone(session: Session) -> None:
    """The transaction is undone: files stored in it go, discarded ones stay."""
    session.info.pop("discarded", None)
    for path in session.info.pop("stored", ()):
        path.unlink(missing_ok=True)
