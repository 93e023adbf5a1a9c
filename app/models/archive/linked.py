"""Records that hang on an archive: 帮扶救助, and whatever else is done for a worker who has a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _
from sqlalchemy import inspect, select, update
from sqlalchemy.orm import Mapped, Session, declared_attr, relationship

from app.kit import columns, identity, name_search
from app.kit.clock import today
from app.kit.errors import Problem
from app.kit.record import Record, session_of
from app.kit.scope import Actor, class_of_table, door
from app.models.archive.lookup import conflict_words, files_of, holding

#: what a linked record repeats of its archive, so that a list shows and finds it wherever the archive is
REPEATED = ("full_name", "id_card_no")


def person_is_known(record: Linked) -> Iterator[Problem]:
    """The worker has a file: in one's own lists, or anywhere in the country by his number (AID-R118, Q07)."""
    if record.archive_id is None:
        yield record.why_unknown()
    elif record.is_another():
        yield Problem("id_card_no", _("已保存的记录不能改到另一名职工名下，请删除后重新填写"))


class Linked(Record):
    """Adds the archive. A worker is named by his number, which is looked up in the whole country, or by ``archive_id``."""

    __abstract__ = True
    merge_moves: ClassVar[tuple[str, ...]] = ("archive_id",)

    archive_id: Mapped[int] = columns.reference(
        _("职工档案"), "archive", system=True, nullable=False, index=True
    )
    full_name: Mapped[str] = columns.text(_("职工姓名"), 50, automatic=True, nullable=False, search="name")
    id_card_no: Mapped[str] = columns.id_card(_("身份证号"), required=True, nullable=False, index=True)

    rules = (person_is_known,)

    @declared_attr
    def archive(cls) -> Mapped[Any]:  # noqa: N805 - a class method to SQLAlchemy
        """The worker's file; None where the reader does not see it."""
        return relationship("Archive", foreign_keys=f"{cls.__name__}.archive_id", viewonly=True)  # type: ignore[attr-defined]

    @property
    def archive_no(self) -> str:
        """职工编号, where the reader sees the file."""
        return self.archive.archive_no if self.archive is not None else ""

    @property
    def form_key(self) -> str:
        """The draft of a new record is of one worker."""
        return super().form_key if self.id or not self.archive_id else f"new-{self.archive_id}"

    @classmethod
    def merge_moved(cls, session: Session, archive_id: int) -> None:
        """Records that came to a file by a merge, or went back, are called as it is."""
        _repeat(session, cls, archive_id)

    def derive(self, actor: Actor) -> None:
        """A new record finds its worker and repeats his name and number."""
        super().derive(actor)
        if self.id is None and (found := self._found()) is not None:
            self.archive_id = found.id
            for name in REPEATED:
                setattr(self, name, getattr(found, name))

    def _found(self) -> Any:
        """The file that was named; by number it may be anywhere, by id alone it must be seen."""
        session, number = session_of(self), self.id_card_no
        if number:
            files = [file for file in files_of(session, number) if self.archive_id in (None, file.id)]
            self.archive_id = None  # type: ignore[assignment]  # what was typed is not obeyed before it is found
            return files[0] if len(files) == 1 else None
        if self.archive_id is None:
            return None
        cls = class_of_table("archive")
        mine = select(cls).where(cls.id == self.archive_id, cls.merged_into_id.is_(None))
        self.archive_id = None  # type: ignore[assignment]  # as above
        return session.scalar(mine)

    def why_unknown(self) -> Problem:
        """What is wrong with a number, or an id, that leads to no file."""
        number, session = self.id_card_no, session_of(self)
        if not number:
            words = _("没有找到所选的职工档案，或它不在您单位的范围内；其他单位的职工请按身份证号查询")
            return Problem("archive_id", words)
        if fault := identity.fault(number, today()):
            return Problem("id_card_no", fault)
        held = holding(session, number)
        heads = [role for _file, role in held if role == "head"]
        if len(heads) > 1:
            return Problem("id_card_no", _("该身份证号有多份档案，请先合并重复档案"))
        if heads:
            return Problem("id_card_no", _("身份证号与所选的职工档案不是同一名职工，请核对"))
        if held:
            return Problem("id_card_no", conflict_words(session, held[0][0].id, "member"))
        return Problem("id_card_no", _("没有该身份证号的职工档案，请先新增职工档案"))

    def is_another(self) -> bool:
        """Whether a stored record was given another worker's number or file."""
        if self.id is None:
            return False
        was = inspect(self).attrs
        numbers = was.id_card_no.history.deleted
        return bool(was.archive_id.history.deleted) or any(
            identity.normal(number) != identity.normal(self.id_card_no or "") for number in numbers
        )


def repeat(session: Session, archive_id: int) -> None:
    """Tell the records that hang on an archive what it is called by now."""
    for cls in Linked.__subclasses__():
        _repeat(session, cls, archive_id)


def _repeat(session: Session, cls: Any, archive_id: int) -> None:
    """Set-based: whoever owns the records, none of them is disturbed; the keys of their names go with them."""
    file, look = class_of_table("archive"), door("what an archive is called")
    said = {
        name: select(getattr(file, name)).where(file.id == archive_id).scalar_subquery() for name in REPEATED
    }
    mine = update(cls).where(cls.archive_id == archive_id).values(said)
    session.execute(mine.execution_options(synchronize_session=False, names_mended=True, **look))
    ids = select(cls.id).where(cls.archive_id == archive_id).execution_options(**look)
    name_search.mend(session, cls, session.scalars(ids).all())


def repeat_when_changed(session: Session, before: Mapping[str, Any], now: Any) -> None:
    """`repeat` after a save or a step that changed what is repeated."""
    if before and now is not None and any(before.get(name) != getattr(now, name) for name in REPEATED):
        repeat(session, now.id)


__all__ = ["REPEATED", "Linked", "repeat", "repeat_when_changed"]
