"""来访人: who came, wrote or called for help or advice, and who received him."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns, identity, rules
from app.kit.errors import Problem
from app.kit.record import Record, session_of
from app.kit.scope import Actor, class_of_table
from app.models.archive.lookup import files_of
from app.models.family_member import id_card_check_digit, id_card_is_well_formed

#: what is taken from the visitor's file where nothing was typed
TAKEN = ("gender", "worker_identity", "phone", "home_address", "employer_name", "employer_nature", "industry")


def ends_after(record: Any, begins: str, ends: str) -> Iterator[Problem]:
    """A date is not before another of the same record."""
    first, last = getattr(record, begins), getattr(record, ends)
    if first and last and last < first:
        fields = type(record).fields()
        words = _("%(last)s不能早于%(first)s", last=fields[ends].label, first=fields[begins].label)
        yield Problem(ends, words)


class Visitor(Record):
    """Adds the visitor, linked to his file where his number leads to one (REC-14 #5)."""

    __abstract__ = True
    merge_moves: ClassVar[tuple[str, ...]] = ("archive_id",)

    archive_id: Mapped[int | None] = mapped_column(
        ForeignKey("archive.id", ondelete="SET NULL"), index=True, info={"system": True}
    )
    id_card_no: Mapped[str | None] = columns.id_card(_("身份证号"), index=True)
    worker_identity: Mapped[str | None] = columns.code(_("身份"), "worker_identity")
    phone: Mapped[str | None] = columns.text(_("联系电话"), 30, rules=(rules.telephone,))
    employer_name: Mapped[str | None] = columns.text(_("工作单位"), 100)
    employer_nature: Mapped[str | None] = columns.code(_("单位性质"), "employer_nature")
    receptionist: Mapped[str] = columns.text(_("接待人"), 50, required=True, nullable=False)
    remarks: Mapped[str | None] = columns.long_text(_("备注"), 2000)

    rules = (id_card_is_well_formed, id_card_check_digit)

    def derive(self, actor: Actor) -> None:
        """The receiver is who writes, unless another is named; the file is looked up in the whole country."""
        super().derive(actor)
        self.receptionist = self.receptionist or actor.name
        session, number = session_of(self), self.id_card_no or ""
        files = files_of(session, number) if number else []
        self.archive_id = files[0].id if len(files) == 1 else None
        self.gender = self.gender or identity.gender(number)
        if self.archive_id:
            cls = class_of_table("archive")
            self._take(session.scalar(select(cls).where(cls.id == self.archive_id)))

    def _take(self, file: Any) -> None:
        """What the file says, where nothing was typed and the writer sees the file."""
        for name in TAKEN if file is not None else ():
            if hasattr(self, name) and not getattr(self, name):
                setattr(self, name, getattr(file, name))
