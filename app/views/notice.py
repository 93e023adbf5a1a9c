"""通知管理, and the notices for those whom they are for."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit import scope
from app.kit.declaration import Shelf
from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.scope import Actor
from app.models.document import publishes
from app.models.notice import Notice
from app.views.document import READING, TITLE, WORDS, BulletinView


class NoticeView(BulletinView):
    """The unit's own notices to keep, shown or not; those of 全总 and of one's province to read (AID-R198, R199)."""

    model = Notice
    list_title = _("通知")
    columns = ("published_on", "title", "is_visible", "shown_from", "shown_to", "owner_unit_name")
    facts = ("owner_unit_name", "published_on")
    sheet = (
        (_("通知信息"), ("title", "is_visible", "shown_from", "shown_to")),
        (_("内容"), ("body",)),
    )
    conditions = ("published_on", TITLE, WORDS, "is_visible")
    shelves = (
        Shelf("own", _("通知管理"), lambda: Notice.owner_path == scope.actor().path),
        Shelf(
            READING,
            _("通知"),
            columns=("published_on", "title", "owner_unit_name"),
            conditions=("published_on", TITLE, WORDS, "owner_unit_name"),
            steps=(),
            empty_words=_("还没有通知。"),
        ),
    )
    add_label, delete_label, save_label = _("增加新的通知"), _("删除选中的通知"), _("确定")
    empty_words = _("本单位还没有发布通知。点击「增加新的通知」发布第一条。")

    def begins(self, actor: Actor) -> Typed:
        """Shown, from now on."""
        return {}


MENU = (Entry(_("通知管理"), "list", (("shelf", "own"),), only=publishes),)
