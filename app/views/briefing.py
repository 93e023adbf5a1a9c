"""工作简报管理, and the briefings for everybody."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit import scope
from app.kit.declaration import Shelf
from app.kit.module import Entry
from app.models.briefing import Briefing
from app.models.document import publishes
from app.views.document import READING, TITLE, WORDS, BulletinView


class BriefingView(BulletinView):
    """The unit's own issues to keep, those of the whole country to read (AID-R196, R197)."""

    model = Briefing
    list_title = _("工作简报")
    columns = ("published_on", "title", "issue_no", "owner_unit_name")
    facts = ("issue_no", "owner_unit_name", "published_on", "keywords")
    sheet = (
        (_("简报信息"), ("title", "issue_no", "published_on", "keywords")),
        (_("内容"), ("body",)),
    )
    conditions = ("published_on", TITLE, WORDS, "owner_unit_name")
    shelves = (
        Shelf("own", _("工作简报列表"), lambda: Briefing.owner_path == scope.actor().path),
        Shelf(READING, _("工作简报"), steps=(), can_delete=True, empty_words=_("还没有工作简报。")),
    )
    measure_word = _("期")
    add_label, delete_label = _("增加新的简报信息"), _("删除选中的简报信息")
    empty_words = _("本单位还没有发布工作简报。点击「增加新的简报信息」发布第一期。")


MENU = (
    Entry(_("工作简报列表"), "list", (("shelf", "own"),), only=publishes),
    Entry(_("工作简报查询"), "list", (("shelf", READING), ("panel", "all")), only=publishes),
)
