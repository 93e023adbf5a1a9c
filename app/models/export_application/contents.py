"""What an application asks for: which archives, which columns, and the files that they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from app.kit import exchange, exporting, tree
from app.kit.columns import day_after, day_start
from app.kit.exporting import Selection
from app.kit.scope import Actor, class_of_table
from app.models.archive.lists import in_normal_lists, is_formal, is_migrant, is_temporary

if TYPE_CHECKING:
    from app.kit.view import RecordView
    from app.models.export_application import ExportApplication

#: code → label and what belongs to it; each file holds what the list of that name shows (docs/decisions/0030)
KINDS: dict[str, tuple[Any, Callable[[], ColumnElement[bool]]]] = {
    "hardship": (_("困难职工档案"), is_formal),
    "migrant": (_("农民工档案"), is_migrant),
    "temporary": (_("临时救助档案"), is_temporary),
}
#: columns beside those of the sheet
ALSO = (
    "household_income_per_capita",
    "monthly_income_per_capita",
    "created_at",
    "report_state",
    "is_cancelled",
    "cancelled_at",
    "cancel_reason",
)

#: what the note beside the files tells of the application
TOLD = (
    "applied_on",
    "export_unit_id",
    "include_subordinates",
    "archive_kinds",
    "created_from",
    "created_to",
    "include_cancelled",
    "columns",
    "reason",
    "approver_unit_name",
    "approver",
    "approved_at",
)


def kind_offers() -> list[tuple[str, Any]]:
    """导出档案类型."""
    return [(code, label) for code, (label, _where) in KINDS.items()]


def _archives() -> RecordView:
    found: RecordView = current_app.extensions["views"]["archive"]
    return found


def column_offers() -> list[tuple[str, Any]]:
    """导出字段: those of the paper form, and what became of the file."""
    view = _archives()
    names = dict.fromkeys((*exporting.whole_sheet(view), *ALSO))
    return [(name, view.label_of(name)) for name in names]


def wanted(application: ExportApplication, kind: str) -> Select[Any]:
    """The archives of one kind; the scope of who asks is added to every statement (AID-R111)."""
    archive: Any = class_of_table("archive")
    where = [KINDS[kind][1](), in_normal_lists()]
    if application.include_cancelled:
        gone = and_(archive.is_cancelled.is_(True), archive.merged_into_id.is_(None))
        where[1] = or_(in_normal_lists(), gone)
    path = application.export_unit.path
    if application.include_subordinates is False:
        where.append(archive.owner_path == path)
    else:
        where.append(tree.at_level(archive.owner_path, path))
    if application.created_from:
        where.append(archive.created_at >= day_start(application.created_from))
    if application.created_to:
        where.append(archive.created_at < day_after(application.created_to))
    return select(archive).where(*where)


class Contents:
    """The files of one application, written once: ``files`` gives name and bytes, piece by piece."""

    def __init__(
        self, session: Session, application: ExportApplication, actor: Actor, since: datetime
    ) -> None:
        self.application, self.actor = application, actor
        self.encoding = "gb18030" if application.in_utf8 is False else "utf-8"
        names = application.columns or [name for name, _label in column_offers()]
        chosen = (
            Selection(_archives(), actor, wanted(application, kind), names)
            for kind in application.archive_kinds
        )
        made = [exporting.selected(session, selection, since) for selection in chosen]
        self.parts = list(zip(application.archive_kinds, made, strict=True))
        self.expected = sum(number for _kind, (_head, number, _rows) in self.parts)
        #: kind → rows written
        self.counts: dict[str, int] = {}

    def files(self, tick: Callable[[], None]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """A CSV for each kind, and the note that goes with them; ``tick`` is called after each row."""
        for kind, (head, _number, rows) in self.parts:
            self.counts[kind] = 0
            lines = exchange.csv_lines(head, self._counted(kind, rows, tick), self.encoding)
            yield f"{KINDS[kind][0]}.csv", lines
        yield gettext("说明.txt"), self._note()

    def _counted(self, kind: str, rows: Iterator[list[Any]], tick: Callable[[], None]) -> Iterator[list[Any]]:
        for row in rows:
            self.counts[kind] += 1
            tick()
            yield row

    def words(self) -> str:
        """How many of each kind."""
        told = [
            gettext("%(what)s%(n)s户", what=str(KINDS[kind][0]), n=number)
            for kind, number in self.counts.items()
        ]
        return "、".join(told)

    def _note(self) -> Iterator[bytes]:
        """Who, when, what, how many: a file without it is a riddle a year later."""
        application, fields = self.application, type(self.application).fields()
        lines = [(gettext("申请单位"), self.actor.unit_name)]
        lines += [(str(fields[name].label), application.text(name)) for name in TOLD]
        lines += [
            (gettext("导出时间"), f"{self.actor.at:%Y-%m-%d %H:%M}"),
            (gettext("导出户数"), self.words()),
            (gettext("数据范围"), gettext("本单位的档案，和下级单位已上报到本单位的档案")),
            (gettext("说明"), gettext("每个文件与系统中同名的列表一致；困难职工档案含农民工档案")),
            (gettext("提示"), gettext("文件含个人信息，请妥善保管，用完及时删除")),
        ]
        text = "".join(f"{label}：{value}\r\n" for label, value in lines)
        yield ("\ufeff" if self.encoding == "utf-8" else "").encode() + text.encode(self.encoding)
