"""职工档案管理 in the menu, in the order of aid.md 6."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.module import Entry, sweeps
from app.models.archive import Archive


def entries(shelf: str, title: Any, noun: Any) -> Entry:
    """The menu of one kind of archives (aid.md 6)."""
    here = (("shelf", shelf),)
    return Entry(
        title,
        entries=(
            Entry(_("%(noun)s列表", noun=noun), "list", here),
            Entry(_("增加新的档案"), "add", here, permission="write"),
            Entry(_("修改%(noun)s", noun=noun), "list", (*here, ("sub", "0")), permission="write"),
            Entry(_("%(noun)s查询", noun=noun), "list", (*here, ("panel", "all"))),
            Entry(_("%(noun)s统计", noun=noun), "statistic", here),
            Entry(_("下载档案表格"), "blank", here),
        ),
    )


MENU = (
    entries("hardship", _("困难职工档案管理"), _("职工档案")),
    entries("migrant", _("农民工档案管理"), _("农民工档案")),
    entries("temporary", _("临时救助档案管理"), _("临时救助职工档案")),
    Entry(_("快速上报和退回"), entries=sweeps(Archive)),
)
