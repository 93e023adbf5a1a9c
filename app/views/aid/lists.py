"""What the lists of aids show, and which there are (3.11)."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import scope
from app.kit.declaration import Shelf, Shown
from app.kit.pages import Chip, SheetPage
from app.models.aid import Aid


def measures_of(aid: Aid) -> str:
    """The measures, separated by a space as the manual prints them; the fund in brackets, 已汇总 beside it (3.11)."""
    return " ".join(
        gettext("%(measure)s已汇总", measure=line.title) if line.is_summarised else line.title
        for line in aid.measures
    )


def mark_summarised(page: SheetPage, aid: Aid) -> None:
    """The same on the page of an aid."""
    for section in page.sections:
        for row, line in zip(section.child.rows, aid.measures, strict=True) if section.child else ():
            if line.is_summarised:
                row.fields[0].chips = [Chip(_("已汇总"), "blue")]


SHOWN = {
    "archive_no": Shown(_("职工编号"), lambda aid: aid.archive_no),
    "measures_text": Shown(_("帮扶措施"), measures_of, is_elastic=True),
}


def is_open() -> ColumnElement[bool]:
    """What the unit holds: of its own records those that it has not reported, or has got back (AID-R131)."""
    return Aid.holder_depth == scope.actor().depth


ENTRY = Shelf("entry", _("帮扶情况填报"), is_counted=True)
CHANGE = Shelf(
    "change",
    _("修改帮扶救助信息"),
    is_open,
    is_own=True,
    steps=(),
    can_delete=True,
    advice=_("这里是本单位未上报和被退回的帮扶信息，可以编辑和删除；已上报的请上级单位退回。"),
    empty_words=_("本单位没有未上报的帮扶救助信息。"),
    follows="entry",
)
