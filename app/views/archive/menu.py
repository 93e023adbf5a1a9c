"""职工档案管理 in the menu, in the order of aid.md 6."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.module import Entry, display_options, sweeps
from app.models.archive import Archive
from app.views import export_application
from app.views.archive import problems, transferring


def entries(shelf: str, title: Any, noun: Any, *life: Entry) -> Entry:
    """The menu of one kind of archives (aid.md 6); ``life`` are the lines of its life cycle."""
    here = (("shelf", shelf),)
    return Entry(
        title,
        entries=(
            Entry(_("%(noun)s列表", noun=noun), "list", here),
            Entry(_("增加新的档案"), "add", here, permission="write"),
            Entry(_("修改%(noun)s", noun=noun), "list", (*here, ("sub", "0")), permission="write"),
            *life,
            Entry(_("%(noun)s查询", noun=noun), "list", (*here, ("panel", "all"))),
            Entry(_("%(noun)s统计", noun=noun), "statistic", here),
            Entry(_("下载档案表格"), "blank", here),
        ),
    )


MENU = (
    entries(
        "hardship",
        _("困难职工档案管理"),
        _("职工档案"),
        Entry(_("转为临时救助档案"), "list", (("shelf", "to_temporary"),), "to_temporary"),
        Entry(_("恢复注销职工档案"), "restore", (("shelf", "restoring"),), "restore"),
        Entry(_("注销职工档案库"), "list", (("shelf", "cancelled"),)),
    ),
    entries(
        "migrant",
        _("农民工档案管理"),
        _("农民工档案"),
        Entry(_("恢复注销农民工档案"), "restore", (("shelf", "restoring_migrant"),), "restore"),
        Entry(_("注销农民工档案库"), "list", (("shelf", "cancelled_migrant"),)),
    ),
    entries(
        "temporary",
        _("临时救助档案管理"),
        _("临时救助职工档案"),
        Entry(_("临时救助职工档案转正"), "list", (("shelf", "to_formal"),), "to_formal"),
    ),
    export_application.MENU,
    Entry(_("快速上报和退回"), entries=sweeps(Archive)),
    display_options("archive"),
    problems.ENTRY,
    Entry(
        _("高级档案管理"),
        entries=(
            Entry(_("合并重复档案"), "merge_duplicates", permission="merge"),
            Entry(_("合并不同档案"), "merge_different", permission="merge"),
            Entry(_("疑似重复档案"), "likeness.list"),
            Entry(_("合并记录"), "mergers", permission="merge"),
            *transferring.ENTRIES,
        ),
    ),
)
